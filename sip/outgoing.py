"""A leg that we call: INVITE to the phone, ring, answer, and every way that can fail."""

from typing import TYPE_CHECKING

from parloir.sip import challenge, refresh
from parloir.sip import dialog as dialogs
from parloir.sip.ending import kind_of
from parloir.sip.errors import MalformedMessage
from parloir.sip.flow import SUPPORTED, Flow
from parloir.sip.leg import Leg
from parloir.sip.message import CSeq, Header, Request, Response
from parloir.sip.session import Dialog, EndKind, SessionEnd, SessionEvents
from parloir.sip.slots import Slot
from parloir.sip.surroundings import Timer, stop
from parloir.sip.target import Way
from parloir.sip.transactions import Sent
from parloir.sip.uri import NameAddr

if TYPE_CHECKING:
    from parloir.sip.edge import Edge

MOST_FORKS = 16


class OutgoingLeg(Leg):
    """Rings a phone; several phones may answer one INVITE (a fork), and the first wins."""

    def __init__(
        self,
        edge: "Edge",
        id: str,
        slot: Slot,
        way: Way,
        sdp: str,
        events: SessionEvents,
        caller: str = "",
    ) -> None:
        super().__init__(edge, id, slot, way.flow)
        self.login = way.login
        self.events = events
        self._way = way
        self._sdp = sdp
        self._caller = caller
        self._credentials: tuple[Header, ...] = ()
        self._least = 0
        self._sent: Sent | None = None
        self._number = 0
        self._heard = False
        self._rang = False
        self._ringing: set[str] = set()
        self._early: dict[str, str] = {}
        self._reliable: dict[str, int] = {}
        self._acks: dict[str, tuple[Flow, Request]] = {}
        self._held: Response | None = None
        self._timers: list[Timer] = []

    def knows(self, tag: str | None) -> bool:
        """Any of the phones that ring may send a request."""
        return super().knows(tag) or tag in self._ringing

    def start(self) -> None:
        """Have the line call, and begin to wait."""
        if self.over:
            self.edge.lines.release(self.id)
            return
        later, terms = self.edge.clock.callLater, self.edge.settings
        patience = min(terms.reply_timeout, terms.ring_timeout)
        self._timers = [later(patience, self._silent), later(terms.ring_timeout, self._rung_out)]
        self.line.place(str(self._way.uri))

    def _silent(self) -> None:
        if self._sent is None:
            self.finish(SessionEnd(EndKind.FAILED, None, "the line did not place the call"))
        elif not self._heard:
            self.finish(SessionEnd(EndKind.UNREACHABLE, 408))

    def _rung_out(self) -> None:
        self.finish(SessionEnd(EndKind.NO_ANSWER, 408))

    def line_invites(self, request: Request) -> None:
        """Take the line's INVITE to the phone, with our own names and the real description."""
        self._invite()

    def _invite(self) -> None:
        self._number += 1
        face = self.edge.face(self.flow)
        caller = NameAddr(self._way.sender or face.uri(), self._caller)
        routes = (("Route", route) for route in self._way.route)
        timer = refresh.ask(self.edge.settings.session_expires, self._least)
        more = (*routes, ("Supported", SUPPORTED), *timer, *self._credentials)
        invite = dialogs.invite(face, self.call_id, self._number, self.tag, str(self._way.uri), caller, *more)
        self._sent = self.edge.outer.send(invite.with_body(self._sdp), self.flow, self._response)

    def _response(self, response: Response | None) -> None:
        sent = self._sent
        if sent is None:
            return
        if response is None:
            self._refuse(408, "")
            return
        self._heard = True
        try:
            if response.status < 200:
                self._progress(sent.request, response)
            elif response.status < 300:
                self._answer(sent.request, response)
            else:
                self._refused(sent.request, response)
        except MalformedMessage as error:
            self.edge.log("sip.malformed", session=self.id, where=error.where, why=error.why)
            if response.status >= 200 and self.dialog is None:
                self.finish(SessionEnd(EndKind.FAILED, response.status, str(error)))
                self.retire()

    def _progress(self, invite: Request, response: Response) -> None:
        """Ringing. A description that comes early counts if the 200 brings none, and joins nothing before that."""
        tag = response.recipient.tag
        if tag and len(self._ringing) < MOST_FORKS:
            self._ringing.add(tag)
        if tag and tag in self._ringing and response.sdp:
            self._early[tag] = response.sdp
        if "100rel" in response.tokens("Require") and tag and len(self._reliable) < MOST_FORKS:
            self._acknowledge_provisional(invite, response, tag)
        if response.status in (180, 183) and not self._rang and not self.over:
            self._rang = True
            self.line.progress()
            if self.events is not None:
                self.events.ringing(self)

    def _acknowledge_provisional(self, invite: Request, response: Response, tag: str) -> None:
        """PRACK (RFC 3262 section 4), each once and in order."""
        sequence = response.one("RSeq")
        if not (sequence.isascii() and sequence.isdigit() and len(sequence) <= 10):
            raise MalformedMessage("RSeq", "not a number")
        if int(sequence) <= self._reliable.get(tag, -1):
            return
        self._reliable[tag] = int(sequence)
        self._number += 1
        early = dialogs.as_caller(self.id, invite, response, self.flow)
        flow = dialogs.next_hop(early)
        acknowledged = ("RAck", f"{sequence} {CSeq(invite.cseq.number, 'INVITE')}")
        prack = dialogs.request(early, "PRACK", self.edge.face(flow), acknowledged, number=self._number)
        self.edge.outer.send(prack, flow, lambda _: None)

    def _answer(self, invite: Request, response: Response) -> None:
        tag = response.recipient.tag or ""
        if tag in self._acks:
            if self._held is None or tag != self._held.recipient.tag:
                self.edge.send(*self._acks[tag])
            return
        if len(self._acks) >= MOST_FORKS:
            return
        dialog = self._prepare_ack(dialogs.as_caller(self.id, invite, response, self.flow), tag, invite.cseq.number)
        if len(self._acks) > 1:
            self.edge.send(*self._acks[tag])
            self._end_fork(dialog)
            return
        self._stop_timers()
        self.keep(dialog)
        self._held = response
        self.offered = True
        if self.over:
            self._acknowledge()
            self.bye()
        else:
            self.once_stored(self._take_answer)

    def _prepare_ack(self, dialog: Dialog, tag: str, number: int) -> Dialog:
        """Have the ACK ready, also for repeats of the 200, and return the record with the numbers used so far."""
        flow = dialogs.next_hop(dialog)
        self._acks[tag] = flow, dialogs.request(dialog, "ACK", self.edge.face(flow), number=number)
        return dialogs.numbered(dialog, self._number)

    def _acknowledge(self) -> Response | None:
        """Acknowledge the answer that waited for its dialog to be stored, and return it; None if none does."""
        response, self._held = self._held, None
        if response is not None:
            self.offered = False
            self.edge.send(*self._acks[response.recipient.tag or ""])
        return response

    def _take_answer(self) -> None:
        response = self._acknowledge()
        if response is None:
            return
        self.note_allows(response)
        self.refresher.agree_with(response)
        self.line.answer_line()
        answer = response.sdp or self._early.get(response.recipient.tag or "")
        if answer is None:
            self.finish(SessionEnd(EndKind.NOT_ACCEPTABLE, response.status, "No session description"))
        elif self.events is not None:
            self.events.answered(self, answer)

    def _end_fork(self, dialog: Dialog) -> None:
        """Another phone answered too late: hang up on it (RFC 3261 section 13.2.2.4)."""
        flow = dialogs.next_hop(dialog)
        bye = dialogs.request(dialogs.advanced(dialog), "BYE", self.edge.face(flow))
        self.edge.outer.send(bye, flow, lambda _: None)

    def _refused(self, invite: Request, response: Response) -> None:
        """Answer a challenge, or ask for a longer session timer (RFC 4028 section 7.3); else the call is refused."""
        shown = challenge.answered(self.login, invite, response, dialogs.token())
        if shown is not None and not self.over:
            self._credentials = (shown,)
            self._invite()
        elif response.status == 422 and refresh.least_of(response) > self._least and not self.over:
            self._least = refresh.least_of(response)
            self._credentials = ()
            self._invite()
        else:
            self._refuse(response.status, response.phrase)

    def _refuse(self, status: int, phrase: str) -> None:
        self.line.refuse(status)
        self.finish(SessionEnd(kind_of(status, self._rang), status, phrase[:80]))
        if not self._acks:
            self.retire()

    def depart(self, status: int) -> None:
        """Hang up, or cancel; a 200 that crosses the CANCEL is acknowledged and hung up."""
        self._stop_timers()
        self._acknowledge()
        if self.dialog is None and self._sent is not None and not self._acks:
            self._sent.cancel()
        else:
            super().depart(status)

    def _stop_timers(self) -> None:
        for timer in self._timers:
            stop(timer)
