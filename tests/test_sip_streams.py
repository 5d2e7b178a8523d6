"""Calls over TCP and TLS through real lines: on which connection what goes, and what happens when it is lost."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_twisted import async_yield_fixture, ensureDeferred

from parloir.rtp.description import Address
from parloir.sip.message import Response
from parloir.sip.session import EndKind
from parloir.sip.settings import Listener, Streams, Tls
from parloir.sip.stations import Station
from tests.certificates import write_certificate
from tests.sip_bench import ANSWER, Bench, Call
from tests.sip_phone import SDP
from tests.stream_phone import Credentials, StreamPhone

TRANSPORTS = ("tcp", "tls")


class StreamBench(Bench):
    """A user agent that listens on TCP and TLS, and phones that speak it."""

    def stream_phone(self, transport: str) -> StreamPhone:
        """A phone that is trusted by its address."""
        tls = self.settings.streams.tls
        credentials = Credentials(tls.certificate, tls.key) if tls and transport == "tls" else None
        phone = StreamPhone(self.reactor, credentials)
        self.phones.append(phone)
        self.stations.append(Station("north", "pod-a-1", Address(phone.host, phone.port), phone.user))
        self.agent.stations.replace(self.stations)
        return phone

    def at(self, transport: str) -> Address:
        """Where phones connect to."""
        return self.agent.addresses[TRANSPORTS.index(transport)]

    def end_call(self) -> None:
        """Hang up on the one phone there is."""
        [leg] = self.agent.edge.legs.values()
        leg.end()


@async_yield_fixture
async def bench(tmp_path: Path) -> AsyncIterator[StreamBench]:
    from twisted.internet import reactor

    listen = tuple(Listener("127.0.0.2", 0, transport=transport) for transport in TRANSPORTS)
    streams = Streams(tls=Tls(*write_certificate(tmp_path)))
    made = StreamBench(reactor, ring_timeout=3.0, reply_timeout=1.5, listen=listen, streams=streams)
    await made.start()
    yield made
    await made.close()


async def called_in(bench: StreamBench, phone: StreamPhone) -> tuple[Call, Response]:
    """A call of the phone's that is up, and its 200."""
    at = bench.at(phone.transport_name)
    await phone.connect(at)
    invite = phone.new("INVITE", f"sip:123456@{at.host}:{at.port}", "call", 1).with_body(SDP)
    phone.send(invite)
    while not bench.incoming:
        await bench.pause(0.01)
    call = Call(bench.reactor)
    bench.incoming[0].accept(ANSWER, call)
    answer = await phone.response("INVITE", 200)
    phone.send(phone.within("ACK", answer, 1))
    await call.told_of("answered")
    return call, answer


@pytest.mark.parametrize("transport", TRANSPORTS)
@ensureDeferred
async def test_phone_is_called_on_one_connection(bench: StreamBench, transport: str) -> None:
    phone = bench.stream_phone(transport)
    session, call, invite = await bench.talk(phone, SDP)
    at = bench.at(transport)
    assert invite.uri == f"sip:1001@{phone.host}:{phone.port};transport={transport}"
    assert invite.one("Contact") == f"<sip:parloir@127.0.0.2:{at.port};transport={transport}>"
    assert (invite.via.transport, invite.via.host, invite.via.port) == (transport.upper(), "127.0.0.2", at.port)
    assert "transport" not in invite.one("From")
    session.end()
    phone.respond(await phone.request("BYE"), 200)
    await call.ended_as()
    await bench.idle()
    assert len(phone.lines) == 1


@pytest.mark.parametrize("transport", TRANSPORTS)
@ensureDeferred
async def test_phone_calls_and_is_asked_on_its_own_connection(bench: StreamBench, transport: str) -> None:
    phone = bench.stream_phone(transport)
    call, answer = await called_in(bench, phone)
    assert answer.one("Contact") == f"<sip:parloir@127.0.0.2:{bench.at(transport).port};transport={transport}>"
    bench.end_call()
    phone.respond(await phone.request("BYE"), 200)
    assert (await call.ended_as()).kind is EndKind.ENDED_HERE
    await bench.idle()
    assert len(phone.lines) == 1


@ensureDeferred
async def test_phone_that_lost_its_connection_is_hung_up_on_at_its_contact(bench: StreamBench) -> None:
    phone = bench.stream_phone("tcp")
    call, _ = await called_in(bench, phone)
    [line] = phone.lines
    line.transport.loseConnection()
    await line.gone
    await bench.pause(0.05)
    bench.end_call()
    phone.respond(await phone.request("BYE"), 200)
    await call.ended_as()
    await bench.idle()


@ensureDeferred
async def test_phone_that_comes_back_on_another_connection_is_still_in_its_call(bench: StreamBench) -> None:
    phone = bench.stream_phone("tcp")
    call, answer = await called_in(bench, phone)
    [line] = phone.lines
    line.transport.loseConnection()
    await line.gone
    await phone.connect(bench.at("tcp"))
    phone.send(phone.within("BYE", answer, 2))
    await phone.response("BYE", 200)
    assert (await call.ended_as()).kind is EndKind.HUNG_UP
    await bench.idle()


@ensureDeferred
async def test_phone_that_takes_no_connection_is_unreachable_at_once(bench: StreamBench) -> None:
    phone = bench.stream_phone("tcp")
    await phone.deaf()
    _, call = await bench.ring(phone)
    assert (await call.ended_as()).kind is EndKind.UNREACHABLE
    await bench.idle()


@ensureDeferred
async def test_invite_on_a_connection_that_just_died_is_sent_again(bench: StreamBench) -> None:
    phone = bench.stream_phone("tcp")
    session, call, _ = await bench.talk(phone, SDP)
    session.end()
    phone.respond(await phone.request("BYE"), 200)
    await bench.idle()
    [line] = phone.lines
    line.transport.abortConnection()
    session, call = await bench.ring(phone)
    invite = await phone.request("INVITE")
    phone.respond(invite, 486)
    assert (await call.ended_as()).kind is EndKind.BUSY
    await phone.request("ACK")
    await bench.idle()


@ensureDeferred
async def test_dialog_of_an_earlier_run_is_hung_up_on_a_new_connection(bench: StreamBench) -> None:
    phone = bench.stream_phone("tcp")
    await called_in(bench, phone)
    [kept] = bench.dialogs.kept.values()
    [line] = phone.lines
    line.transport.loseConnection()
    await line.gone
    later = StreamBench(bench.reactor, listen=(Listener("127.0.0.2", 0, transport="tcp"),))
    later.dialogs.save(replace(kept, flow=f"tcp://127.0.0.2:{bench.at('tcp').port} {phone.host}:40000"))
    await later.agent.start()
    bye = await phone.request("BYE")
    assert (bye.call_id, bye.recipient.tag) == (kept.call_id, kept.remote_tag)
    phone.respond(bye, 200)
    while later.dialogs.kept:
        await bench.pause(0.01)
    await later.agent.stop()


@ensureDeferred
async def test_stranger_is_not_let_in(bench: StreamBench) -> None:
    phone = bench.stream_phone("tcp")
    bench.agent.stations.replace([])
    line = await phone.connect(bench.at("tcp"))
    await line.gone
    assert bench.agent.edge.sockets.counters["not let in"] == 1
