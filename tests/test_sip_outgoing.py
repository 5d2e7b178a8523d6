"""Calls to phones through a real line: every way they can go, and what phone and call are told."""

import os
import signal
from collections.abc import AsyncIterator

import pytest
from pytest_twisted import async_yield_fixture, ensureDeferred

from parloir.rtp.description import Address
from parloir.sip.errors import Unreachable
from parloir.sip.session import EndKind, NoFreeLine
from parloir.sip.uri import NameAddr
from tests.sip_bench import OFFER, Bench, Call
from tests.sip_phone import SDP


@async_yield_fixture
async def bench() -> AsyncIterator[Bench]:
    from twisted.internet import reactor

    made = Bench(reactor, ring_timeout=1.0, reply_timeout=0.5)
    await made.start()
    yield made
    await made.close()
    assert all(line.process.returncode == 0 for line in made.lines)


@ensureDeferred
async def test_phone_rings_and_answers_and_call_hangs_up(bench: Bench) -> None:
    phone = bench.phone()
    session, call = await bench.ring(phone, caller='Ann "A" Doe')
    invite = await phone.request("INVITE")
    assert invite.sdp == OFFER
    assert invite.sender.display == 'Ann "A" Doe'
    phone.respond(invite, 180)
    await call.told_of("ringing")
    phone.respond(invite, 200, SDP)
    ack = await phone.request("ACK")
    assert ack.cseq.number == invite.cseq.number
    assert await call.told_of("answered") == SDP
    assert list(bench.dialogs.kept) == [session.id]
    assert session.remote == Address(phone.host, phone.port)
    session.end()
    bye = await phone.request("BYE")
    assert bye.cseq.number > invite.cseq.number
    assert (await call.ended_as()).kind is EndKind.ENDED_HERE
    phone.respond(bye, 200)
    await bench.idle()
    assert bench.dialogs.kept == {}


@ensureDeferred
async def test_phone_hangs_up(bench: Bench) -> None:
    phone = bench.phone()
    session, call, invite = await bench.talk(phone, SDP)
    phone.send(phone.inside("BYE", invite, 1))
    await phone.response("BYE", 200)
    assert (await call.ended_as()).kind is EndKind.HUNG_UP
    session.end()
    await bench.idle()
    assert phone.heard("BYE") == 0
    assert [what for what, _ in call.told].count("ended") == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, EndKind.UNREACHABLE),
        (403, EndKind.DECLINED),
        (404, EndKind.UNREACHABLE),
        (401, EndKind.FAILED),
        (480, EndKind.NO_ANSWER),
        (486, EndKind.BUSY),
        (488, EndKind.NOT_ACCEPTABLE),
        (503, EndKind.UNREACHABLE),
        (600, EndKind.BUSY),
        (603, EndKind.DECLINED),
    ],
)
@ensureDeferred
async def test_refusals_end_the_call_with_their_kind(bench: Bench, status: int, kind: EndKind) -> None:
    phone = bench.phone()
    _, call = await bench.ring(phone)
    invite = await phone.request("INVITE")
    phone.respond(invite, status, None, ("Contact", "<sip:elsewhere@127.0.0.9>"))
    ack = await phone.request("ACK")
    assert ack.via == invite.via
    end = await call.ended_as()
    assert (end.kind, end.status) == (kind, status)
    await bench.idle()
    assert phone.heard("INVITE") == 0


@ensureDeferred
async def test_nobody_answers_and_the_phone_stops_ringing(bench: Bench) -> None:
    phone = bench.phone()
    _, call = await bench.ring(phone)
    invite = await phone.request("INVITE")
    phone.respond(invite, 180)
    cancel = await phone.request("CANCEL")
    assert (cancel.via, cancel.uri, cancel.cseq.number) == (invite.via, invite.uri, invite.cseq.number)
    assert (await call.ended_as()).kind is EndKind.NO_ANSWER
    phone.respond(cancel, 200)
    phone.respond(invite, 487)
    await phone.request("ACK")
    await bench.idle()


@ensureDeferred
async def test_a_phone_that_shows_no_life_is_unreachable(bench: Bench) -> None:
    phone = bench.phone()
    _, call = await bench.ring(phone)
    invite = await phone.request("INVITE")
    assert (await phone.request("INVITE")) == invite
    assert (await call.ended_as()).kind is EndKind.UNREACHABLE
    assert phone.heard("CANCEL") == 0
    phone.respond(invite, 100)
    await phone.request("CANCEL")
    phone.respond(invite, 487)
    await bench.idle()


