"""A leg's inner half: one call of one line, shown nothing of the phone but that it rings, answers and hangs up."""

from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from parloir.rtp.description import Address
from parloir.sip import dialog as dialogs
from parloir.sip import dummy
from parloir.sip.commands import Answer, HangUp, LineError, Place
from parloir.sip.flow import Flow
from parloir.sip.lines import Lines
from parloir.sip.message import Header, Request, Response
from parloir.sip.session import Dialog
from parloir.sip.slots import Slot
from parloir.sip.transactions import Asked, Transactions
from parloir.sip.transport import Sockets
from parloir.sip.uri import NameAddr, Uri


class Outer(Protocol):
    """The outer half, as its line call tells it what the line does."""

    def line_invites(self, request: Request) -> None:
        """The line's INVITE, first or again with credentials."""

    def line_progresses(self, response: Response) -> None:
        """The line rings (18x) a phone's call."""

    def line_answers(self) -> None:
        """The line has answered a phone's call."""

    def line_leaves(self, why: str) -> None:
        """The line will not have the call, or has hung it up."""


class LineCall:
    """One call of one line. Its SIP goes over the inner socket, its orders over AMP."""

    def __init__(self, session: str, slot: Slot, lines: Lines, side: Transactions, wire: Sockets, outer: Outer) -> None:
        self.session = session
        self.slot = slot
        self.over = False
        self.invite_number = 1
        self._lines = lines
        self._side = side
        self._wire = wire
        self._outer = outer
        self._invite: Asked | None = None
        self._dialog: Dialog | None = None
        self._answered = False
        self._known = False
        self._wanted: int | None = None

    # A call that we place: the line is told to, and then invites.

    def place(self, target: str) -> None:
        """Have the line call."""
        self._known = True
        arguments = {"session": self.session, "slot": self.slot.index, "target": target}
        said = self._lines.tell(self.slot.line, Place, **arguments)
        said.addErrback(self._not_placed)

    def _not_placed(self, failure: Failure) -> None:
        if failure.check(LineError):  # type: ignore[no-untyped-call]
            self._lines.release(self.session)
        self._outer.line_leaves(failure.getErrorMessage())

    def progress(self) -> None:
        """Tell the line that the phone rings."""
        if self._invite is not None:
            self._invite.respond(180)

    def answer_line(self) -> None:
        """Tell the line that the phone has answered."""
        if self._invite is not None and not self.over:
            self._invite.respond(200, body=dummy.SDP)
            self._dialog = dialogs.as_callee(self.session, self._invite.request, self._invite.tag, self._invite.source)

    def refuse(self, status: int, *headers: Header) -> None:
        """Tell the line that the phone refused, or wants credentials."""
        if self._invite is not None:
            self._invite.respond(status, *headers)

    def requested(self, asked: Asked) -> None:
        """A request of the line's."""
        match asked.request.method:
            case "INVITE" if self._dialog is None and not self.over:
                self._invite = asked
                asked.cancelled = lambda: self._outer.line_leaves("cancelled by the line")
                self._outer.line_invites(asked.request)
            case "INVITE":
                asked.respond(487 if self.over else 488)
            case "BYE":
                asked.respond(200)
                self._outer.line_leaves("hung up by the line")
            case _:
                asked.respond(405)

    def acknowledged(self) -> None:
        """The line's ACK for our 200."""
        if self._invite is not None:
            self._invite.acknowledged()

    # A call of the phone's: the line is invited, and told how to answer.

    def offer(self, reliable: bool) -> None:
        """Invite the line; `reliable` asks for reliable provisional responses (RFC 3262)."""
        flow = self._wire.flow(Address("127.0.0.1", self._lines.port(self.slot.line)))
        face = self._wire.face(flow)
        target = str(Uri(f"slot{self.slot.index}", flow.peer.host, flow.peer.port))
        caller = NameAddr(face.uri("phone"))
        more = [("Require", "100rel")] if reliable else []
        request = dialogs.invite(face, self.session, self.invite_number, dialogs.token(), target, caller, *more)
        self._side.send(request.with_body(dummy.SDP), flow, lambda response: self._heard(request, response, flow))

    def _heard(self, invite: Request, response: Response | None, flow: Flow) -> None:
        if response is None or response.status >= 300:
            if self._wanted is None:
                self._lines.release(self.session)
            self._outer.line_leaves(f"refused by the line: {response.status if response else 'no answer'}")
            return
        if response.recipient.tag and not self._answered:
            used = self._dialog.local_cseq if self._dialog is not None else 0
            self._dialog = dialogs.numbered(dialogs.as_caller(self.session, invite, response, flow), used)
        self._now_known()
        if 100 < response.status < 200:
            self._outer.line_progresses(response)
        elif response.status >= 200:
            self._acknowledge(invite.cseq.number)
            if not self._answered:
                self._answered = True
                self._outer.line_answers()

    def _now_known(self) -> None:
        if not self._known:
            self._known = True
            if self._wanted is not None:
                self._order(self._wanted)

    def answer_phone(self, status: int) -> None:
        """Have the line answer with 180 or 200, as soon as it has the call."""
        self._wanted = status
        if self._known:
            self._order(status)

    def _order(self, status: int) -> None:
        if status:
            said = self._lines.tell(self.slot.line, Answer, session=self.session, status=status)
            said.addErrback(lambda failure: self._outer.line_leaves(failure.getErrorMessage()))
        else:
            self._lines.tell(self.slot.line, HangUp, session=self.session).addErrback(lambda _: None)

    # Both.

    def has(self, call_id: str) -> bool:
        """Whether a message of the line's with that Call-ID belongs to this call."""
        return call_id == self.session or (self._invite is not None and self._invite.request.call_id == call_id)

    def repeat(self, method: str, *headers: Header) -> Deferred[int]:
        """Take a request of the phone's (INVITE or UPDATE with the dummy, or PRACK) to the line; its final status."""
        done: Deferred[int] = Deferred()
        if self._dialog is None or self.over:
            done.callback(481)
            return done
        self._dialog = dialogs.advanced(self._dialog)
        number = self._dialog.local_cseq
        flow = dialogs.next_hop(self._dialog)
        request = dialogs.request(self._dialog, method, self._wire.face(flow), *headers)
        if method in ("INVITE", "UPDATE"):
            request = request.with_body(dummy.SDP)

        def heard(response: Response | None) -> None:
            if method == "INVITE" and response is not None and 200 <= response.status < 300:
                self._acknowledge(number)
            if (response is None or response.status >= 200) and not done.called:
                done.callback(response.status if response else 408)

        self._side.send(request, flow, heard)
        return done

    def _acknowledge(self, number: int) -> None:
        if self._dialog is not None:
            flow = dialogs.next_hop(self._dialog)
            ack = dialogs.request(self._dialog, "ACK", self._wire.face(flow), number=number)
            self._wire.send(flow, bytes(ack))

    def end(self) -> None:
        """Have the line hang up; harmless when it has."""
        if self.over:
            return
        self.over = True
        self._wanted = 0
        if self._known:
            self._order(0)
