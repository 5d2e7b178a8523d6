"""How much of the relay's processor time each bridge took: its share by the packets it carried. Pure."""

from collections.abc import Mapping


class Effort:
    """Shares out what the process has used since the last time; nanoseconds.

    What is used while nothing is carried is nobody's. Encrypting, forwarding and RTCP cost by the packet, so packets
    are a fair measure among bridges.
    """

    def __init__(self, used: int) -> None:
        self._used = used
        self._carried: dict[str, int] = {}

    def share(self, used: int, carried: Mapping[str, int]) -> dict[str, int]:
        """Each bridge's part, from what the process has used and each bridge has carried since they began."""
        fresh = {name: max(0, count - self._carried.get(name, 0)) for name, count in carried.items()}
        spent, total = max(0, used - self._used), sum(fresh.values())
        self._used, self._carried = used, dict(carried)
        return {name: spent * count // total for name, count in fresh.items() if count} if total else {}
