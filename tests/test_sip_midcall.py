"""What phones do in a call that is up: hold, refresh, other offers, keyframes, transfers, and odd descriptions."""

from collections.abc import AsyncIterator

import pytest
from pytest_twisted import async_yield_fixture, ensureDeferred

from parloir.sip.message import Header
from parloir.sip.session import EndKind
from tests.sip_bench import ANSWER, Bench
from tests.sip_phone import SDP

HOLD = SDP + "a=sendonly\r\n"
XML = "application/media_control+xml"

DESCRIPTIONS = {
    "more lines": SDP + "m=video 4002 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\nm=application 4004 RTP/AVP 98\r\n",
    "no lines": "v=0\r\no=- 1 1 IN IP4 127.0.0.3\r\ns=-\r\nt=0 0\r\n",
    "opus only": SDP.replace("RTP/AVP 0", "RTP/AVP 96").replace("0 PCMU/8000", "96 opus/48000/2"),
    "video only": SDP[: SDP.index("m=audio")] + "m=video 4002 RTP/AVP 97\r\n",
    "audio refused": SDP.replace("audio 4000", "audio 0"),
    "srtp only": SDP.replace("RTP/AVP", "RTP/SAVP"),
    "garbage": "v=0\r\n\x00\xff" + "m=audio 99999999999999 x\r\n" * 400,
    "not sdp": "{}",
}


@async_yield_fixture
async def bench() -> AsyncIterator[Bench]:
    from twisted.internet import reactor

    made = Bench(reactor)
    await made.start()
    yield made
    await made.close()
    assert all(line.process.returncode == 0 for line in made.lines)


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
@ensureDeferred
async def test_hold_and_resume(bench: Bench, method: str) -> None:
    phone = bench.phone()
    session, call, invite = await bench.talk(phone, SDP)
    for number, sdp in enumerate((HOLD, SDP, HOLD), 1):
        call.told.clear()
        phone.send(phone.inside(method, invite, number).with_body(sdp))
        answer = await phone.response(method, 200)
        assert answer.sdp == ANSWER
        assert call.told == [("offered", sdp)]
        if method == "INVITE":
            phone.send(phone.inside("ACK", invite, number))
    session.end()
    phone.respond(await phone.request("BYE"), 200)
    await bench.idle()


@ensureDeferred
async def test_an_offer_nobody_can_take_is_488_and_the_call_goes_on(bench: Bench) -> None:
    phone = bench.phone()
    _, call, invite = await bench.talk(phone, SDP)
    call.answer = None
    phone.send(phone.inside("INVITE", invite, 1).with_body(SDP))
    refusal = await phone.response("INVITE", 488)
    phone.send(phone.inside("ACK", invite, 1).with_via(refusal.via))
    call.answer = ANSWER
    phone.send(phone.inside("INVITE", invite, 2).with_body(SDP))
    await phone.response("INVITE", 200)
    phone.send(phone.inside("ACK", invite, 2))
    assert "ended" not in [what for what, _ in call.told]


@ensureDeferred
async def test_reinvite_without_description_is_offered_ours(bench: Bench) -> None:
    phone = bench.phone()
    _, call, invite = await bench.talk(phone, SDP)
    phone.send(phone.inside("INVITE", invite, 1))
    assert (await phone.response("INVITE", 200)).sdp == ANSWER
    phone.send(phone.inside("ACK", invite, 1).with_body(HOLD))
    assert await call.told_of("reanswered") == HOLD


@ensureDeferred
async def test_update_without_description_refreshes_the_session(bench: Bench) -> None:
    phone = bench.phone()
    _, call, invite = await bench.talk(phone, SDP)
    phone.send(phone.inside("UPDATE", invite, 1, ("Session-Expires", "90;refresher=uac")))
    answer = await phone.response("UPDATE", 200)
    assert answer.body == b""
    assert "offered" not in [what for what, _ in call.told]


@ensureDeferred
async def test_a_moved_phone_is_followed(bench: Bench) -> None:
    phone, moved = bench.phone(), bench.phone()
    session, _, invite = await bench.talk(phone, SDP)
    moved.send(moved.inside("INVITE", invite, 1).with_body(SDP))
    await moved.response("INVITE", 200)
    moved.send(moved.inside("ACK", invite, 1))
    session.end()
    moved.respond(await moved.request("BYE"), 200)
    await bench.idle()
    assert phone.heard("BYE") == 0


@ensureDeferred
async def test_a_dialog_is_not_open_to_other_hosts_or_old_requests(bench: Bench) -> None:
    phone, other = bench.phone(), bench.phone("127.0.0.4")
    _, call, invite = await bench.talk(phone, SDP)
    other.send(other.inside("BYE", invite, 1))
    await other.response("BYE", 481)
    phone.send(phone.inside("UPDATE", invite, 5))
    await phone.response("UPDATE", 200)
    phone.send(phone.inside("BYE", invite, 4))
    await phone.response("BYE", 500)
    phone.send(phone.inside("BYE", invite, 6, tag="guess"))
    await phone.response("BYE", 481)
    assert "ended" not in [what for what, _ in call.told]


@pytest.mark.parametrize(
    ("method", "more", "body", "status"),
    [
        ("INFO", (("Content-Type", XML),), b"<picture_fast_update/>", 200),
        ("INFO", (), b"", 200),
        ("INFO", (("Content-Type", "application/dtmf-relay"),), b"Signal=1", 200),
        ("INFO", (("Content-Type", "application/dtmf"),), b"and?", 400),
        ("INFO", (("Content-Type", "text/plain"),), b"1", 415),
        ("REFER", (("Refer-To", "<sip:x@y>"),), b"", 403),
        ("OPTIONS", (), b"", 200),
        ("NOTIFY", (("Event", "refer"),), b"", 489),
        ("MESSAGE", (), b"", 405),
        ("PRACK", (("RAck", "1 1 INVITE"),), b"", 481),
        ("INVITE", (("Content-Type", "text/plain"),), b"hello", 415),
        ("UPDATE", (("Require", "precondition"),), b"", 420),
    ],
)
@ensureDeferred
async def test_other_requests_in_the_dialog(
    bench: Bench, method: str, more: tuple[Header, ...], body: bytes, status: int
) -> None:
    phone = bench.phone()
    _, call, invite = await bench.talk(phone, SDP)
    request = phone.inside(method, invite, 1, *more)
    phone.send(type(request)(request.headers, body, request.method, request.uri))
    await phone.response(method, status)
    assert ("keyframe" in [what for what, _ in call.told]) == (b"fast_update" in body)
    phone.send(phone.inside("BYE", invite, 2))
    await phone.response("BYE", 200)
    assert (await call.ended_as()).kind is EndKind.HUNG_UP


@ensureDeferred
async def test_lines_survive_every_description(bench: Bench) -> None:
    phone = bench.phone()
    [line] = bench.lines
    for sdp in DESCRIPTIONS.values():
        session, call, invite = await bench.talk(phone, sdp)
        assert await call.told_of("answered") == sdp
        for number, other in enumerate(DESCRIPTIONS.values(), 1):
            phone.send(phone.inside("INVITE", invite, number).with_body(other))
            await phone.response("INVITE", 200)
            phone.send(phone.inside("ACK", invite, number))
        session.end()
        phone.respond(await phone.request("BYE"), 200)
    await bench.idle()
    assert line.alive
