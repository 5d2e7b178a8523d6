"""What the phone's leg does to its call (sip.session.SessionEvents)."""

from typing import TYPE_CHECKING

from parloir.calls import reason as reasons
from parloir.calls.call import Event, Hold
from parloir.calls.keys import Keys, Way
from parloir.policy.values import Alert, Severity
from parloir.relay import commands
from parloir.sip.session import EndKind, NotAcceptable, Session, SessionEnd

if TYPE_CHECKING:
    from parloir.calls.live import LiveCall


class PhoneSide:
    """Hears the phone's leg, and feeds its call."""

    def __init__(self, live: "LiveCall") -> None:
        self._live = live
        self._keys = Keys()

    def ringing(self, session: Session) -> None:
        """The phone rings."""
        self._live.feed(Event.PHONE_RINGING)

    def answered(self, session: Session, sdp: str) -> None:
        """The phone's leg is confirmed."""
        self._live.session = session
        self._live.bridge.signalled_from = session.remote.host
        try:
            if self._live.bridge.ours is not None:
                self._live.bridge.take_answer(sdp)
        except NotAcceptable as error:
            self._live.end(reasons.CodecMismatch(str(error)))
            return
        self._live.feed(Event.PHONE_ANSWERED)
        self._note_hold()

    async def offered(self, session: Session, sdp: str) -> str:
        """A re-INVITE or UPDATE: hold, another address, another codec."""
        body = self._live.bridge.answer_to_phone(sdp)
        await self._live.bridge.set_phone()
        self._note_hold()
        return body

    def current(self, session: Session) -> str:
        """What is in use now, as an offer."""
        return self._live.bridge.restate()

    def reanswered(self, session: Session, sdp: str) -> None:
        """The phone's answer to what is in use."""
        try:
            self._live.bridge.take_answer(sdp)
        except NotAcceptable as error:
            self._live.end(reasons.CodecMismatch(str(error)))
            return
        self._live.go(self._live.bridge.set_phone())
        self._note_hold()

    def keyframe_wanted(self, session: Session) -> None:
        """The phone asked for a picture by SIP INFO."""
        self._live.go(self._live.bridge.do(commands.AskKeyframe, leg="browser"))

    def digit(self, session: Session, digit: str) -> None:
        """A key was pressed, and told by SIP INFO."""
        self.pressed(Way.SIGNALLING, digit)

    def pressed(self, way: Way, digit: str) -> None:
        """A key, told in one way or the other: no menu listens to it in a visit."""
        if self._keys.press(way, digit, self._live.around.timelines.clock.monotonic() / 1e9):
            self._live.note("key_pressed")

    def transfer_refused(self, session: Session, by: str, target: str) -> None:
        """The phone, or its PBX, tried to hand the call to somebody else."""
        self._live.note("transfer_refused", by=by, target=target)
        text = f"The phone of station {self._live.visit.station} tried to transfer its call ({by}); that was refused."
        alert = Alert(severity=Severity.WARNING, code="transfer_refused", text=text, subject=self._live.id)
        self._live.around.timelines.alarm(self._live.visit.facility, self._live.id, alert)

    def ended(self, session: Session, end: SessionEnd) -> None:
        """The phone's leg is over; one that refused an encrypted offer may be made another."""
        if end.kind is EndKind.NOT_ACCEPTABLE and self._live.ring_again():
            return
        self._live.session_over()
        self._live.end(reasons.of_phone(end))

    def _note_hold(self) -> None:
        held = Hold.PHONE in self._live.call.holds
        if self._live.bridge.on_hold and not held:
            self._live.feed(Event.HELD, hold=Hold.PHONE)
        elif held and not self._live.bridge.on_hold:
            self._live.feed(Event.RESUMED, hold=Hold.PHONE)
