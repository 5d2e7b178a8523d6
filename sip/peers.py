"""The hosts that calls have brought us together with, beside those that the configuration names. Pure."""

from collections import Counter, OrderedDict

MOST = 4096
LINGER = 180.0
"""How long a host is listened to after its last call, in seconds: what it repeats comes within 32, and a phone that
an earlier run rang may be answered late."""


class Peers:
    """Hosts with a call of ours, and those that had one lately. `now` is in seconds of one clock."""

    def __init__(self) -> None:
        self._talking: dict[str, str] = {}
        self._calls: Counter[str] = Counter()
        self._lately: OrderedDict[str, float] = OrderedDict()

    def began(self, call: str, host: str) -> None:
        """A call with that host."""
        self._talking[call] = host
        self._calls[host] += 1

    def ended(self, call: str, now: float) -> None:
        """It is over; harmless when it was."""
        host = self._talking.pop(call, None)
        if host is not None:
            self._calls[host] -= 1
            if not self._calls[host]:
                del self._calls[host]
            self.met(host, now)

    def met(self, host: str, now: float) -> None:
        """We have something to say to that host, and may hear of it."""
        self._lately.pop(host, None)
        self._lately[host] = now
        while len(self._lately) > MOST or now - next(iter(self._lately.values())) >= LINGER:
            self._lately.popitem(last=False)

    def knows(self, host: str, now: float) -> bool:
        """Whether to listen to that host."""
        met = self._lately.get(host)
        return host in self._calls or (met is not None and now - met < LINGER)
