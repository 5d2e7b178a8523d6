"""How often something may happen: a bucket that refills with time, and one such bucket for each of many."""

from dataclasses import dataclass


@dataclass
class Allowance:
    """`most` at once, all of them again after `seconds`. Times are monotonic seconds."""

    most: int
    seconds: float
    used: float = 0.0
    since: float = 0.0

    def take(self, now: float) -> bool:
        """Use one, if there is one."""
        if not self.left(now):
            return False
        self.used += 1
        return True

    def left(self, now: float) -> bool:
        """Whether there is one to use."""
        self.used = max(0.0, self.used - (now - self.since) * self.most / self.seconds)
        self.since = now
        return self.used + 1 <= self.most


class Allowances:
    """One allowance for each address; at most `addresses` are remembered, the longest unused is forgotten first."""

    def __init__(self, most: int, seconds: float, addresses: int = 10_000) -> None:
        self._most = most
        self._seconds = seconds
        self._addresses = addresses
        self._by_address: dict[str, Allowance] = {}

    def left(self, address: str, now: float) -> bool:
        """Whether that address has one to use; asking costs nothing and remembers nothing."""
        allowance = self._by_address.get(address)
        return allowance is None or allowance.left(now)

    def take(self, address: str, now: float) -> bool:
        """Use one of that address's."""
        allowance = self._by_address.pop(address, None) or Allowance(self._most, self._seconds, since=now)
        self._by_address[address] = allowance
        if len(self._by_address) > self._addresses:
            del self._by_address[next(iter(self._by_address))]
        return allowance.take(now)
