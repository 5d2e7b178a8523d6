"""Which call slot of which line is free; no line, no clock: reservations only."""

from dataclasses import dataclass

from parloir.sip.session import NoFreeLine


@dataclass(frozen=True)
class Slot:
    """One call's place: line and the account in it, both counted from 0."""

    line: int
    index: int


class Slots:
    """The pool. Calls are spread over the lines, so that one that dies takes few with it."""

    def __init__(self, calls: int, per_line: int) -> None:
        self._sizes = [min(per_line, calls - first) for first in range(0, calls, per_line)]
        self._free: dict[int, list[int]] = {}

    @property
    def free(self) -> int:
        """How many calls could begin now."""
        return sum(map(len, self._free.values()))

    def size(self, line: int) -> int:
        """How many slots that line has."""
        return self._sizes[line]

    def line_up(self, line: int) -> None:
        """A fresh line: all its slots are free."""
        self._free[line] = list(range(self._sizes[line]))

    def line_down(self, line: int) -> None:
        """The line is gone, its slots with it."""
        self._free.pop(line, None)

    def reserve(self, kept: int = 0) -> Slot:
        """Take a slot of the least busy line, leaving `kept` free for others; NoFreeLine when that cannot be."""
        if self.free <= kept:
            raise NoFreeLine(f"{self.free} of {sum(self._sizes)} call slots free, {kept} kept; raise sip.calls")
        line = max(self._free, key=lambda index: len(self._free[index]))
        return Slot(line, self._free[line].pop(0))

    def release(self, slot: Slot) -> None:
        """Give a slot back; harmless when its line is gone or it is free already."""
        free = self._free.get(slot.line)
        if free is not None and slot.index not in free:
            free.append(slot.index)
