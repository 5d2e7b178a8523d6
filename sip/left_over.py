"""Calls of which only the phone knows: those of an earlier run, and answers to an INVITE that nobody remembers."""

from typing import TYPE_CHECKING

from parloir.sip import dialog as dialogs
from parloir.sip.errors import SipError
from parloir.sip.flow import Flow
from parloir.sip.message import Response
from parloir.sip.session import Dialog
from parloir.sip.transactions import Heard

if TYPE_CHECKING:
    from parloir.sip.edge import Edge

LEAP = 1000
"""How far our CSeq goes ahead: the last requests of a run that died may be missing from its records."""


def end(edge: "Edge", dialog: Dialog) -> None:
    """Hang up on the phone of a dialog that an earlier run kept, and forget it when the phone has heard."""

    def heard(response: Response | None) -> None:
        if response is None or response.status >= 200:
            edge.dialogs.forget(dialog.session)

    try:
        edge.expect(Flow.parse(dialog.flow).peer)
        _bye(edge, dialogs.numbered(dialog, dialog.local_cseq + LEAP), heard)
        edge.log("sip.left_over", session=dialog.session)
    except SipError as error:
        edge.log("sip.left_over", session=dialog.session, error=str(error))
        edge.dialogs.forget(dialog.session)


def refuse(edge: "Edge", response: Response, flow: Flow) -> None:
    """A phone answers a call that an earlier run placed: acknowledge it, then hang up, or it repeats its answer."""
    face, via = edge.face(flow), response.via
    if (via.host, via.port) != (face.host, face.port) or len(response.all("Via")) != 1:
        return
    dialog = dialogs.as_stranger(response, flow)
    way = dialogs.next_hop(dialog)
    edge.send(way, dialogs.request(dialog, "ACK", edge.face(way)))
    edge.log("sip.unknown_answer", peer=flow.peer.host)
    _bye(edge, dialog, lambda _: None)


def _bye(edge: "Edge", dialog: Dialog, heard: Heard) -> None:
    flow = dialogs.next_hop(dialog)
    edge.outer.send(dialogs.request(dialogs.advanced(dialog), "BYE", edge.face(flow)), flow, heard)
