"""A PBX at a whole user agent: registering, failing over, calls both ways, and its challenges."""

from collections.abc import AsyncIterator, Callable
from typing import Any

from pytest_twisted import async_yield_fixture, ensureDeferred

from parloir.config.address import SipAddress
from parloir.rtp.description import Address
from parloir.sip.digest import Credentials, Login
from parloir.sip.message import Header, Request, Response
from parloir.sip.session import EndKind
from parloir.sip.target import Through
from parloir.sip.trunk import Place, Trunk
from parloir.sip.trunk_link import TrunkLink
from tests.sip_bench import OFFER, Bench, Call
from tests.sip_phone import SDP, Phone

LOGIN = Login("gw", "secret")
TARGET = Through("north", "pbx", "1002")
CHALLENGE = 'Digest realm="pbx", nonce="abc", algorithm={}, qop="auth"'


@async_yield_fixture
async def bench() -> AsyncIterator[Bench]:
    from twisted.internet import reactor

    made = Bench(reactor)
    await made.start()
    yield made
    await made.close()


def pbx(bench: Bench, host: str = "127.0.0.6") -> Phone:
    return bench.phone(host, "pbx", trusted=False)


def place(phone: Phone) -> SipAddress:
    return SipAddress("", phone.host, phone.port)


def trunk(bench: Bench, *phones: Phone, **more: Any) -> TrunkLink:
    places = tuple(place(phone) for phone in phones)
    numbers = (("1001", "pod-a-1"), ("1002", "pod-a-2"))
    bench.agent.replace_trunks([Trunk("north", "pbx", places, numbers, **more)])
    return bench.agent.trunks()["north", "pbx"]


async def until(bench: Bench, true: Callable[[], bool]) -> None:
    for _ in range(500):
        if true():
            return
        await bench.pause(0.01)
    raise AssertionError(f"never, but {bench.log[-5:]}")


def well(phone: Phone) -> None:
    """From now on answer every OPTIONS, and be left without the others."""

    def answer(message: Request | Response, sender: Address) -> bool:
        if isinstance(message, Request) and message.method == "OPTIONS":
            phone.respond(message, 200)
            return True
        return False

    phone.on_message = answer


async def taken(phone: Phone, seconds: int = 600, algorithm: str = "SHA-256") -> Request:
    """Challenge a registration, and take it; the REGISTER that had the credentials."""
    first = await phone.request("REGISTER")
    assert not first.has("Authorization")
    phone.respond(first, 401, None, ("WWW-Authenticate", CHALLENGE.format(algorithm)))
    second = await phone.request("REGISTER")
    assert second.cseq.number == first.cseq.number + 1
    shown = Credentials.parse(second.one("Authorization"))
    assert shown is not None
    assert shown.response == shown.computed("secret", "REGISTER")
    granted = f"{second.one('Contact')};expires={seconds}"
    phone.respond(second, 200, None, ("Contact", f"<sip:other@10.0.0.9>;expires=7, {granted}"))
    return second


@ensureDeferred
async def test_it_registers_and_says_farewell(bench: Bench) -> None:
    there = pbx(bench)
    well(there)
    link = trunk(bench, there, register=True, login=LOGIN)
    register = await taken(there)
    assert register.uri == f"sip:127.0.0.6:{there.port}"
    assert (register.sender.uri, register.one("Expires")) == (f"sip:gw@127.0.0.6:{there.port}", "600")
    assert register.one("Contact") == f"<sip:gw@127.0.0.2:{bench.gateway.port}>"
    await until(bench, lambda: link.serves)
    assert [fields["trunk"] for name, fields in bench.log if name == "sip.trunk_up"] == ["north/pbx"]
    bench.agent.replace_trunks([])
    farewell = await there.request("REGISTER")
    assert farewell.one("Expires") == "0"
    there.respond(farewell, 401, None, ("WWW-Authenticate", CHALLENGE.format("MD5")))
    again = await there.request("REGISTER")
    assert (again.one("Expires"), again.has("Authorization")) == ("0", True)
    there.respond(again, 200)


@ensureDeferred
async def test_a_short_registration_is_refreshed_in_time(bench: Bench) -> None:
    there = pbx(bench)
    well(there)
    link = trunk(bench, there, register=True, login=LOGIN)
    await taken(there, seconds=1)
    await taken(there, seconds=1)
    assert link.registered


