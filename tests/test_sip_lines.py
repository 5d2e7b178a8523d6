"""The pool of line processes: its calls when one dies, and how little of it is seen from outside."""

import re
from collections.abc import AsyncIterator
from typing import Any

from pytest_twisted import async_yield_fixture, ensureDeferred

from parloir.sip.session import EndKind
from tests.line_children import LineChild
from tests.sip_bench import ANSWER, OFFER, Bench, Call
from tests.sip_phone import SDP, Phone


@async_yield_fixture
async def bench() -> AsyncIterator[Bench]:
    from twisted.internet import reactor

    made = Bench(reactor, calls=12)
    await made.start()
    yield made
    await made.close()


async def replace_line(bench: Bench, index: int) -> None:
    bench.lines[index] = LineChild(bench.reactor, bench.agent, index)
    await bench.lines[index].up()


@ensureDeferred
async def test_twelve_calls_over_three_lines_look_like_one_gateway(bench: Bench) -> None:
    seen: list[tuple[str, bytes]] = []
    bench.agent.on_wire = lambda way, peer, data: seen.append((way, data))
    phones = [bench.phone(user=f"{1000 + number}") for number in range(12)]
    calls = [await bench.talk(phone, SDP) for phone in phones[:6]]
    incoming = [await dial_in(bench, phone) for phone in phones[6:]]
    assert bench.agent.lines.free == 0
    for number, phone in enumerate(phones[:6]):
        phone.send(phone.inside("INVITE", calls[number][2], 1).with_body(SDP))
        await phone.response("INVITE", 200)
        phone.send(phone.inside("ACK", calls[number][2], 1))
    for leg in list(bench.agent.edge.legs.values()):
        leg.end()
    for phone in phones:
        phone.respond(await phone.request("BYE"), 200)
    await bench.idle()
    assert len(incoming) == 6
    sent = b"".join(data for way, data in seen if way == "out")
    assert b"127.0.0.1" not in sent
    assert not re.search(rb"(?i);ob|replaces|pjsip|refer|slot\d|X-Parloir|Record-Route", sent)
    assert {match[1] for match in re.findall(rb"(Contact|Via): .*127\.0\.0\.2:(\d+)", sent)} == {
        str(bench.gateway.port).encode()
    }
    assert {phone.gateway for phone in phones} == {bench.gateway}
    assert all(line.alive for line in bench.lines)


async def dial_in(bench: Bench, phone: Phone) -> Call:
    invite = phone.new("INVITE", "sip:123456@127.0.0.2", f"call-{phone.port}", 1)
    phone.send(invite.with_body(SDP))
    await phone.response("INVITE", 100)
    call = Call(bench.reactor)
    bench.incoming[-1].ring()
    await phone.response("INVITE", 180)
    bench.incoming[-1].accept(ANSWER, call)
    answer = await phone.response("INVITE", 200)
    phone.send(phone.within("ACK", answer, 1))
    await call.told_of("answered")
    return call


@ensureDeferred
async def test_a_line_that_dies_takes_only_its_own_calls(bench: Bench) -> None:
    phones = [bench.phone(user=f"{1000 + number}") for number in range(6)]
    talking: list[tuple[Any, Call]] = []
    for phone in phones:
        session, call, _ = await bench.talk(phone, SDP)
        talking.append((session, call))
    bench.lines[1].kill()
    on_dead = [n for n, (session, _) in enumerate(talking) if session.line.slot.line == 1]
    assert len(on_dead) == 2
    for number in on_dead:
        assert (await talking[number][1].ended_as()).kind is EndKind.LINE_LOST
        phones[number].respond(await phones[number].request("BYE"), 200)
    others = [call for n, (_, call) in enumerate(talking) if n not in on_dead]
    assert all([what for what, _ in call.told] == ["ringing", "answered"] for call in others)
    await replace_line(bench, 1)
    again: Any = (await bench.talk(phones[on_dead[0]], SDP))[0]
    assert again.line.slot.line == 1


@ensureDeferred
async def test_a_line_that_dies_cancels_what_rings_and_refuses_what_dials(bench: Bench) -> None:
    ringing, dialling = bench.phone(), bench.phone(user="1002")
    session, call = await bench.ring(ringing)
    invite = await ringing.request("INVITE")
    ringing.respond(invite, 180)
    await call.told_of("ringing")
    ends: list[Any] = []
    dialling.send(dialling.new("INVITE", "sip:123456@127.0.0.2", "call-1", 1).with_body(SDP))
    await dialling.response("INVITE", 100)
    bench.incoming[0].on_cancel(lambda end: ends.append(end))
    for line in bench.lines:
        line.kill()
    assert session.id in bench.agent.edge.legs
    ringing.respond(await ringing.request("CANCEL"), 200)
    ringing.respond(invite, 200, SDP)
    await ringing.request("ACK")
    ringing.respond(await ringing.request("BYE"), 200)
    await dialling.response("INVITE", 480)
    assert (await call.ended_as()).kind is EndKind.LINE_LOST
    assert [end.kind for end in ends] == [EndKind.LINE_LOST]
    dialling.send(dialling.new("INVITE", "sip:123456@127.0.0.2", "call-2", 1).with_body(SDP))
    await dialling.response("INVITE", 480)
    for index in range(3):
        await replace_line(bench, index)
    assert bench.agent.lines.free == 12


@ensureDeferred
async def test_a_line_that_hangs_up_by_itself_ends_the_call(bench: Bench) -> None:
    phone = bench.phone()
    session, call, _ = await bench.talk(phone, SDP)
    leg: Any = session
    leg.line._order(0)
    phone.respond(await phone.request("BYE"), 200)
    assert (await call.ended_as()).kind is EndKind.FAILED
    await bench.idle()


@ensureDeferred
async def test_lines_end_with_their_connection(bench: Bench) -> None:
    phone = bench.phone()
    await bench.ring(phone, OFFER)
    await phone.request("INVITE")
    assert [await line.close() for line in bench.lines] == [0, 0, 0]
