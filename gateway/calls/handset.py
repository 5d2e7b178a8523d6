"""A phone that the attendant has answered: heard by the attendant, until a call takes it and hears it instead."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from twisted.internet.defer import ensureDeferred
from twisted.internet.error import ConnectionClosed
from twisted.python.failure import Failure

from parloir.calls.bridge import Bridge
from parloir.calls.keys import Keys, Way
from parloir.calls.reason import Reason
from parloir.policy.participants import Resident
from parloir.relay import commands
from parloir.relay.bodies import Report
from parloir.rtp.description import Address
from parloir.sip.session import Gone, Incoming, NotAcceptable, Session, SessionEnd, SessionEvents


class Guide(Protocol):
    """Who leads the phone through the menu."""

    def answered(self) -> None:
        """The phone can hear."""

    def pressed(self, digit: str) -> None:
        """A key, once for each press."""

    def came_back(self, reason: Reason | None) -> None:
        """The call came to nothing; None: the visitor did not come."""

    def gone(self) -> None:
        """The phone has hung up, or has been hung up on."""


@dataclass(eq=False)
class Handset:
    """An incoming call as a LiveCall takes it (sip.session.Incoming), answered already, on a bridge without a browser.

    It hears the phone's leg (sip.session.SessionEvents), and passes that on once a call has accepted it. `resident` is
    who has proved to be on the phone.
    """

    reactor: Any
    incoming: Incoming
    facility: str = field(init=False)
    station: str = field(init=False)
    dialled: str = field(init=False)
    offer: str | None = field(init=False)
    bridge: Bridge = field(init=False)
    menu: Guide = field(init=False)
    resident: Resident | None = None
    session: Session | None = None
    calling: bool = False
    over: bool = False
    _call: SessionEvents | None = None
    _described: str = ""
    _gone: list[Gone] = field(default_factory=list)
    _keys: Keys = field(default_factory=Keys)

    def __post_init__(self) -> None:
        self.facility, self.station = self.incoming.facility, self.incoming.station
        self.dialled, self.offer = self.incoming.dialled, self.incoming.offer

    @property
    def remote(self) -> Address:
        """The address its signalling comes from."""
        return self.incoming.remote

    async def answer(self, host: str, video: bool) -> None:
        """Answer the phone; raises NotAcceptable, NoRelay, NoPorts, Unreachable."""
        await self.bridge.open(host, video)
        if self.over:
            await self.bridge.close()
            return
        offer = self.incoming.offer
        body = self.bridge.offer_to_phone() if offer is None else self.bridge.answer_to_phone(offer)
        self.session = self.incoming.accept(body, self)

    def go(self, work: Any) -> None:
        """Do something; what fails because the phone has gone meanwhile is no fault."""
        ensureDeferred(work).addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        if not isinstance(failure.value, commands.Interrupted | commands.NoSuchBridge | ConnectionClosed):
            self.hang_up()

    # As a call takes it.

    @property
    def taken(self) -> bool:
        """Whether a call has it."""
        return self._call is not None

    def ring(self) -> None:
        """It is hearing already that somebody is called."""

    def accept(self, sdp: str, events: SessionEvents) -> Session:
        """Hand the phone to a call, which hears it from now on; it was answered long ago, whatever `sdp` is."""
        assert self.session is not None
        self._call = events
        self.reactor.callLater(0, events.answered, self.session, self._described)
        return self.session

    def reject(self, status: int, phrase: str = "") -> None:
        """The visitor did not come in time. What a call that has begun comes to, `returned` says."""
        if not self.calling:
            self.menu.came_back(None)

    def on_cancel(self, gone: Gone) -> None:
        """Have `gone` called if the phone hangs up, or gives up the call, before a call takes it."""
        self._gone.append(gone)

    def give_up(self, end: SessionEnd) -> None:
        """Nobody waits for the call any more."""
        asked, self._gone = self._gone, []
        for gone in asked:
            gone(end)

    def returned(self, reason: Reason) -> None:
        """The call is over: where it has not taken the phone, the menu goes on."""
        self.calling = False
        self._gone.clear()
        if self._call is not None or self.over:
            return
        if self.bridge.relay is None:
            self.hang_up()
        else:
            self.menu.came_back(reason)

    def cancelled(self) -> None:
        """It gave up, or was refused, before it was answered."""
        self.over = True
        self.menu.gone()
        self.go(self.bridge.close())

    def hang_up(self) -> None:
        """End it."""
        if self.session is not None:
            self.session.end()
        else:
            self.incoming.reject(480)

    # What the phone's leg does.

    def ringing(self, session: Session) -> None:
        """It is the phone that called."""

    def answered(self, session: Session, sdp: str) -> None:
        """The phone's leg is confirmed: its media is known."""
        self._described = sdp
        self.bridge.signalled_from = session.remote.host
        try:
            if self.bridge.ours is not None:
                self.bridge.take_answer(sdp)
        except NotAcceptable:
            session.end()
            return
        self.go(self._begin())

    async def _begin(self) -> None:
        await self.bridge.set_phone()
        self.menu.answered()

    async def offered(self, session: Session, sdp: str) -> str:
        """A re-INVITE or UPDATE."""
        if self._call is not None:
            return await self._call.offered(session, sdp)
        body = self.bridge.answer_to_phone(sdp)
        await self.bridge.set_phone()
        self._described = sdp
        return body

    def current(self, session: Session) -> str:
        """What is in use now, as an offer."""
        return self._call.current(session) if self._call is not None else self.bridge.restate()

    def reanswered(self, session: Session, sdp: str) -> None:
        """The phone's answer to what is in use."""
        if self._call is not None:
            self._call.reanswered(session, sdp)
            return
        try:
            self.bridge.take_answer(sdp)
        except NotAcceptable:
            session.end()
            return
        self._described = sdp
        self.go(self.bridge.set_phone())

    def keyframe_wanted(self, session: Session) -> None:
        """There is no picture in a menu."""
        if self._call is not None:
            self._call.keyframe_wanted(session)

    def digit(self, session: Session, digit: str) -> None:
        """A key, told by SIP INFO."""
        if self._call is not None:
            self._call.digit(session, digit)
        else:
            self.pressed(Way.SIGNALLING, digit)

    def pressed(self, way: Way, digit: str) -> None:
        """A key, told in one way or the other."""
        if self._call is None and self._keys.press(way, digit, self.reactor.seconds()):
            self.menu.pressed(digit)

    def transfer_refused(self, session: Session, by: str, target: str) -> None:
        """The phone tried to hand itself on."""
        if self._call is not None:
            self._call.transfer_refused(session, by, target)

    def ended(self, session: Session, end: SessionEnd) -> None:
        """The phone's leg is over."""
        self.over = True
        self.menu.gone()
        if self._call is not None:
            self._call.ended(session, end)
            return
        self.give_up(end)
        self.go(self.bridge.close())


@dataclass(frozen=True)
class HandsetMedia:
    """What the relay sees of a phone that the attendant has answered (calls.relays.BridgeEvents)."""

    handset: Handset

    def digit(self, digit: str) -> None:
        """A key, told in the media."""
        self.handset.pressed(Way.MEDIA, digit)

    def phone_strays(self) -> None:
        """It sends another codec than the first that it kept: say which one is meant."""
        if self.handset.session is not None and self.handset.bridge.open_ended:
            self.handset.session.restate()

    def relay_lost(self) -> None:
        """Its media is gone."""
        self.handset.hang_up()

    def leg_up(self, leg: str) -> None:
        """Its first packet came."""

    def leg_lost(self, leg: str, why: str) -> None:
        """Only browsers are lost so."""

    def leg_back(self, leg: str) -> None:
        """Only browsers come back so."""

    def leg_silent(self, leg: str, silent: bool) -> None:
        """The menu's own patience sees to it."""

    def keyframe_wanted(self) -> None:
        """Nobody sees its picture."""

    def picture_rests(self, rests: bool) -> None:
        """Nobody sees its picture."""

    def quality(self, report: Report) -> None:
        """Nothing is noted of a menu."""
