"""A visit's waiting room: the visitor's page while it is open, and the call once there is one."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from parloir.calls import words
from parloir.calls.live import LiveCall
from parloir.calls.reason import LimitReached, Reason, VisitorLeft
from parloir.rtp.agreement import has_picture
from parloir.store.visits import Visit
from parloir.webrtc import sdp
from parloir.webrtc.errors import WebRtcError
from parloir.webrtc.sdp import BrowserOffer
from parloir.webrtc.signalling import (
    Accept,
    Block,
    Decline,
    Ended,
    Failed,
    FromPage,
    IceServer,
    Join,
    Leave,
    Ping,
    Pong,
    Restart,
    Status,
    ToPage,
    Welcome,
)


class Page(Protocol):
    """A visitor's open page."""

    def send(self, message: ToPage) -> None: ...

    def close(self, reason: str) -> None: ...


class Room:
    """One visit's room. `ready` is called when the visitor has joined and the visit's time has come, `empty` when
    neither page nor call is left in it, `estimate` when the page should hear what the visit would cost."""

    def __init__(
        self,
        visit: Visit,
        facility: str,
        language: str,
        reactor: Any,
        now: Callable[[], datetime],
        ready: Callable[["Room"], None],
        ice_servers: Callable[[], tuple[IceServer, ...]],
        relay_only: bool,
        empty: Callable[["Room"], None] = lambda room: None,
        estimate: Callable[["Room"], None] = lambda room: None,
    ) -> None:
        self.visit = visit
        self.facility = facility
        self.language = language
        self.page: Page | None = None
        self.offer: BrowserOffer | None = None
        self.call: LiveCall | None = None
        self._reactor = reactor
        self._now = now
        self._ready = ready
        self._ice_servers = ice_servers
        self._relay_only = relay_only
        self._empty = empty
        self._estimate = estimate
        self._timer: Any = None

    @property
    def joined(self) -> bool:
        """Whether a visitor is here who pressed Join and has no call yet."""
        return self.page is not None and self.offer is not None and self.call is None

    @property
    def pictured(self) -> bool:
        """Whether the visitor sends a picture: as their browser offers, and assumed before it has."""
        return self.offer is None or has_picture(self.offer.description)

    def enter(self, page: Page) -> "Presence":
        """A page opens; one that was open before is told and let go."""
        if self.page is not None:
            self.say(Ended(reason="Replaced", text=words.pick(words.REPLACED, self.language)))
            self.page.close("replaced")
        self.page = page
        self.say(self._welcome())
        if self.call is not None:
            self.call.page.show_again()
        else:
            self._estimate(self)
        return Presence(self, page)

    def _welcome(self) -> Welcome:
        return Welcome(
            visitor=self.visit.visitor,
            facility=self.facility,
            station=self.visit.station,
            start=self.visit.start,
            end=self.visit.end,
            now=self._now(),
            ice_servers=self._ice_servers(),
            relay_only=self._relay_only,
        )

    def say(self, message: ToPage) -> None:
        """Send to the page, if one is open."""
        if self.page is not None:
            self.page.send(message)

    def take(self, message: FromPage) -> None:
        """What the page says."""
        match message:
            case Ping():
                self.say(Pong())
            case Leave():
                self._leave()
            case Accept() | Decline() | Block():
                if self.call is not None:
                    self.call.page.decided(message)
            case Join() | Restart():
                try:
                    offer = sdp.read(message.sdp)
                except WebRtcError:
                    self.say(Failed(text=words.pick(words.NOT_A_CALL, self.language)))
                    return
                self._restart(offer) if isinstance(message, Restart) else self._join(offer)

    def _join(self, offer: BrowserOffer) -> None:
        self.offer = offer
        if self.call is not None:
            self.call.page.back(offer)
        else:
            self.wait()
            if self.joined:
                self._estimate(self)

    def _restart(self, offer: BrowserOffer) -> None:
        if self.call is not None:
            self.call.page.restart(offer)

    def _leave(self) -> None:
        self.offer = None
        self._cancel()
        if self.call is not None:
            self.call.end(VisitorLeft())

    def wait(self) -> None:
        """Wait for the visit's time, then say that the visitor is ready."""
        self._cancel()
        now = self._now()
        if now >= self.visit.end or not self.visit.is_open:
            self.over(LimitReached())
        elif now < self.visit.start:
            self.say(Status(state="waiting"))
            self._timer = self._reactor.callLater((self.visit.start - now).total_seconds(), self.wait)
        else:
            self._timer = self._reactor.callLater((self.visit.end - now).total_seconds(), self.wait)
            if not self.visit.rings:
                self.say(Status(state="waiting", why="dial", text=words.pick(words.WAITING_FOR_DIAL, self.language)))
            self._ready(self)

    def moved(self) -> None:
        """The visit has another time: say so, and wait for that."""
        self.say(self._welcome())
        self._estimate(self)
        if self.offer is not None and self.call is None:
            self.wait()

    def began(self, call: LiveCall) -> None:
        """The visitor has a call."""
        self._cancel()
        self.call = call

    def over(self, reason: Reason) -> None:
        """The call, or the visit, is over: say why, and whether to try again."""
        self.call = None
        self.offer = None
        self._cancel()
        self.say(
            Ended(
                reason=reason.name,
                text=words.ending(reason, self.language),
                again=reason.again and self._now() < self.visit.end,
            )
        )
        if self.page is None:
            self._empty(self)

    def missed(self, reason: Reason) -> None:
        """A call from inside was not taken, and may never have rung: the visitor goes on waiting, where they wait."""
        if self.page is None or self.offer is None or self.visit.rings:
            self.over(reason)
            return
        self.call = None
        self.wait()
        if self.joined:
            self._estimate(self)

    def gone(self, page: Page) -> None:
        """A page closed."""
        if page is not self.page:
            return
        self.page = None
        if self.call is not None:
            self.call.page.gone()
        else:
            self.offer = None
            self._cancel()
            self._empty(self)

    def _cancel(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None


class Presence:
    """One page's hold on its room; a page that was replaced is no longer heard."""

    def __init__(self, room: Room, page: Page) -> None:
        self._room = room
        self._page = page

    def receive(self, message: FromPage) -> None:
        """A message from this page."""
        if self._room.page is self._page:
            self._room.take(message)

    def left(self) -> None:
        """This page's connection closed."""
        self._room.gone(self._page)
