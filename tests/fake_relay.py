"""A relay of the mind: takes every command, answers at once or when told, and remembers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from parloir.relay import commands
from parloir.relay.bodies import BrowserTerms, Candidate, PhonePorts, Report
from parloir.rtp.description import Kind

TERMS = BrowserTerms(
    ufrag="ufrag",
    password="p" * 22,
    fingerprint=("sha-256", ":".join(["AB"] * 32)),
    candidates=(Candidate(address="127.0.0.1", port=20000, priority=1),),
    cname="cname",
    ssrcs={Kind.AUDIO: 1, Kind.VIDEO: 2},
)


@dataclass
class FakeRelay:
    """Stands for the AMP connection to a relay. Prompts last until `finish` or `interrupt`.

    It reports what `report` says or, with a `clock` (seconds), the time that media has crossed and flowed. `answers`
    are those to commands that it does not know of.
    """

    done: list[str] = field(default_factory=list)
    arguments: list[dict[str, Any]] = field(default_factory=list)
    prompts: list[tuple[str, "Deferred[dict[str, Any]]"]] = field(default_factory=list)
    fail: dict[str, Exception] = field(default_factory=dict)
    answers: dict[type, dict[str, Any]] = field(default_factory=dict)
    report: Report = field(default_factory=Report)
    clock: Callable[[], float] | None = None
    flows: bool = True
    _flowed: float = 0.0
    _at: float = 0.0

    def callRemote(self, command: type, **arguments: Any) -> "Deferred[dict[str, Any]]":  # noqa: N802
        """What a call says to its relay."""
        name = command.__name__
        self._count()
        self.done.append(name)
        self.arguments.append(arguments)
        if name in self.fail:
            return Deferred.fromCoroutine(_raise(self.fail[name]))
        if command in (commands.Announce, commands.Play):
            waiting: Deferred[dict[str, Any]] = Deferred()
            self.prompts.append((arguments["prompt"], waiting))
            return waiting
        answers: dict[type, dict[str, Any]] = {
            commands.OpenPhone: {"ports": PhonePorts(audio=30000, video=30002 if arguments.get("video") else None)},
            commands.OpenBrowser: {"terms": TERMS},
            commands.RestartIce: {"terms": TERMS.model_copy(update={"ufrag": "fresh"})},
            commands.GetReport: {"report": self.reported},
            commands.CloseBridge: {"report": self.reported},
        }
        return succeed((answers | self.answers).get(command, {}))

    @property
    def reported(self) -> Report:
        """What it has counted so far."""
        self._count()
        if self.clock is None or self.report.flowing:
            return self.report
        return self.report.model_copy(update={"flowing": round(self._flowed * 1000)})

    def flow(self, flows: bool) -> None:
        """The browser ceases to send, or sends again; nobody has noticed yet."""
        self._count()
        self.flows = flows

    def _count(self) -> None:
        now = self.clock() if self.clock else 0.0
        if self.flows and self.crossing:
            self._flowed += now - self._at
        self._at = now

    def finish(self) -> None:
        """The last prompt was played to its end."""
        self.prompts.pop()[1].callback({"milliseconds": 4000})

    def interrupt(self) -> None:
        """The first prompt still playing is cut short."""
        self.prompts.pop(0)[1].errback(Failure(commands.Interrupted()))

    @property
    def crossing(self) -> bool:
        """Whether media crosses: the last of Join and Part was Join."""
        last = [name for name in self.done if name in ("Join", "Part")]
        return last[-1:] == ["Join"]


async def _raise(error: Exception) -> dict[str, Any]:
    raise error