@ensureDeferred
async def test_a_call_ended_while_ringing_is_cancelled(bench: Bench) -> None:
    phone = bench.phone()
    session, call = await bench.ring(phone)
    invite = await phone.request("INVITE")
    phone.respond(invite, 180)
    await call.told_of("ringing")
    session.end()
    phone.respond(await phone.request("CANCEL"), 200)
    phone.respond(invite, 487)
    await phone.request("ACK")
    assert (await call.ended_as()).kind is EndKind.ENDED_HERE
    await bench.idle()


@ensureDeferred
async def test_an_answer_that_crosses_the_cancel_is_acknowledged_and_hung_up(bench: Bench) -> None:
    phone = bench.phone()
    session, call = await bench.ring(phone)
    invite = await phone.request("INVITE")
    phone.respond(invite, 180)
    await call.told_of("ringing")
    session.end()
    await phone.request("CANCEL")
    phone.respond(invite, 200, SDP)
    await phone.request("ACK")
    phone.respond(await phone.request("BYE"), 200)
    await bench.idle()
    assert "answered" not in [what for what, _ in call.told]


@ensureDeferred
async def test_a_call_ended_before_its_invite_left_reaches_no_phone(bench: Bench) -> None:
    phone = bench.phone()
    session, call = await bench.ring(phone)
    session.end()
    assert (await call.ended_as()).kind is EndKind.ENDED_HERE
    await bench.idle()
    assert phone.inbox == []


@ensureDeferred
async def test_of_several_phones_that_answer_the_first_wins(bench: Bench) -> None:
    phone = bench.phone()
    session, call = await bench.ring(phone)
    invite = await phone.request("INVITE")
    phone.respond(invite, 180, tag="one")
    phone.respond(invite, 180, tag="two")
    phone.respond(invite, 200, SDP, tag="two")
    assert (await phone.request("ACK")).recipient.tag == "two"
    phone.respond(invite, 200, SDP, tag="one")
    assert (await phone.request("ACK")).recipient.tag == "one"
    bye = await phone.request("BYE")
    assert bye.recipient.tag == "one"
    phone.respond(bye, 200)
    phone.respond(invite, 200, SDP, tag="two")
    assert (await phone.request("ACK")).recipient.tag == "two"
    assert [what for what, _ in call.told] == ["ringing", "answered"]
    session.end()
    phone.respond(await phone.request("BYE"), 200)
    await bench.idle()


@ensureDeferred
async def test_an_answer_without_description_ends_the_call(bench: Bench) -> None:
    phone = bench.phone()
    _, call = await bench.ring(phone)
    phone.respond(await phone.request("INVITE"), 200)
    await phone.request("ACK")
    phone.respond(await phone.request("BYE"), 200)
    assert (await call.ended_as()).kind is EndKind.NOT_ACCEPTABLE
    await bench.idle()


@ensureDeferred
async def test_a_reliable_early_answer_is_acknowledged_and_counts_if_the_200_has_none(bench: Bench) -> None:
    phone = bench.phone()
    session, call = await bench.ring(phone)
    invite = await phone.request("INVITE")
    phone.respond(invite, 183, SDP, ("Require", "100rel"), ("RSeq", "7"))
    prack = await phone.request("PRACK")
    assert prack.one("RAck") == f"7 {invite.cseq.number} INVITE"
    phone.respond(prack, 200)
    phone.respond(invite, 200)
    await phone.request("ACK")
    assert await call.told_of("answered") == SDP
    session.end()
    bye = await phone.request("BYE")
    assert bye.cseq.number > prack.cseq.number
    phone.respond(bye, 200)
    await bench.idle()


@ensureDeferred
async def test_a_phone_that_rings_may_refresh_but_not_offer(bench: Bench) -> None:
    phone = bench.phone()
    _, call = await bench.ring(phone)
    invite = await phone.request("INVITE")
    phone.respond(invite, 180)
    await call.told_of("ringing")
    phone.send(phone.inside("UPDATE", invite, 1))
    await phone.response("UPDATE", 200)
    phone.send(phone.inside("UPDATE", invite, 2).with_body(SDP))
    await phone.response("UPDATE", 491)
    phone.respond(invite, 200, SDP)
    await phone.request("ACK")
    await call.told_of("answered")


