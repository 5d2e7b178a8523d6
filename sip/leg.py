"""One leg to one phone: its dialog, its line call, and how it ends. What differs by who called is in its subclasses."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import ensureDeferred
from twisted.python.failure import Failure

from parloir.rtp.description import Address
from parloir.sip import challenge
from parloir.sip import dialog as dialogs
from parloir.sip.digest import Login
from parloir.sip.flow import SUPPORTED, Flow
from parloir.sip.info import FAST_UPDATE, KEYFRAME_TYPE
from parloir.sip.line_call import LineCall
from parloir.sip.message import Header, Message, Request, Response
from parloir.sip.refresher import Refresher
from parloir.sip.session import Dialog, EndKind, Referred, SessionEnd, SessionEvents
from parloir.sip.slots import Slot
from parloir.sip.surroundings import stop
from parloir.sip.transactions import Asked

if TYPE_CHECKING:
    from parloir.sip.edge import Edge

PATIENCE = 4.0
"""Seconds for which a phone waits to be confirmed while its dialog is stored: T2 of RFC 3261."""

NOT_UNDERSTOOD = (405, 415, 489, 501)
"""How a phone says that it will never read such an INFO."""


class Leg:
    """A session as calls see it (sip.session.Session), and the outer half as its line call sees it.

    The phone's side stands on its own: it is ended, cancelled or acknowledged by the edge, whatever the line does.
    """

    def __init__(self, edge: "Edge", id: str, slot: Slot, flow: Flow) -> None:
        self.id = id
        self.edge = edge
        self.flow = flow
        self.tag = dialogs.token()
        self.call_id = dialogs.token()
        self.dialog: Dialog | None = None
        self.login: Login | None = None
        self.events: SessionEvents | None = None
        self.over = False
        self.allows: frozenset[str] = frozenset()
        self.offering = False
        self.offered = False
        self.keyframes = True
        self.refresher = Refresher(self)
        self.unacknowledged: dict[int, tuple[Asked, Callable[[Request], None]]] = {}
        self.line = LineCall(id, slot, edge.lines, edge.inner, edge.inner_sockets, self)

    @property
    def remote(self) -> Address:
        """The address its signalling comes from."""
        return self.flow.peer

    def knows(self, tag: str | None) -> bool:
        """Whether a request with this From tag is in a dialog of the leg's, early ones among them."""
        return self.dialog is not None and self.dialog.remote_tag == tag

    def end(self, status: int = 603) -> None:
        """Hang up, cancel or reject, whichever fits the leg's state; harmless when it is over."""
        self.finish(SessionEnd(EndKind.ENDED_HERE), status)

    def ask_keyframe(self) -> None:
        """Send INFO picture_fast_update (RFC 5168), unless the phone has said that it cannot read it."""

        def heard(response: Response | None) -> None:
            if response is not None and response.status in NOT_UNDERSTOOD:
                self.keyframes = False

        if self.dialog is not None and not self.over and self.keyframes:
            self.ask("INFO", heard, body=FAST_UPDATE, kind=KEYFRAME_TYPE)

    def refer(self, target: str, heard: Referred) -> None:
        """Send REFER; without a subscription to how it went on (RFC 4488), where the phone knows how to do without."""

        def answered(response: Response | None) -> None:
            if response is None or response.status >= 200:
                heard(response is not None and response.status < 300)

        if self.dialog is None or self.over:
            heard(False)
        else:
            self.ask("REFER", answered, ("Refer-To", f"<{target}>"), ("Refer-Sub", "false"))

    def finish(self, end: SessionEnd, status: int = 480) -> None:
        """End both halves and tell the call, once; `status` refuses a phone that has not been answered."""
        if self.over:
            return
        self.over = True
        self.refresher.stop()
        self.line.end()
        self.depart(status)
        self.edge.log("sip.ended", session=self.id, kind=end.kind.value, status=end.status)
        self.tell(end)

    def tell(self, end: SessionEnd) -> None:
        """Tell the call that the leg is over."""
        if self.events is not None:
            self.events.ended(self, end)

    def depart(self, status: int) -> None:
        """Leave the phone: BYE where a dialog is confirmed."""
        if self.dialog is not None:
            self.bye()
        else:
            self.retire()

    def retire(self) -> None:
        """Nothing more is owed to the phone: forget its dialog."""
        self.dialog = None
        self.edge.leave(self)

    def keep(self, dialog: Dialog) -> None:
        """Take the dialog's new record, and have it outlive the process."""
        self.dialog = dialog
        self.flow = Flow.parse(dialog.flow)
        self.edge.dialogs.save(dialog)

    def once_stored(self, then: Callable[[], None]) -> None:
        """Call it, once, when the dialogs are stored as they are now; a store that hangs is not waited for.

        A phone is confirmed after that. One that was confirmed before would be left in its call by a gateway that died.
        """
        waiting = [then]

        def go(_: object = None) -> None:
            stop(timer)
            if waiting:
                waiting.pop()()

        def failed(failure: Failure) -> None:
            self.edge.log("sip.failed", session=self.id, error=failure.getErrorMessage())

        timer = self.edge.clock.callLater(PATIENCE, go)
        ensureDeferred(self.edge.dialogs.written()).addBoth(go).addErrback(failed)

    def ask(
        self,
        method: str,
        heard: Callable[[Response | None], None],
        *headers: Header,
        body: str | None = None,
        kind: str = "application/sdp",
    ) -> None:
        """Send the phone a request in the dialog, again if a PBX wants to know who we are."""
        if self.dialog is None:
            return
        self.keep(dialogs.advanced(self.dialog))
        flow = dialogs.next_hop(self.dialog)
        request = dialogs.request(self.dialog, method, self.edge.face(flow), ("Supported", SUPPORTED), *headers)
        if body is not None:
            request = request.with_body(body, kind)

        def answered(response: Response | None) -> None:
            shown = response and challenge.answered(self.login, request, response, dialogs.token())
            if shown and self.dialog is not None:
                self.ask(method, heard, *headers, shown, body=body, kind=kind)
            else:
                heard(response)

        self.edge.outer.send(request, flow, answered)

    @property
    def busy(self) -> bool:
        """Whether an offer is under way, so that another one has to wait (RFC 3261 section 14)."""
        return self.offering or self.offered or bool(self.unacknowledged)

    def note_allows(self, message: Message) -> None:
        """Remember which methods the phone says that it knows."""
        if message.has("Allow"):
            self.allows = frozenset(name.upper() for name in message.all("Allow"))

    def offer_again(self, heard: Callable[[Response | None], None], *headers: Header) -> None:
        """Send the phone a re-INVITE with what is in use; `heard` gets its final response, once."""
        if self.dialog is None or self.events is None or self.busy:
            return
        self.offered = True
        number = self.dialog.local_cseq + 1

        def response_came(response: Response | None) -> None:
            if response is not None and 200 <= response.status < 300:
                self.acknowledge(number)
            if self.offered and (response is None or response.status >= 200):
                self.offered = False
                heard(response)
                if response is not None and response.status < 300 and response.sdp and self.events and not self.over:
                    self.events.reanswered(self, response.sdp)

        self.ask("INVITE", response_came, *headers, body=self.events.current(self))

    def restate(self) -> None:
        """Offer what is in use; a phone that will not hear of it leaves all as it was."""
        self.offer_again(lambda response: None)

    def acknowledge(self, number: int) -> None:
        """Send the ACK for a 2xx to an INVITE of ours in the dialog, each time that it comes."""
        if self.dialog is not None:
            flow = dialogs.next_hop(self.dialog)
            self.edge.send(flow, dialogs.request(self.dialog, "ACK", self.edge.face(flow), number=number))

    def bye(self) -> None:
        """Hang up on the phone, repeating the BYE as long as RFC 3261 asks."""

        def heard(response: Response | None) -> None:
            if response is None or response.status >= 200:
                self.retire()

        self.ask("BYE", heard)

    def hung_up(self, asked: Asked) -> None:
        """The phone's BYE."""
        asked.respond(200)
        for pending, _ in self.unacknowledged.values():
            pending.acknowledged()
        self.unacknowledged.clear()
        self.dialog = None
        if self.over:
            self.retire()
        else:
            self.finish(SessionEnd(EndKind.HUNG_UP))

    def await_ack(self, asked: Asked, then: Callable[[Request], None]) -> None:
        """Call `then` with the ACK for the 200 just sent; a phone that never sends one is hung up on."""
        self.unacknowledged[asked.request.cseq.number] = (asked, then)
        asked.unheard = lambda: self.never_acknowledged(asked)

    def never_acknowledged(self, asked: Asked) -> None:
        """64*T1 went by without the ACK (RFC 3261 section 13.3.1.4)."""
        self.unacknowledged.pop(asked.request.cseq.number, None)
        if self.over:
            self.bye()
        else:
            self.finish(SessionEnd(EndKind.FAILED, 408, "No ACK"))

    def acknowledged(self, request: Request) -> None:
        """An ACK of the phone's for a 2xx of ours."""
        pending = self.unacknowledged.pop(request.cseq.number, None)
        if pending is not None:
            asked, then = pending
            asked.acknowledged()
            then(request)

    def lost(self) -> None:
        """The line's process is gone."""
        self.line.over = True
        self.finish(SessionEnd(EndKind.LINE_LOST))

    def line_leaves(self, why: str) -> None:
        """The line will not have the call, or has hung it up."""
        if not self.over:
            self.edge.log("sip.line_left", session=self.id, why=why)
            self.finish(SessionEnd(EndKind.FAILED, None, why))

    def line_invites(self, request: Request) -> None:
        """The line's INVITE, first or again with credentials."""

    def line_progresses(self, response: Response) -> None:
        """The line rings (18x) a phone's call."""

    def line_answers(self) -> None:
        """The line has answered a phone's call."""
