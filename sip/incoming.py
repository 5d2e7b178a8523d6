"""A leg that a phone calls: its INVITE, until the calls take or refuse it, and the 200 until its ACK."""

from typing import TYPE_CHECKING

from parloir.sip import dialog as dialogs
from parloir.sip import refresh
from parloir.sip.leg import Leg
from parloir.sip.message import Header, Request, Response
from parloir.sip.session import EndKind, Gone, SessionEnd, SessionEvents
from parloir.sip.slots import Slot
from parloir.sip.transactions import Asked

if TYPE_CHECKING:
    from parloir.sip.edge import Edge


class IncomingLeg(Leg):
    """Both the incoming call (sip.session.Incoming) and, once accepted, its session."""

    def __init__(self, edge: "Edge", id: str, slot: Slot, asked: Asked, station: tuple[str, str], dialled: str) -> None:
        super().__init__(edge, id, slot, asked.source)
        self.facility, self.station = station
        self.dialled = dialled
        self.offer = asked.request.sdp
        self.call_id = asked.request.call_id
        self.early = dialogs.as_callee(id, asked.request, self.tag, asked.source)
        self.invite_number = asked.request.cseq.number
        self.note_allows(asked.request)
        self._asked = asked
        self._answer = ""
        self._rung = False
        self._rejected = False
        self._gone: list[Gone] = []
        self._end: SessionEnd | None = None
        asked.tag = self.tag
        asked.cancelled = self._cancelled

    def start(self) -> None:
        """Invite the line."""
        self.line.offer(reliable="100rel" in self._asked.request.tokens("Require"))

    def knows(self, tag: str | None) -> bool:
        """The caller's tag is known from its INVITE on."""
        return self.early.remote_tag == tag

    def ring(self) -> None:
        """Send 180 Ringing, once."""
        if not self.over and not self._rung:
            self._rung = True
            self.line.answer_phone(180)

    def accept(self, sdp: str, events: SessionEvents) -> "IncomingLeg":
        """Answer 200 with this SDP."""
        self.events = events
        self._answer = sdp
        if self._end is not None:
            self.edge.clock.callLater(0, events.ended, self, self._end)
        elif not self.over:
            self.line.answer_phone(200)
        return self

    def reject(self, status: int, phrase: str = "") -> None:
        """Refuse it; harmless when it is over."""
        if self.over or self.events is not None:
            return
        self._rejected = True
        self._asked.respond(status, phrase=phrase)
        self.finish(SessionEnd(EndKind.ENDED_HERE, status, phrase), status)

    def on_cancel(self, gone: Gone) -> None:
        """Have `gone` called once if the phone gives up before accept() or reject()."""
        self._gone.append(gone)
        if self._end is not None and self.events is None:
            self.edge.clock.callLater(0, gone, self._end)

    def _cancelled(self) -> None:
        self.finish(SessionEnd(EndKind.CANCELLED, 487))

    def tell(self, end: SessionEnd) -> None:
        """Tell the call that the leg is over, whoever has it by now."""
        self._end = end
        if self.events is not None:
            self.events.ended(self, end)
        elif not self._rejected:
            for gone in self._gone:
                gone(end)

    def line_progresses(self, response: Response) -> None:
        """Ring the phone, reliably where it asked for that (RFC 3262)."""
        reliable: list[Header] = []
        if "100rel" in response.tokens("Require"):
            reliable = [("Require", "100rel"), ("RSeq", response.one("RSeq"))]
        self._asked.respond(response.status, *reliable)

    def line_answers(self) -> None:
        """Answer the phone, once its dialog is stored, with the real description; its ACK confirms the leg."""
        if not self.over:
            self.edge.dialogs.save(self.early)
            self.once_stored(self._answer_phone)

    def _answer_phone(self) -> None:
        if self.over:
            return
        self.await_ack(self._asked, self._confirmed)
        self.keep(self.early)
        agreed, timer = refresh.answer(self._asked.request, self.edge.settings.session_expires) or (None, ())
        self._asked.respond(200, *timer, body=self._answer)
        self.refresher.agree(agreed)

    def _confirmed(self, ack: Request) -> None:
        if self.over:
            self.bye()
            return
        theirs = self.offer if self.offer is not None else ack.sdp
        if theirs is None:
            self.finish(SessionEnd(EndKind.NOT_ACCEPTABLE, None, "No session description in the ACK"))
        elif self.events is not None:
            self.events.answered(self, theirs)

    def depart(self, status: int) -> None:
        """Refuse the phone, or hang up on it once its ACK has come."""
        if not self._asked.core.answered:
            self._asked.respond(status)
        if self._asked.request.cseq.number not in self.unacknowledged:
            super().depart(status)
