"""Which of a browser's addresses media goes to: the pairs it checked and nominated (RFC 8445 sections 7.3.1.5, 8)."""

from dataclasses import dataclass, field
from typing import Final

from parloir.webrtc.addresses import Address

_PERSISTENCE: Final = 3
_MOST_PAIRS: Final = 16


@dataclass
class Nomination:
    """The addresses one leg was validly checked from, and the one selected among those it nominated.

    The first address checked serves until one is nominated (RFC 8445 section 12.1 allows it): Chromium sends its
    DTLS hello before it nominates. A nominated address replaces the selected one when its priority is higher; or
    when it is the same host and priority at another port, which is how a NAT rebinding looks; or when it was
    nominated three times since the selected one last was, which is how a browser leaves a network without an ICE
    restart. So neither an aggressive controller, which nominates everything, nor a reordered packet makes the
    choice flap.
    """

    selected: Address | None = None
    priority: int = -1
    _checked: dict[Address, int] = field(default_factory=dict)

    def addresses(self) -> list[Address]:
        """Every address kept, the one heard from longest ago first; the selected one is always among them."""
        return list(self._checked)

    def checked(self, address: Address) -> Address | None:
        """Note a valid check; returns the address that was forgotten for it, if any (16 are kept)."""
        self._checked[address] = self._checked.pop(address, 0)
        if self.selected is None:
            self.selected = address
        if len(self._checked) <= _MOST_PAIRS:
            return None
        forgotten = next(each for each in self._checked if each not in (self.selected, address))
        del self._checked[forgotten]
        return forgotten

    def nominated(self, address: Address, priority: int) -> None:
        """Note that a checked address was nominated, which may make it the selected one."""
        self._checked[address] += 1
        rebound = self.selected is not None and priority == self.priority and address[0] == self.selected[0]
        persistent = self._checked[address] >= _PERSISTENCE
        if address == self.selected or priority > self.priority or rebound or persistent:
            self.select(address, priority)

    def select(self, address: Address, priority: int) -> None:
        """Take this address whatever was selected, as after an ICE restart."""
        self.selected, self.priority = address, priority
        self._checked = dict.fromkeys(self._checked, 0)
