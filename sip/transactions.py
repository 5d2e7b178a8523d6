"""One side's transactions under way: datagrams matched to them, repeats sent and absorbed, the rest passed on."""

from collections.abc import Callable
from typing import Protocol

from parloir.sip.flow import Face, Flow
from parloir.sip.message import Header, Request, Response
from parloir.sip.response import response
from parloir.sip.surroundings import Clock, Timer, stop
from parloir.sip.transaction import LONGEST, ClientTransaction, Due, ServerTransaction, State, ack_of, cancel_of

MOST = 20_000

Heard = Callable[[Response | None], None]


class Wire(Protocol):
    """What a side sends through."""

    def send(self, flow: Flow, data: bytes) -> None: ...

    def face(self, flow: Flow) -> Face: ...


class _Timed:
    """A transaction with its clock: wakes when something is due."""

    def __init__(self, side: "Transactions", flow: Flow) -> None:
        self.side = side
        self.flow = flow
        self.data = b""
        self._wake: Timer | None = None

    def send(self) -> None:
        """Send the last message, first time or again."""
        if self.data:
            self.side.wire.send(self.flow, self.data)

    def arm(self, due: float | None) -> None:
        """Wake at that time, and no earlier one."""
        stop(self._wake)
        self._wake = None
        if due is not None:
            self._wake = self.side.clock.callLater(max(0.0, due - self.side.clock.seconds()), self.elapse)

    def elapse(self) -> None:
        """Do what is due."""


class Sent(_Timed):
    """A request of ours under way; its responses go to `heard`, and None when nobody answered."""

    def __init__(self, side: "Transactions", flow: Flow, request: Request, heard: Heard) -> None:
        super().__init__(side, flow)
        self.request = request
        self.data = bytes(request)
        self.heard = heard
        self.core = ClientTransaction(request.method == "INVITE", side.clock.seconds(), flow.reliable)
        self._again = False
        self._cancel_wanted = self._cancel_sent = False

    def received(self, message: Response) -> None:
        """Take in a response that names this transaction."""
        news = self.core.heard(message.status, self.side.clock.seconds())
        self.arm(self.core.timers.due)
        if message.status >= 300 and self.core.invite:
            self.side.wire.send(self.flow, bytes(ack_of(self.request, message)))
        if self._cancel_wanted and self.core.state is State.PROCEEDING:
            self._cancel()
        if news:
            self.heard(message)

    def connection_lost(self) -> None:
        """The connection it was sent on is gone: send it once more, on a new one, unless the peer has heard it."""
        if self.core.state is not State.TRYING:
            return
        if self._again:
            self.unreachable()
        else:
            self._again = True
            self.send()

    def unreachable(self) -> None:
        """No connection can be made: nobody will answer (RFC 3261 section 8.1.3.1)."""
        if self.core.state is State.TRYING and self.core.give_up():
            self.arm(None)
            self.side.drop(self)
            self.heard(None)

    def cancel(self) -> None:
        """Cancel it, as soon as the peer has been heard of (section 9.1)."""
        self._cancel_wanted = True
        if self.core.state is State.PROCEEDING:
            self._cancel()

    def _cancel(self) -> None:
        if self._cancel_sent:
            return
        self._cancel_sent = True
        self.side.send(cancel_of(self.request), self.flow, lambda _: None)
        self.core.give_up_by(self.side.clock.seconds() + LONGEST)
        self.arm(self.core.timers.due)

    def elapse(self) -> None:
        """Do what is due."""
        due = self.core.elapse(self.side.clock.seconds())
        if due.send:
            self.send()
        self.arm(self.core.timers.due)
        if self.core.state is State.TERMINATED:
            self.side.drop(self)
        if due.timed_out:
            self.heard(None)


