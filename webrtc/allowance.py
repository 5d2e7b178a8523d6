"""How many checks a stranger may cost us: token buckets by source, in bounded memory."""

from ipaddress import ip_network
from typing import Final

_KEPT: Final = 4096


class Allowance:
    """Token buckets, one a source: `rate` tokens a second, at most `burst` saved; time is given, in seconds.

    At most `kept` sources are remembered; beyond that the one unheard of for longest is forgotten.
    """

    def __init__(self, rate: float, burst: float, kept: int = _KEPT) -> None:
        self._rate = rate
        self._burst = burst
        self._kept = kept
        self._buckets: dict[object, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, source: object, now: float) -> bool:
        """Spend one of the source's tokens; False when it has none left."""
        tokens, at = self._buckets.pop(source, (self._burst, now))
        tokens = min(self._burst, tokens + max(0.0, now - at) * self._rate)
        allowed = tokens >= 1
        self._buckets[source] = (tokens - 1 if allowed else tokens, max(now, at))
        if len(self._buckets) > self._kept:
            del self._buckets[next(iter(self._buckets))]
        return allowed


def owner(host: str) -> str:
    """Who is behind an address, for rationing: an IPv4 address itself, an IPv6 one's /64."""
    return str(ip_network(f"{host.partition('%')[0]}/64", strict=False)) if ":" in host else host