@ensureDeferred
async def test_too_brief_is_asked_again_for_longer(bench: Bench) -> None:
    there = pbx(bench)
    well(there)
    link = trunk(bench, there, register=True, login=LOGIN, expires=60)
    there.respond(await there.request("REGISTER"), 423, None, ("Min-Expires", "900"))
    longer = await there.request("REGISTER")
    assert longer.one("Expires") == "900"
    there.respond(longer, 200)
    await until(bench, lambda: link.registered)


@ensureDeferred
async def test_a_wrong_password_is_not_tried_again_at_once(bench: Bench) -> None:
    there = pbx(bench)
    well(there)
    link = trunk(bench, there, register=True, login=LOGIN)
    for _ in range(2):
        challenge = ("WWW-Authenticate", CHALLENGE.format("MD5"))
        there.respond(await there.request("REGISTER"), 401, None, challenge)
    await until(bench, lambda: any(name == "sip.trunk_refused" for name, _ in bench.log))
    [refused] = [fields for name, fields in bench.log if name == "sip.trunk_refused"]
    assert refused["again"] >= 30
    assert "secret" not in str(bench.log)
    assert not link.serves
    assert there.heard("REGISTER") == 0


@ensureDeferred
async def test_the_second_address_takes_over(bench: Bench) -> None:
    first, second = pbx(bench), pbx(bench, "127.0.0.7")
    well(second)
    link = trunk(bench, first, second, register=True, login=LOGIN)
    first.respond(await first.request("REGISTER"), 503, None, ("Retry-After", "0"))
    await taken(second)
    await until(bench, lambda: link.serves)
    assert await bench.agent.find(TARGET) == "127.0.0.7"
    first.respond(await first.request("OPTIONS"), 503)


@ensureDeferred
async def test_the_next_server_of_a_domain_takes_over(bench: Bench) -> None:
    first, second = pbx(bench), pbx(bench, "127.0.0.7")
    well(second)
    looked_up: list[Place] = []

    async def locate(place: Place) -> tuple[Address, ...]:
        looked_up.append(place)
        return Address(first.host, first.port), Address(second.host, second.port)

    bench.agent.edge.trunks.locate = locate
    domain = SipAddress.parse("sip:pbx.example")
    bench.agent.replace_trunks([Trunk("north", "pbx", (domain,), register=True, login=LOGIN, options=0.5)])
    link = bench.agent.trunks()["north", "pbx"]
    refused = await first.request("REGISTER")
    assert refused.uri == "sip:pbx.example"
    first.respond(refused, 503, None, ("Retry-After", "0"))
    assert (await taken(second)).uri == "sip:pbx.example"
    await until(bench, lambda: link.serves)
    assert await bench.agent.find(TARGET) == "127.0.0.7"
    assert all(link.is_at(phone.host) for phone in (first, second))
    assert {place.portless for place in looked_up} == {True}
    second.on_message = None
    second.respond(await second.request("OPTIONS"), 503)
    well(first)
    await taken(first)
    assert await bench.agent.find(TARGET) == "127.0.0.6"


@ensureDeferred
async def test_a_static_peer_is_asked_for_life_and_called_where_it_answers(bench: Bench) -> None:
    first, second = pbx(bench), pbx(bench, "127.0.0.7")
    well(second)
    link = trunk(bench, first, second, options=0.2)
    first.respond(await first.request("OPTIONS"), 503)
    await until(bench, lambda: link.up == [False, True])
    assert await bench.agent.find(TARGET) == "127.0.0.7"
    first.respond(await first.request("OPTIONS"), 404)
    await until(bench, lambda: link.up == [True, True])
    assert await bench.agent.find(TARGET) == "127.0.0.6"
    assert first.heard("REGISTER") == second.heard("REGISTER") == 0
    first.on_message = second.on_message


