"""A phone is confirmed once its dialog is stored: only then can a gateway that died hang up on it."""

from collections.abc import AsyncIterator

import pytest
from pytest_twisted import async_yield_fixture, ensureDeferred
from twisted.internet.defer import Deferred

from parloir.sip.message import Request, Response
from parloir.sip.session import EndKind, Session
from tests.sip_bench import ANSWER, Bench, Call
from tests.sip_phone import SDP, Phone


@async_yield_fixture
async def bench() -> AsyncIterator[Bench]:
    """Its dialogs are not stored before a test says so."""
    from twisted.internet import reactor

    made = Bench(reactor)
    made.dialogs.slow = Deferred()
    await made.start()
    yield made
    await made.close()
    assert all(line.process.returncode == 0 for line in made.lines)


def stored(bench: Bench) -> None:
    slow, bench.dialogs.slow = bench.dialogs.slow, None
    assert slow is not None
    slow.callback(None)


async def answered(bench: Bench, phone: Phone) -> tuple[Session, Call, Request]:
    """A call that the phone has answered, whose dialog waits to be stored; and its INVITE."""
    session, call = await bench.ring(phone)
    invite = await phone.request("INVITE")
    phone.respond(invite, 200, SDP)
    await bench.until(lambda: bool(bench.dialogs.kept))
    return session, call, invite


@ensureDeferred
async def test_an_answer_is_acknowledged_once_its_dialog_is_stored(bench: Bench) -> None:
    phone = bench.phone()
    session, call, invite = await answered(bench, phone)
    phone.respond(invite, 200, SDP)
    early = phone.inside("INVITE", invite, 1)
    phone.send(early.with_body(SDP))
    assert (await phone.response("INVITE", 491)).cseq.number == 1
    assert list(bench.dialogs.kept) == [session.id]
    assert phone.heard("ACK") == 0
    assert call.told == []
    stored(bench)
    await phone.request("ACK")
    assert await call.told_of("answered") == SDP
    session.end()
    phone.respond(await phone.request("BYE"), 200)
    await bench.idle()
    assert bench.dialogs.kept == {}


@ensureDeferred
async def test_a_call_that_ends_meanwhile_is_acknowledged_and_hung_up(bench: Bench) -> None:
    phone = bench.phone()
    session, call, _ = await answered(bench, phone)
    session.end()
    await phone.request("ACK")
    phone.respond(await phone.request("BYE"), 200)
    assert (await call.ended_as()).kind is EndKind.ENDED_HERE
    stored(bench)
    await bench.idle()
    assert "answered" not in [what for what, _ in call.told]


@ensureDeferred
async def test_a_phone_that_hangs_up_meanwhile_has_its_answer_acknowledged(bench: Bench) -> None:
    phone = bench.phone()
    _, call, invite = await answered(bench, phone)
    phone.send(phone.inside("BYE", invite, 1))
    await phone.response("BYE", 200)
    await phone.request("ACK")
    assert (await call.ended_as()).kind is EndKind.HUNG_UP
    stored(bench)
    await bench.idle()


@pytest.mark.parametrize("fails", [True, False])
@ensureDeferred
async def test_a_store_that_fails_or_hangs_keeps_no_phone_waiting(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    monkeypatch.setattr("parloir.sip.leg.PATIENCE", 60.0 if fails else 0.05)
    phone = bench.phone()
    session, call, _ = await answered(bench, phone)
    slow, bench.dialogs.slow = bench.dialogs.slow, None
    if fails and slow is not None:
        slow.errback(OSError("the disk is full"))
    await phone.request("ACK")
    assert await call.told_of("answered") == SDP
    session.end()
    phone.respond(await phone.request("BYE"), 200)
    await bench.idle()


async def accepted(bench: Bench, phone: Phone) -> tuple[Call, Request]:
    """A call of the phone's that has been accepted, and whose line has answered; and its INVITE."""
    invite = phone.new("INVITE", "sip:123456@127.0.0.2", "call-1", 1).with_body(SDP)
    phone.send(invite)
    await phone.response("INVITE", 100)
    call = Call(bench.reactor)
    bench.incoming[-1].accept(ANSWER, call)
    await bench.until(lambda: bool(bench.dialogs.kept))
    await bench.pause(0.05)
    assert [message for message in phone.inbox if isinstance(message, Response)] == []
    return call, invite


@ensureDeferred
async def test_a_phone_that_calls_is_answered_once_its_dialog_is_stored(bench: Bench) -> None:
    phone = bench.phone()
    call, _ = await accepted(bench, phone)
    stored(bench)
    answer = await phone.response("INVITE", 200)
    phone.send(phone.within("ACK", answer, 1))
    assert await call.told_of("answered") == SDP
    phone.send(phone.within("BYE", answer, 2))
    await phone.response("BYE", 200)
    await bench.idle()
    assert bench.dialogs.kept == {}


@ensureDeferred
async def test_a_phone_that_gives_up_meanwhile_is_never_answered(bench: Bench) -> None:
    phone = bench.phone()
    call, invite = await accepted(bench, phone)
    phone.send(phone.new("CANCEL", invite.uri, "call-1", 1).with_via(invite.via))
    await phone.response("CANCEL", 200)
    refusal = await phone.response("INVITE", 487)
    phone.send(phone.new("ACK", invite.uri, "call-1", 1, to=refusal.one("To")).with_via(invite.via))
    assert (await call.ended_as()).kind is EndKind.CANCELLED
    stored(bench)
    await bench.idle()
    assert bench.dialogs.kept == {}
