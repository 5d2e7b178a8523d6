"""Keeps one leg's session alive as its timer asks, and ends it when nobody did (RFC 4028 section 10)."""

from typing import TYPE_CHECKING

from parloir.sip import refresh
from parloir.sip.errors import MalformedMessage
from parloir.sip.message import Response
from parloir.sip.refresh import Agreed, Due, Watch
from parloir.sip.session import EndKind, SessionEnd
from parloir.sip.surroundings import Timer, stop

if TYPE_CHECKING:
    from parloir.sip.leg import Leg

GONE = (408, 481)
"""What a phone says that no longer knows the dialog (RFC 5057)."""


class Refresher:
    """The session timer of one leg, with its clock."""

    def __init__(self, leg: "Leg") -> None:
        self._leg = leg
        self._least = 0
        self._watch: Watch | None = None
        self._timer: Timer | None = None

    def agree(self, agreed: Agreed | None) -> None:
        """The session was set up or refreshed so; None for a session without a timer."""
        self._watch = Watch(agreed, self._leg.edge.clock.seconds()) if agreed and not self._leg.over else None
        self._arm()

    def agree_with(self, response: Response) -> None:
        """The phone answered our INVITE so."""
        self.agree(self._settled(response))

    def stop(self) -> None:
        """The session is over."""
        self.agree(None)

    def _arm(self) -> None:
        stop(self._timer)
        self._timer = None
        if self._watch is not None:
            clock = self._leg.edge.clock
            self._timer = clock.callLater(max(0.0, self._watch.due - clock.seconds()), self._wake)

    def _wake(self) -> None:
        due = self._watch.elapse(self._leg.edge.clock.seconds()) if self._watch else Due.NOTHING
        if due is Due.END:
            self._expired(None)
            return
        self._arm()
        if due is Due.REFRESH and not self._leg.busy:
            self._refresh()

    def _refresh(self) -> None:
        if self._watch is None:
            return
        headers = refresh.ask(self._watch.agreed.seconds, self._least)
        if "UPDATE" in self._leg.allows:
            self._leg.ask("UPDATE", self._heard, *headers)
        else:
            self._leg.offer_again(self._heard, *headers)

    def _heard(self, response: Response | None) -> None:
        if self._leg.over or self._watch is None or (response is not None and response.status < 200):
            return
        if response is None or response.status in GONE:
            self._expired(response)
        elif response.status < 300:
            self.agree_with(response)
        elif response.status == 422:
            self._longer(response)

    def _settled(self, response: Response) -> Agreed | None:
        """What the phone's 2xx says; what was agreed before, where it says nothing or nonsense."""
        try:
            return refresh.settled(response) or (self._watch.agreed if self._watch else None)
        except MalformedMessage:
            return self._watch.agreed if self._watch else None

    def _longer(self, response: Response) -> None:
        """The phone wants a longer interval: ask for that, once for each it names."""
        try:
            least = refresh.least_of(response)
        except MalformedMessage:
            return
        if least > self._least:
            self._least = least
            self._refresh()

    def _expired(self, response: Response | None) -> None:
        self._leg.finish(SessionEnd(EndKind.EXPIRED, response.status if response else None, "Session expired"))
