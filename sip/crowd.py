"""How many connections there may be: in all, from one host, and from hosts that nobody knows yet. Pure."""

from collections import Counter
from enum import Enum, auto

from parloir.sip.settings import Streams

STRANGERS_EACH = 8


class Standing(Enum):
    """What a host is to us: one of ours, one that may yet prove who it is, or one that gets nothing."""

    KNOWN = auto()
    STRANGER = auto()
    UNWELCOME = auto()


class Crowd:
    """The connections that others have opened. Strangers get half of all places and few for each host."""

    def __init__(self, terms: Streams) -> None:
        self._terms = terms
        self._by_host: Counter[str] = Counter()

    def enter(self, host: str, standing: Standing) -> bool:
        """Count one more in, if it may come in."""
        known = standing is Standing.KNOWN
        total = self._terms.total if known else self._terms.total // 2
        each = self._terms.per_source if known else min(self._terms.per_source, STRANGERS_EACH)
        if standing is Standing.UNWELCOME or self._by_host.total() >= total or self._by_host[host] >= each:
            return False
        self._by_host[host] += 1
        return True

    def leave(self, host: str) -> None:
        """Count one out."""
        self._by_host[host] -= 1
        if self._by_host[host] <= 0:
            del self._by_host[host]
