"""Calls from phones through a real line: taken, refused, given up, and those that never become calls."""

from collections.abc import AsyncIterator

import pytest
from pytest_twisted import async_yield_fixture, ensureDeferred

from parloir.sip.message import Header, Response
from parloir.sip.session import EndKind, Incoming, SessionEnd
from tests.sip_bench import ANSWER, OFFER, Bench, Call
from tests.sip_phone import SDP, Phone


@async_yield_fixture
async def bench() -> AsyncIterator[Bench]:
    from twisted.internet import reactor

    made = Bench(reactor)
    await made.start()
    yield made
    await made.close()
    assert all(line.process.returncode == 0 for line in made.lines)


def dial(phone: Phone, *more: Header, number: str = "123456", sdp: str | None = SDP, call_id: str = "call-1") -> None:
    invite = phone.new("INVITE", f"sip:{number}@127.0.0.2", call_id, 1, *more)
    phone.send(invite if sdp is None else invite.with_body(sdp))


async def accepted(bench: Bench, phone: Phone, sdp: str = ANSWER) -> tuple[Call, Response]:
    """Accept the call that has come in; the 200 is not acknowledged yet."""
    if not bench.incoming:
        await phone.response("INVITE", 100)
    call = Call(bench.reactor)
    bench.incoming[-1].accept(sdp, call)
    return call, await phone.response("INVITE", 200)


@ensureDeferred
async def test_phone_calls_is_accepted_and_hangs_up(bench: Bench) -> None:
    phone = bench.phone()
    dial(phone)
    await phone.response("INVITE", 100)
    [incoming] = bench.incoming
    assert (incoming.facility, incoming.station, incoming.dialled, incoming.offer) == ("north", "pod-0", "123456", SDP)
    incoming.ring()
    incoming.ring()
    ringing = await phone.response("INVITE", 180)
    assert ringing.body == b""
    call, answer = await accepted(bench, phone)
    assert answer.sdp == ANSWER
    assert answer.recipient.tag == ringing.recipient.tag
    phone.send(phone.within("ACK", answer, 1))
    assert await call.told_of("answered") == SDP
    phone.send(phone.within("BYE", answer, 2))
    await phone.response("BYE", 200)
    assert (await call.ended_as()).kind is EndKind.HUNG_UP
    await bench.idle()
    assert bench.dialogs.kept == {}


@ensureDeferred
async def test_accepted_call_is_hung_up_here(bench: Bench) -> None:
    phone = bench.phone()
    dial(phone)
    call, answer = await accepted(bench, phone)
    phone.send(phone.within("ACK", answer, 1))
    await call.told_of("answered")
    next(iter(bench.agent.edge.legs.values())).end()
    bye = await phone.request("BYE")
    assert (bye.sender.tag, bye.recipient.tag) == (answer.recipient.tag, "pt")
    assert (await call.ended_as()).kind is EndKind.ENDED_HERE
    phone.respond(bye, 200)
    await bench.idle()


@ensureDeferred
async def test_answer_is_repeated_until_its_ack_and_a_hangup_waits_for_that(bench: Bench) -> None:
    phone = bench.phone()
    dial(phone)
    call, answer = await accepted(bench, phone)
    assert await phone.response("INVITE", 200) == answer
    next(iter(bench.agent.edge.legs.values())).end()
    assert (await call.ended_as()).kind is EndKind.ENDED_HERE
    assert phone.heard("BYE") == 0
    phone.send(phone.within("ACK", answer, 1))
    phone.respond(await phone.request("BYE"), 200)
    await bench.idle()


@ensureDeferred
async def test_delayed_offer_gets_ours_and_the_ack_brings_the_answer(bench: Bench) -> None:
    phone = bench.phone()
    dial(phone, sdp=None)
    call, answer = await accepted(bench, phone, OFFER)
    assert bench.incoming[0].offer is None
    assert answer.sdp == OFFER
    phone.send(phone.within("ACK", answer, 1).with_body(SDP))
    assert await call.told_of("answered") == SDP


@ensureDeferred
async def test_delayed_offer_without_answer_ends_the_call(bench: Bench) -> None:
    phone = bench.phone()
    dial(phone, sdp=None)
    call, answer = await accepted(bench, phone, OFFER)
    phone.send(phone.within("ACK", answer, 1))
    assert (await call.ended_as()).kind is EndKind.NOT_ACCEPTABLE
    phone.respond(await phone.request("BYE"), 200)
    await bench.idle()


@ensureDeferred
async def test_caller_hangs_up_while_it_rings(bench: Bench) -> None:
    phone = bench.phone()
    ends: list[SessionEnd] = []
    invite = phone.new("INVITE", "sip:123456@127.0.0.2", "call-1", 1).with_body(SDP)
    phone.send(invite)
    await phone.response("INVITE", 100)
    bench.incoming[0].on_cancel(lambda end: ends.append(end))
    bench.incoming[0].ring()
    await phone.response("INVITE", 180)
    cancel = phone.new("CANCEL", invite.uri, "call-1", 1).with_via(invite.via)
    phone.send(cancel)
    await phone.response("CANCEL", 200)
    refusal = await phone.response("INVITE", 487)
    phone.send(phone.new("ACK", invite.uri, "call-1", 1, to=refusal.one("To")).with_via(invite.via))
    assert [end.kind for end in ends] == [EndKind.CANCELLED]
    call = Call(bench.reactor)
    bench.incoming[0].accept(ANSWER, call)
    assert (await call.ended_as()).kind is EndKind.CANCELLED
    bench.incoming[0].reject(486)
    await bench.idle()