@ensureDeferred
async def test_a_call_through_it_answers_its_challenges_in_every_request(bench: Bench) -> None:
    there = pbx(bench)
    well(there)
    link = trunk(bench, there, login=LOGIN)
    await until(bench, lambda: link.serves)
    call = Call(bench.reactor)
    session = await bench.agent.invite(TARGET, OFFER, call, "Ann Doe")
    first = await there.request("INVITE")
    assert (first.uri, first.sender.uri) == (
        f"sip:1002@127.0.0.6:{there.port}",
        f"sip:gw@127.0.0.6:{there.port}",
    )
    assert first.sender.display == "Ann Doe"
    there.respond(first, 407, None, ("Proxy-Authenticate", CHALLENGE.format("MD5")))
    assert (await there.request("ACK")).via == first.via
    second = await there.request("INVITE")
    assert (second.call_id, second.cseq.number, second.sdp) == (first.call_id, first.cseq.number + 1, OFFER)
    shown = Credentials.parse(second.one("Proxy-Authorization"))
    assert shown is not None
    assert shown.response == shown.computed("secret", "INVITE")
    there.respond(second, 200, SDP)
    await there.request("ACK")
    await call.told_of("answered")
    session.end()
    bye = await there.request("BYE")
    there.respond(bye, 407, None, ("Proxy-Authenticate", CHALLENGE.format("SHA-256")))
    again = await there.request("BYE")
    assert again.cseq.number == bye.cseq.number + 1
    assert again.has("Proxy-Authorization")
    there.respond(again, 200)
    await bench.idle()


@ensureDeferred
async def test_a_challenge_that_is_not_met_fails_the_call(bench: Bench) -> None:
    there = pbx(bench)
    well(there)
    trunk(bench, there, login=LOGIN)
    call = Call(bench.reactor)
    await bench.agent.invite(TARGET, OFFER, call)
    for _ in range(2):
        there.respond(await there.request("INVITE"), 407, None, ("Proxy-Authenticate", CHALLENGE.format("MD5")))
    assert (await call.ended_as()).kind is EndKind.FAILED
    await bench.idle()


@ensureDeferred
async def test_calls_from_it_are_those_of_the_stations_behind_it(bench: Bench) -> None:
    there = pbx(bench)
    well(there)
    link = trunk(bench, there, login=LOGIN)
    await until(bench, lambda: link.serves)
    known: Header = ("P-Asserted-Identity", "<sip:1002@127.0.0.6>")
    there.send(there.new("INVITE", "sip:123456@127.0.0.2", "call-1", 1, known).with_body(SDP))
    await there.response("INVITE", 100)
    await until(bench, lambda: len(bench.incoming) == 1)
    assert (bench.incoming[0].station, bench.incoming[0].dialled) == ("pod-a-2", "123456")
    contact = there.new("INVITE", "sip:gw@127.0.0.2", "call-2", 1, known, to="<sip:654321@127.0.0.6>")
    there.send(contact.with_body(SDP))
    await until(bench, lambda: len(bench.incoming) == 2)
    assert bench.incoming[1].dialled == "654321"
    for incoming in bench.incoming:
        incoming.reject(404)
    there.send(there.new("INVITE", "sip:123456@127.0.0.2", "call-3", 1).with_body(SDP))
    assert (await there.response("INVITE", 403)).call_id == "call-3"
    there.send(there.new("OPTIONS", "sip:127.0.0.2", "alive", 1))
    await there.response("OPTIONS", 200)
    await bench.idle()


@ensureDeferred
async def test_a_reload_keeps_what_is_as_it_was(bench: Bench) -> None:
    there = pbx(bench)
    well(there)
    link = trunk(bench, there, options=5.0)
    await until(bench, lambda: link.serves)
    same = Trunk("north", "pbx", (place(there),), (("1009", "pod-b"),), options=5.0)
    bench.agent.replace_trunks([same])
    assert bench.agent.trunks()["north", "pbx"] is link
    assert link.trunk.numbers == (("1009", "pod-b"),)
    bench.agent.replace_trunks([Trunk("north", "pbx", (place(there),), options=6.0)])
    assert bench.agent.trunks()["north", "pbx"] is not link


@ensureDeferred
async def test_a_name_that_does_not_resolve_is_down_and_said_so(bench: Bench) -> None:
    nowhere = SipAddress("", "pbx.invalid", 5060)
    bench.agent.replace_trunks([Trunk("north", "pbx", (nowhere,), register=True, login=LOGIN)])
    await until(bench, lambda: any(name == "sip.trunk_refused" for name, _ in bench.log))
    assert not bench.agent.trunks()["north", "pbx"].serves