class Asked(_Timed):
    """A peer's request, to be answered; `source` is where it came from, `flow` where answers go."""

    def __init__(self, side: "Transactions", source: Flow, request: Request) -> None:
        via = request.via
        super().__init__(side, source.answering(via))
        self.source = source
        self.request = request.with_via(via.stamped(source.peer))
        self.core = ServerTransaction(request.method == "INVITE", source.reliable)
        self.tag = ""
        self.cancelled: Callable[[], None] = lambda: None
        self.unheard: Callable[[], None] = lambda: None

    @property
    def face(self) -> Face:
        """What the peer reads of us."""
        return self.side.wire.face(self.flow)

    def respond(self, status: int, *more: Header, body: str | None = None, phrase: str = "") -> None:
        """Answer, with SDP if given; harmless when it has been answered already."""
        answer = response(self.request, status, self.face, *more, tag=self.tag, phrase=phrase)
        self.respond_with(answer if body is None else answer.with_body(body))

    def respond_with(self, answer: Response) -> None:
        """Answer with a response built elsewhere."""
        if self.core.respond(answer.status, self.side.clock.seconds()):
            self.data = bytes(answer)
            self.send()
            self.arm(self.core.timers.due)

    def acknowledged(self) -> None:
        """Its ACK has come."""
        self.core.acknowledged(self.side.clock.seconds())
        self.arm(self.core.timers.due)

    def elapse(self) -> None:
        """Do what is due."""
        due: Due = self.core.elapse(self.side.clock.seconds())
        if due.send:
            self.send()
        self.arm(self.core.timers.due)
        if self.core.state is State.TERMINATED:
            self.side.drop(self)
        if due.timed_out:
            self.unheard()


class Transactions:
    """All transactions of one side; `requested` gets each new request once, `acknowledged` each ACK for a 2xx.

    `unknown` gets responses that belong to no transaction.
    """

    def __init__(
        self,
        clock: Clock,
        wire: Wire,
        tag: Callable[[], str],
        requested: Callable[[Asked], None],
        acknowledged: Callable[[Request, Flow], None],
        unknown: Callable[[Response, Flow], None] = lambda response, flow: None,
    ) -> None:
        self.clock = clock
        self.wire = wire
        self._tag = tag
        self._requested = requested
        self._acknowledged = acknowledged
        self._unknown = unknown
        self._sent: dict[tuple[str, str], Sent] = {}
        self._asked: dict[tuple[str, str, str], Asked] = {}

    def send(self, request: Request, flow: Flow, heard: Heard) -> Sent:
        """Send a request of ours and follow it."""
        sent = Sent(self, flow, request, heard)
        self._sent[request.via.branch, request.method] = sent
        sent.send()
        sent.arm(sent.core.timers.due)
        return sent

    def received(self, message: Request | Response, flow: Flow) -> None:
        """Take in a message from a peer; one that belongs to nothing is dropped."""
        if isinstance(message, Response):
            sent = self._sent.get((message.via.branch, message.cseq.method))
            if sent is not None:
                sent.received(message)
            else:
                self._unknown(message, flow)
        else:
            self._request(message, flow)

    def _request(self, request: Request, flow: Flow) -> None:
        method = "INVITE" if request.method == "ACK" else request.method
        key = (*request.transaction, method)
        known = self._asked.get(key)
        if request.method == "ACK":
            if known is not None and known.core.state is not State.ACCEPTED:
                known.acknowledged()
            else:
                self._acknowledged(request, flow)
        elif known is not None:
            known.send()
        elif request.method == "CANCEL":
            self._cancel(request, flow, self._asked.get((*key[:2], "INVITE")))
        elif len(self._asked) < MOST:
            asked = self._remember(request, flow)
            if request.method == "INVITE":
                asked.respond(100)
            self._requested(asked)

    def _cancel(self, request: Request, flow: Flow, invite: Asked | None) -> None:
        cancel = self._remember(request, flow)
        if invite is None:
            cancel.respond(481)
            return
        cancel.tag = invite.tag
        cancel.respond(200)
        if not invite.core.answered:
            invite.respond(487)
            invite.cancelled()

    def _remember(self, request: Request, flow: Flow) -> Asked:
        asked = Asked(self, flow, request)
        asked.tag = self._tag()
        self._asked[*request.transaction, request.method] = asked
        return asked

    def drop(self, ended: Sent | Asked) -> None:
        """Forget a transaction that is over."""
        if isinstance(ended, Sent):
            self._sent.pop((ended.request.via.branch, ended.request.method), None)
        else:
            self._asked.pop((*ended.request.transaction, ended.request.method), None)

    def lost(self, flow: Flow) -> None:
        """A connection is gone."""
        for sent in [each for each in self._sent.values() if each.flow.goes_by(flow)]:
            sent.connection_lost()

    def unreachable(self, flow: Flow) -> None:
        """A connection cannot be made."""
        for sent in [each for each in self._sent.values() if each.flow.goes_by(flow)]:
            sent.unreachable()

    def close(self) -> None:
        """Stop all clocks."""
        for timed in (*self._sent.values(), *self._asked.values()):
            timed.arm(None)
        self._sent.clear()
        self._asked.clear()