@ensureDeferred
async def test_calls_refuse_with_a_status_and_a_phrase(bench: Bench) -> None:
    phone = bench.phone()
    ends: list[SessionEnd] = []
    dial(phone)
    await phone.response("INVITE", 100)
    bench.incoming[0].on_cancel(lambda end: ends.append(end))
    bench.incoming[0].reject(404, "No such visit\r\nX: y")
    refusal = await phone.response("INVITE", 404)
    assert refusal.phrase == "No such visitX: y"
    await bench.idle()
    assert ends == []


@ensureDeferred
async def test_an_error_in_the_calls_is_a_500(bench: Bench) -> None:
    def fail(incoming: Incoming) -> None:
        raise RuntimeError("out of order")

    bench.on_incoming = fail
    phone = bench.phone()
    dial(phone)
    await phone.response("INVITE", 500)
    await bench.idle()


@ensureDeferred
async def test_repeats_of_an_invite_make_one_call(bench: Bench) -> None:
    phone = bench.phone()
    invite = phone.new("INVITE", "sip:123456@127.0.0.2", "call-1", 1).with_body(SDP)
    phone.send(invite)
    phone.send(invite)
    await phone.response("INVITE", 100)
    await phone.response("INVITE", 100)
    phone.send(invite.with_via(phone.new("INVITE", "sip:x@y", "z", 1).via))
    await phone.response("INVITE", 482)
    assert len(bench.incoming) == 1


@ensureDeferred
async def test_a_full_pool_is_480_and_never_busy(bench: Bench) -> None:
    phone = bench.phone()
    for number in range(5):
        dial(phone, call_id=f"call-{number}")
    refusal = await phone.response("INVITE")
    assert (refusal.status, refusal.call_id) == (480, "call-4")
    assert refusal.has("Retry-After")
    for incoming in bench.incoming:
        incoming.reject(404)
    await bench.idle()


@ensureDeferred
async def test_reliable_ringing_is_acknowledged_through_the_line(bench: Bench) -> None:
    phone = bench.phone()
    dial(phone, ("Require", "100rel"))
    await phone.response("INVITE", 100)
    bench.incoming[0].ring()
    ringing = await phone.response("INVITE", 180)
    assert ringing.tokens("Require") == {"100rel"}
    phone.send(phone.within("PRACK", ringing, 2, ("RAck", f"{ringing.one('RSeq')} 1 INVITE")))
    await phone.response("PRACK", 200)
    call, answer = await accepted(bench, phone)
    phone.send(phone.within("ACK", answer, 1))
    await call.told_of("answered")
    phone.send(phone.within("INVITE", answer, 3).with_body(SDP))
    await phone.response("INVITE", 200)
    phone.send(phone.within("ACK", answer, 3))


@ensureDeferred
async def test_strangers_hear_nothing(bench: Bench) -> None:
    phone, _ = bench.phone(), bench.phone(user="1002")
    stranger = bench.phone("127.0.0.4", trusted=False)
    neighbour = bench.phone("127.0.0.3", user="9999", trusted=False)
    for method in ("INVITE", "OPTIONS", "REGISTER"):
        stranger.send(stranger.new(method, "sip:127.0.0.2", f"call-{method}", 1))
    stranger.send(b"\x00" * 200)
    neighbour.send(neighbour.new("INVITE", "sip:123456@127.0.0.2", "call-n", 1).with_body(SDP))
    phone.send(phone.new("OPTIONS", "sip:127.0.0.2", "call-o", 1))
    assert (await phone.response("OPTIONS", 200)).has("Allow")
    assert (stranger.raw, neighbour.raw, bench.incoming) == ([], [], [])
    assert bench.agent.edge.counters["stranger"] >= 4


@pytest.mark.parametrize(
    ("method", "more", "status"),
    [
        ("OPTIONS", (), 200),
        ("REFER", (("Refer-To", "<sip:x@y>"),), 403),
        ("SUBSCRIBE", (("Event", "presence"),), 489),
        ("MESSAGE", (), 405),
        ("BYE", (), 481),
        ("INVITE", (("Replaces", "a;to-tag=b;from-tag=c"),), 403),
        ("INVITE", (("Require", "gruu"),), 420),
        ("INVITE", (("Content-Encoding", "gzip"),), 415),
    ],
)
@ensureDeferred
async def test_what_is_not_a_call_is_answered_by_the_edge(
    bench: Bench, method: str, more: tuple[Header, ...], status: int
) -> None:
    phone = bench.phone()
    request = phone.new(method, "sip:123456@127.0.0.2", "call-1", 1, *more)
    phone.send(request.with_body(SDP) if method == "INVITE" else request)
    await phone.response(method, status)
    assert bench.incoming == []


@ensureDeferred
async def test_requests_in_no_dialog_are_481_and_malformed_ones_are_dropped(bench: Bench) -> None:
    phone = bench.phone()
    phone.send(phone.new("BYE", "sip:127.0.0.2", "nothing", 1, to="<sip:x@y>;tag=z"))
    await phone.response("BYE", 481)
    phone.send(b"INVITE sip:123456@127.0.0.2 SIP/2.0\r\nVia: x\r\n\r\n")
    phone.send(phone.new("INVITE", "tel:123456", "call-t", 1).with_body(SDP))
    await phone.response("INVITE", 400)
    assert bench.agent.edge.counters["malformed"] == 1
    await bench.idle()
