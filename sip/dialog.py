"""What a dialog's record says of the next request, and how requests and responses change it (RFC 3261 section 12)."""

import secrets
from collections.abc import Callable
from dataclasses import replace

from parloir.rtp.description import Address
from parloir.sip.errors import MalformedMessage
from parloir.sip.flow import ALLOW, Face, Flow
from parloir.sip.message import MAGIC, CSeq, Header, Request, Response
from parloir.sip.session import Dialog
from parloir.sip.uri import NameAddr, Uri

MOST_ROUTES = 16

Token = Callable[[], str]


def token() -> str:
    """A fresh branch, tag or Call-ID that nobody can guess."""
    return secrets.token_hex(12)


def as_caller(session: str, invite: Request, response: Response, flow: Flow) -> Dialog:
    """The dialog that a response to our INVITE made (section 12.1.2); MalformedMessage without tag or with bad routes.

    Without a usable Contact the target stays what was invited, so that the dialog can still be ended.
    """
    tag = response.recipient.tag
    if not tag:
        raise MalformedMessage("To", "no tag")
    try:
        target = target_of(response)
    except MalformedMessage:
        target = None
    return Dialog(
        session=session,
        call_id=invite.call_id,
        local_uri=invite.sender.uri,
        local_tag=invite.sender.tag or "",
        remote_uri=invite.recipient.uri,
        remote_tag=tag,
        local_cseq=invite.cseq.number,
        remote_cseq=-1,
        target=target or invite.uri,
        route=tuple(reversed(_routes(response))),
        flow=str(flow),
    )


def as_stranger(response: Response, flow: Flow) -> Dialog:
    """The dialog of a 2xx to an INVITE that nobody remembers sending; MalformedMessage without tags or Contact."""
    sender, recipient, target = response.sender, response.recipient, target_of(response)
    if not sender.tag or not recipient.tag or target is None:
        raise MalformedMessage("To", "no tag or no Contact")
    return Dialog(
        session="",
        call_id=response.call_id,
        local_uri=sender.uri,
        local_tag=sender.tag,
        remote_uri=recipient.uri,
        remote_tag=recipient.tag,
        local_cseq=response.cseq.number,
        remote_cseq=-1,
        target=target,
        route=tuple(reversed(_routes(response))),
        flow=str(flow),
    )


def as_callee(session: str, invite: Request, tag: str, flow: Flow) -> Dialog:
    """The dialog that our response to a phone's INVITE makes (section 12.1.1); MalformedMessage without Contact."""
    target = target_of(invite)
    if target is None:
        raise MalformedMessage("Contact", "missing")
    return Dialog(
        session=session,
        call_id=invite.call_id,
        local_uri=invite.recipient.uri,
        local_tag=tag,
        remote_uri=invite.sender.uri,
        remote_tag=invite.sender.tag or "",
        local_cseq=0,
        remote_cseq=invite.cseq.number,
        target=target,
        route=_routes(invite),
        flow=str(flow),
    )


def target_of(message: Request | Response) -> str | None:
    """The Contact's URI, fit to be a Request-URI; MalformedMessage when it is no sip URI."""
    contact = next(iter(message.all("Contact")), None)
    return None if contact is None else str(Uri.parse(NameAddr.parse(contact).uri).bare())


def _routes(message: Request | Response) -> tuple[str, ...]:
    routes = message.all("Record-Route")
    if len(routes) > MOST_ROUTES:
        raise MalformedMessage("Record-Route", f"more than {MOST_ROUTES}")
    for route in routes:
        Uri.parse(NameAddr.parse(route).uri)
    return tuple(routes)


def advanced(dialog: Dialog) -> Dialog:
    """The record with our next CSeq."""
    return replace(dialog, local_cseq=dialog.local_cseq + 1)


def refreshed(dialog: Dialog, request: Request, flow: Flow) -> Dialog:
    """The record after a request of the peer's: its CSeq, where it came from, and its target if that may change."""
    target = target_of(request) if request.method in ("INVITE", "UPDATE") else None
    return replace(dialog, remote_cseq=request.cseq.number, flow=str(flow), target=target or dialog.target)


def next_hop(dialog: Dialog) -> Flow:
    """Where our requests go: the flow, with the port that route or target names where it is the same host.

    A stream's connection is used as long as it lives, and made anew to that port when it is gone.
    A target elsewhere is not believed: a phone behind NAT names one that cannot be reached, a hostile one a victim.
    """
    flow = Flow.parse(dialog.flow)
    named = Uri.parse(NameAddr.parse(dialog.route[0]).uri if dialog.route else dialog.target)
    if named.host != flow.peer.host:
        return flow
    port = named.port or flow.default_port
    if flow.reliable:
        return replace(flow, back=port)
    return replace(flow, peer=Address(named.host, port))


def request(dialog: Dialog, method: str, face: Face, *more: Header, number: int | None = None) -> Request:
    """A request inside the dialog (section 12.2.1.1), with the record's CSeq unless `number` is given."""
    uri, routes = dialog.target, list(dialog.route)
    if routes and not Uri.parse(NameAddr.parse(routes[0]).uri).has("lr"):
        routes = [*routes[1:], f"<{uri}>"]
        uri = NameAddr.parse(dialog.route[0]).uri
    cseq = CSeq(dialog.local_cseq if number is None else number, method)
    headers: list[Header] = [
        ("Via", str(face.via(MAGIC + token()))),
        *(("Route", route) for route in routes),
        ("Max-Forwards", "70"),
        ("From", str(NameAddr(dialog.local_uri, parameters=(("tag", dialog.local_tag),)))),
        ("To", str(NameAddr(dialog.remote_uri, parameters=(("tag", dialog.remote_tag),)))),
        ("Call-ID", dialog.call_id),
        ("CSeq", str(cseq)),
        ("User-Agent", face.product),
        *more,
    ]
    if method in ("INVITE", "UPDATE"):
        headers += [("Contact", face.contact(dialog.target)), ("Allow", ALLOW)]
    return Request(tuple(headers), b"", method, uri)


def invite(face: Face, call_id: str, number: int, tag: str, target: str, caller: NameAddr, *more: Header) -> Request:
    """An INVITE that begins a dialog (section 8.1.1), without its body."""
    headers: tuple[Header, ...] = (
        ("Via", str(face.via(MAGIC + token()))),
        ("Max-Forwards", "70"),
        ("From", str(replace(caller, parameters=(("tag", tag),)))),
        ("To", str(NameAddr(target))),
        ("Call-ID", call_id),
        ("CSeq", str(CSeq(number, "INVITE"))),
        ("Contact", face.contact(target)),
        ("Allow", ALLOW),
        ("User-Agent", face.product),
        *more,
    )
    return Request(headers, b"", "INVITE", target)


def numbered(dialog: Dialog, number: int) -> Dialog:
    """The record with our last CSeq at least that."""
    return replace(dialog, local_cseq=max(dialog.local_cseq, number))
