"""The browser's place in a bridge: who sits there, who is about to, and whether they are still there."""

import secrets
from collections.abc import Callable

from parloir.relay.bodies import BrowserSide, BrowserTerms, StreamReport
from parloir.relay.browser import BrowserLeg
from parloir.relay.commands import Refused
from parloir.relay.services import Services
from parloir.relay.tally import tally
from parloir.rtp.description import Kind

HANDSHAKE = 20.0
"""Seconds that a browser has from its answer to its keys."""


class Seat:
    """At most one browser sits here, and at most one more is on its way to take the seat over (a page reloaded).

    `taken` is called when a browser has just sat down, `left` with the reason when the seat's browser is gone, `back`
    when one that was lost has come back. `name` and `cname` are the bridge's.
    """

    def __init__(
        self,
        name: str,
        cname: str,
        services: Services,
        taken: Callable[[], None],
        left: Callable[[str], None],
        back: Callable[[], None],
    ) -> None:
        self.leg: BrowserLeg | None = None
        self._coming: BrowserLeg | None = None
        self._coming_due: float | None = None
        self._name = name
        self._cname = cname
        self._services = services
        self._taken = taken
        self._left = left
        self._back = back
        self._lost = False
        self._carried: dict[Kind, StreamReport] = {}

    @property
    def occupied(self) -> bool:
        """Whether a browser sits here and can be heard."""
        return self.leg is not None and self.leg.secured and not self._lost

    def open(self) -> BrowserTerms:
        """Make ready for a browser; one that was on its way before is turned away."""
        services = self._services
        self._turn_away()
        self._coming = BrowserLeg(
            f"{self._name}#{secrets.token_hex(4)}",
            services.switch,
            services.ntp,
            self._cname,
            services.browsers.fd,
            services.browsers.certificate,
            self._sit,
            self._fail,
            services.later,
        )
        return services.browsers.open(self._coming)

    def set(self, side: BrowserSide, now: float) -> None:
        """Let the browser that is on its way shake hands. Raises Refused if none was made ready for."""
        if self._coming is None:
            raise Refused("no browser leg was opened that is not set already")
        self._coming.set(side)
        self._coming_due = now + HANDSHAKE

    def restart(self) -> BrowserTerms:
        """New ICE credentials for the browser that sits here. Raises Refused if none does."""
        if self.leg is None:
            raise Refused("there is no browser whose ICE could be restarted")
        return self._services.browsers.restart(self.leg)

    def alive(self, leg: str) -> None:
        """The browser of the leg of that name has made a valid check."""
        if self._lost and self.leg is not None and self.leg.secured and self.leg.name == leg:
            self._lost = False
            self._back()

    def attend(self, now: float, lost: frozenset[str]) -> None:
        """Notice who has gone (`lost`: the names of the legs that ICE misses) and who did not come in time."""
        if self.leg is not None and self.leg.secured and not self._lost and self.leg.name in lost:
            self._lost = True
            self._left("the browser has stopped answering")
        if self._coming_due is not None and now > self._coming_due and self._coming is not None:
            self._fail(self._coming, "the browser did not finish its DTLS handshake in time")

    def tally(self) -> dict[Kind, StreamReport]:
        """The figures of all who sat here."""
        return tally(self.leg, self._carried) if self.leg is not None else self._carried

    def close(self) -> None:
        """Send everyone away."""
        self._turn_away()
        self._clear()

    def _sit(self, leg: BrowserLeg) -> None:
        self._clear()
        self.leg, self._coming, self._coming_due, self._lost = leg, None, None, False
        self._taken()

    def _fail(self, leg: BrowserLeg, why: str) -> None:
        if leg is self._coming:
            self._turn_away()
            if self.leg is None:
                self._left(why)
        elif leg is self.leg and not self._lost:
            self._lost = True
            self._left(why)

    def _turn_away(self) -> None:
        if self._coming is not None:
            self._services.browsers.close(self._coming)
        self._coming, self._coming_due = None, None

    def _clear(self) -> None:
        if self.leg is not None:
            self._carried = self.tally()
            self._services.browsers.close(self.leg)
        self.leg = None