@ensureDeferred
async def test_a_line_that_does_nothing_fails_the_call(bench: Bench) -> None:
    phone = bench.phone()
    os.kill(bench.lines[0].process.pid, signal.SIGSTOP)
    _, call = await bench.ring(phone)
    end = await call.ended_as()
    os.kill(bench.lines[0].process.pid, signal.SIGCONT)
    assert end.kind is EndKind.FAILED
    await bench.idle()
    assert phone.raw == []


@ensureDeferred
async def test_requests_in_the_dialog_take_the_phones_route(bench: Bench) -> None:
    phone = bench.phone()
    session, call = await bench.ring(phone)
    routes = [f"<sip:{phone.host}:{phone.port};lr;hop=1>", "<sip:10.9.9.9;lr>"]
    invite = await phone.request("INVITE")
    phone.respond(invite, 200, SDP, ("Record-Route", ", ".join(reversed(routes))))
    assert (await phone.request("ACK")).all("Route") == routes
    await call.told_of("answered")
    session.end()
    bye = await phone.request("BYE")
    assert (bye.all("Route"), bye.uri) == (routes, NameAddr.parse(phone.contact).uri)
    phone.respond(bye, 200)
    await bench.idle()


@ensureDeferred
async def test_a_contact_elsewhere_is_not_sent_to(bench: Bench) -> None:
    phone = bench.phone()
    victim = bench.phone("127.0.0.9", trusted=False)
    session, call = await bench.ring(phone)
    invite = await phone.request("INVITE")
    phone.contact = f"<sip:{victim.host}:{victim.port}>"
    phone.respond(invite, 200, SDP)
    await phone.request("ACK")
    await call.told_of("answered")
    session.end()
    bye = await phone.request("BYE")
    assert bye.uri == f"sip:{victim.host}:{victim.port}"
    phone.respond(bye, 200)
    await bench.idle()
    assert victim.raw == []


@ensureDeferred
async def test_an_unanswered_bye_is_repeated_and_frees_the_slot_at_once(bench: Bench) -> None:
    phone = bench.phone()
    session, _, _ = await bench.talk(phone, SDP)
    session.end()
    bye = await phone.request("BYE")
    assert (await phone.request("BYE")) == bye
    for _ in range(300):
        if bench.agent.lines.free == 4:
            break
        await bench.pause(0.01)
    assert bench.agent.lines.free == 4
    assert session.id in bench.dialogs.kept
    phone.respond(bye, 200)
    await bench.idle()


@ensureDeferred
async def test_a_phone_is_found_by_its_name(bench: Bench) -> None:
    assert await bench.agent.find(_At("", "localhost", 5060)) == "127.0.0.1"
    with pytest.raises(Unreachable):
        await bench.agent.find(_At("", "phone.invalid", 5060))


@ensureDeferred
async def test_a_full_pool_and_an_unknown_host_are_said(bench: Bench) -> None:
    phone = bench.phone()
    slots = [await bench.agent.lines.reserve_soon(f"other-{number}") for number in range(4)]
    with pytest.raises(NoFreeLine):
        await bench.agent.invite(_At("", phone.host, phone.port), OFFER, Call(bench.reactor))
    for number in range(len(slots)):
        bench.agent.lines.release(f"other-{number}")
    with pytest.raises(Unreachable):
        await bench.agent.invite(_At("", "::1", 5060), OFFER, Call(bench.reactor))
    await bench.idle()


@ensureDeferred
async def test_dialogs_of_an_earlier_run_are_hung_up(bench: Bench) -> None:
    phone = bench.phone()
    await bench.talk(phone, SDP)
    again = Bench(bench.reactor)
    again.dialogs.kept = dict(bench.dialogs.kept)
    await again.agent.start()
    bye = await phone.request("BYE")
    assert bye.recipient.tag == "phonetag"
    assert len(again.dialogs.kept) == 1
    phone.respond(bye, 200)
    for _ in range(300):
        if not again.dialogs.kept:
            break
        await bench.pause(0.01)
    assert again.dialogs.kept == {}
    await again.agent.stop()


@ensureDeferred
async def test_keyframe_is_asked_for_by_info(bench: Bench) -> None:
    phone = bench.phone()
    session, _, _ = await bench.talk(phone, SDP)
    session.ask_keyframe()
    info = await phone.request("INFO")
    assert info.content_type == "application/media_control+xml"
    assert b"picture_fast_update" in info.body
    phone.respond(info, 200)


class _At:
    def __init__(self, user: str, host: str, port: int) -> None:
        self.user, self.host, self.port = user, host, port
        self.transport = "udp"
