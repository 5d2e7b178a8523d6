"""Counters and gauges in Prometheus' text format (version 0.0.4)."""

from collections.abc import Callable, Mapping

Labels = tuple[tuple[str, str], ...]
Reading = Callable[[], float | Mapping[Labels, float]]


class Metrics:
    """A small registry: counters are raised where things happen, gauges are read when somebody looks."""

    def __init__(self) -> None:
        self._help: dict[str, tuple[str, str]] = {}
        self._counts: dict[str, dict[Labels, float]] = {}
        self._readings: dict[str, Reading] = {}

    def counter(self, name: str, help: str) -> None:
        """Announce a counter, so that it is shown (as 0) before anything happened."""
        self._help[name] = ("counter", help)
        self._counts.setdefault(name, {})

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Raise an announced counter; KeyError for an unknown one."""
        counts = self._counts[name]
        key = tuple(sorted(labels.items()))
        counts[key] = counts.get(key, 0) + amount

    def gauge(self, name: str, help: str, read: Reading) -> None:
        """Announce a gauge; `read` answers one number, or one for each set of labels (name and value pairs)."""
        self._help[name] = ("gauge", help)
        self._readings[name] = read

    def text(self) -> str:
        """All of it, as /metrics shows it."""
        lines: list[str] = []
        for name, (kind, help) in self._help.items():
            lines += [f"# HELP {name} {help}", f"# TYPE {name} {kind}"]
            lines += [f"{name}{_braces(labels)} {value:g}" for labels, value in self._values(name).items()]
        return "\n".join(lines) + "\n"

    def _values(self, name: str) -> Mapping[Labels, float]:
        if name in self._counts:
            return self._counts[name] or {(): 0.0}
        reading = self._readings[name]()
        return {(): float(reading)} if isinstance(reading, (int, float)) else reading


def _braces(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escape(value)}"' for name, value in labels) + "}"


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
