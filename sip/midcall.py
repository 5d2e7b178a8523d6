"""What a phone may ask in a call that is up: hold and other offers, refreshes, keys, keyframes, and the end."""

from collections.abc import Coroutine
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.python.failure import Failure

from parloir.sip import dialog as dialogs
from parloir.sip import info, reception, refresh
from parloir.sip.errors import MalformedMessage
from parloir.sip.incoming import IncomingLeg
from parloir.sip.leg import Leg
from parloir.sip.message import Header, Request
from parloir.sip.session import Dialog, EndKind, NotAcceptable, SessionEnd
from parloir.sip.transactions import Asked


def requested(leg: Leg, asked: Asked) -> None:
    """Take a request of the phone's in the leg's dialog, confirmed or early."""
    request = asked.request
    dialog = leg.dialog or (leg.early if isinstance(leg, IncomingLeg) and not leg.over else None)
    try:
        if dialog is None:
            _too_early(leg, asked)
        elif request.cseq.number <= dialog.remote_cseq:
            asked.respond(500, phrase="CSeq out of order")
        else:
            _take(leg, asked, dialogs.refreshed(dialog, request, asked.source))
    except MalformedMessage as error:
        asked.respond(400, phrase=f"Bad {error.where}")


def _too_early(leg: Leg, asked: Asked) -> None:
    """A phone that we ring asks before it has answered: our offer is still pending (RFC 3311 section 5.2)."""
    verdict = reception.inside(asked.request)
    if verdict is not None:
        _note_transfer(leg, asked.request)
        asked.respond(verdict.status, *verdict.headers)
    elif asked.request.method == "UPDATE":
        asked.respond(200 if asked.request.sdp is None else 491)
    else:
        asked.respond(481)


def _take(leg: Leg, asked: Asked, dialog: Dialog) -> None:
    if leg.dialog is not None:
        leg.keep(dialog)
    elif isinstance(leg, IncomingLeg):
        leg.early = dialog
    verdict = reception.inside(asked.request)
    if asked.request.method == "BYE":
        leg.hung_up(asked)
    elif verdict is not None:
        _note_transfer(leg, asked.request)
        asked.respond(verdict.status, *verdict.headers)
    elif leg.over:
        asked.respond(481)
    elif asked.request.method == "INFO":
        _inform(leg, asked)
    elif asked.request.method == "PRACK":
        _pass_on(leg, asked, _prack(leg, asked))
    else:
        _reoffer(leg, asked)


def _note_transfer(leg: Leg, request: Request) -> None:
    """A refused attempt to hand the call to somebody else is for the call to know."""
    attempt = reception.transfer(request)
    if attempt is not None:
        leg.edge.log("sip.transfer_refused", session=leg.id, by=attempt[0])
        if leg.events is not None and not leg.over:
            leg.events.transfer_refused(leg, *attempt)


def _inform(leg: Leg, asked: Asked) -> None:
    said = info.read(asked.request)
    if said is None:
        asked.respond(reception.NOT_AN_INFO.status, *reception.NOT_AN_INFO.headers)
        return
    asked.respond(200)
    if leg.events is None:
        return
    if said.keyframe:
        leg.events.keyframe_wanted(leg)
    if said.digit is not None:
        leg.events.digit(leg, said.digit)


def _reoffer(leg: Leg, asked: Asked) -> None:
    """INVITE or UPDATE: one at a time, and none before the first offer was answered (RFC 3311 section 5.2)."""
    changes = asked.request.method == "INVITE" or asked.request.sdp is not None
    if leg.offered and changes:
        asked.respond(491)
    elif leg.offering or (changes and leg.dialog is None) or (changes and leg.unacknowledged):
        asked.respond(500, ("Retry-After", "1"))
    else:
        leg.offering = True
        _pass_on(leg, asked, _answer(leg, asked))


def _pass_on(leg: Leg, asked: Asked, work: Coroutine[Any, Any, None]) -> None:
    def failed(failure: Failure) -> None:
        if isinstance(failure.value, MalformedMessage):
            asked.respond(400, phrase=f"Bad {failure.value.where}")
            return
        asked.respond(500)
        leg.edge.log("sip.failed", session=leg.id, method=asked.request.method, error=failure.getErrorMessage())

    ensureDeferred(work).addErrback(failed)


async def _answer(leg: Leg, asked: Asked) -> None:
    """Have the call answer (or offer), then the line agree, then the phone hear both."""
    request = asked.request
    delayed = request.method == "INVITE" and request.sdp is None
    try:
        ours = await _ours(leg, request)
        status = await leg.line.repeat(request.method)
    except NotAcceptable as error:
        asked.respond(488, phrase=str(error) or "")
        return
    finally:
        leg.offering = False
    if leg.over:
        asked.respond(487)
    elif status >= 300:
        asked.respond(500)
        leg.edge.log("sip.line_refused", session=leg.id, method=request.method, status=status)
    else:
        if request.method == "INVITE":
            leg.await_ack(asked, lambda ack: _answered(leg, ack, delayed))
        leg.note_allows(request)
        asked.respond(200, *_timed(leg, request), body=ours)


def _timed(leg: Leg, request: Request) -> tuple[Header, ...]:
    """Begin the session timer anew as this request asks; what our answer says of it."""
    agreed, headers = refresh.answer(request, leg.edge.settings.session_expires) or (None, ())
    leg.refresher.agree(agreed)
    return headers


async def _ours(leg: Leg, request: Request) -> str | None:
    """Our description for the phone: the answer to its offer, our offer where it brought none, None for no body."""
    if leg.events is None:
        raise NotAcceptable("the call has not been answered")
    if request.sdp is not None:
        return await leg.events.offered(leg, request.sdp)
    return leg.events.current(leg) if request.method == "INVITE" else None


def _answered(leg: Leg, ack: Request, delayed: bool) -> None:
    if not delayed or leg.over or leg.events is None:
        return
    if ack.sdp is None:
        leg.finish(SessionEnd(EndKind.NOT_ACCEPTABLE, None, "No session description in the ACK"))
    else:
        leg.events.reanswered(leg, ack.sdp)


async def _prack(leg: Leg, asked: Asked) -> None:
    """Take the acknowledgement of a reliable provisional response to the line that sent it."""
    sequence, _, invite = asked.request.one("RAck").partition(" ")
    known = isinstance(leg, IncomingLeg) and invite.split() == [str(leg.invite_number), "INVITE"]
    if not known or not (sequence.isascii() and sequence.isdigit() and len(sequence) <= 10):
        asked.respond(481)
    elif asked.request.body:
        asked.respond(488)
    else:
        status = await leg.line.repeat("PRACK", ("RAck", f"{sequence} {leg.line.invite_number} INVITE"))
        asked.respond(status if status < 300 else 481)
