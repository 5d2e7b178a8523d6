"""Phones that register at a whole user agent: the challenge, calls both ways, strangers, bans and a restart."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from pytest_twisted import async_yield_fixture, ensureDeferred
from twisted.internet.defer import Deferred

from parloir.sip.admission import AdmissionTerms
from parloir.sip.agent import UserAgent
from parloir.sip.ban import Ban
from parloir.sip.binding import Binding
from parloir.sip.digest import Algorithm, Login, answer
from parloir.sip.errors import NotRegistered
from parloir.sip.logins import StationLogin
from parloir.sip.message import Header, Request, Response
from parloir.sip.registrar import RegistrarTerms
from parloir.sip.session import EndKind
from parloir.sip.target import Registered
from tests.sip_bench import OFFER, Bench, Call
from tests.sip_phone import SDP, Phone

LOGIN = Login("1003", "open sesame", "parloir")
POD = StationLogin("north", "pod-a-3", LOGIN)
TARGET = Registered("north", "pod-a-3")


class Kept:
    """A store of bindings or bans in memory; with a list as `held` it writes when those fire."""

    def __init__(self) -> None:
        self.things: dict[str, Any] = {}
        self.held: list[Deferred[None]] | None = None

    def save(self, thing: Binding | Ban) -> None:
        self.things[thing.id if isinstance(thing, Binding) else thing.host] = thing

    def forget(self, key: str) -> None:
        self.things.pop(key, None)

    async def written(self) -> None:
        if self.held is not None:
            self.held.append(Deferred())
            await self.held[-1]

    async def left_over(self) -> list[Any]:
        return list(self.things.values())


async def started(bench: Bench, bindings: Kept, bans: Kept) -> Bench:
    bench.agent = UserAgent(
        bench.reactor,
        bench.settings,
        [],
        bench.dialogs,
        lambda call: bench.on_incoming(call),
        bench._logged,
        bindings,
        bans,
    )
    bench.agent.replace_logins([POD])
    await bench.start()
    return bench


@async_yield_fixture
async def bench() -> AsyncIterator[Bench]:
    from twisted.internet import reactor

    terms = AdmissionTerms(failures=3)
    made = await started(Bench(reactor, admission=terms), Kept(), Kept())
    yield made
    await made.close()


def stranger(bench: Bench, user: str = "1003", host: str = "127.0.0.4") -> Phone:
    return bench.phone(host, user, trusted=False)


def register(phone: Phone, number: int, *more: Header, call_id: str = "reg-1") -> Request:
    return phone.new("REGISTER", "sip:127.0.0.2", call_id, number, *more, to=f"<sip:{phone.user}@127.0.0.2>")


def credentials(response: Response, request: Request, login: Login = LOGIN) -> Header:
    made = answer(response.all("WWW-Authenticate"), login, request.method, request.uri, "cnonce", request.body)
    assert made is not None
    return "Authorization", str(made)


async def tried(phone: Phone, login: Login, *more: Header, call_id: str = "reg-1") -> Response:
    """Register with these credentials; the final response."""
    first = register(phone, 1, *more, call_id=call_id)
    phone.send(first)
    challenged = await phone.response("REGISTER", 401)
    phone.send(register(phone, 2, *more, credentials(challenged, first, login), call_id=call_id))
    return await phone.response("REGISTER")


@ensureDeferred
async def test_a_phone_registers_is_rung_and_unregisters(bench: Bench) -> None:
    phone = stranger(bench)
    done = await tried(phone, LOGIN, ("Expires", "600"), ("User-Agent", "Phone/1"))
    assert (done.status, done.one("Contact")) == (200, f"{phone.contact};expires=600")
    call = Call(bench.reactor)
    assert await bench.agent.find(TARGET) == "127.0.0.4"
    await bench.agent.invite(TARGET, OFFER, call)
    invite = await phone.request("INVITE")
    assert invite.uri == f"sip:1003@127.0.0.4:{phone.port}"
    phone.respond(invite, 200, SDP)
    await phone.request("ACK")
    await call.told_of("answered")
    phone.send(phone.inside("BYE", invite, 1))
    await phone.response("BYE", 200)
    await tried(phone, LOGIN, ("Expires", "0"), call_id="over")
    with pytest.raises(NotRegistered):
        await bench.agent.invite(TARGET, OFFER, call)
    assert [name for name, _ in bench.log if "regist" in name] == ["sip.registered", "sip.unregistered"]


@ensureDeferred
async def test_its_calls_are_challenged_each_time_over_udp(bench: Bench) -> None:
    phone = stranger(bench)
    await tried(phone, LOGIN)
    for number in (1, 2):
        first = phone.new("INVITE", "sip:123456@127.0.0.2", f"call-{number}", 1).with_body(SDP)
        phone.send(first)
        challenged = await phone.response("INVITE", 401)
        again = phone.new("INVITE", first.uri, f"call-{number}", 2, credentials(challenged, first)).with_body(SDP)
        phone.send(again)
        await phone.response("INVITE", 100)
        while len(bench.incoming) < number:
            await bench.pause(0.01)
        assert (bench.incoming[-1].facility, bench.incoming[-1].station) == POD.owner
        bench.incoming[-1].reject(404)
        await phone.response("INVITE", 404)
    await bench.idle()


@ensureDeferred
async def test_only_its_own_user_and_password_open_the_door(bench: Bench) -> None:
    nobody, other = stranger(bench, "1999"), stranger(bench, host="127.0.0.5")
    nobody.send(register(nobody, 1))
    for method in ("INVITE", "OPTIONS", "SUBSCRIBE", "BYE"):
        other.send(other.new(method, "sip:127.0.0.2", f"c-{method}", 1))
    other.send(other.new("REGISTER", "sip:127.0.0.2", "inside", 1, to="<sip:1003@127.0.0.2>;tag=x"))
    refused = await tried(other, Login("1003", "guess", "parloir"))
    assert refused.status == 403
    assert nobody.raw == []
    assert len(other.raw) == 2
    assert bench.agent.counters["stranger"] == 6
    with pytest.raises(NotRegistered):
        await bench.agent.invite(TARGET, OFFER, Call(bench.reactor))


@ensureDeferred
async def test_who_guesses_is_banned_and_not_heard_until_the_ban_is_lifted(bench: Bench) -> None:
    phone, door = stranger(bench), bench.agent.edge.registrations
    for number in range(3):
        assert (await tried(phone, Login("1003", f"guess-{number}", "parloir"), call_id=f"r{number}")).status == 403
    [ban] = door.bans()
    assert (ban.host, ban.count) == ("127.0.0.4", 1)
    phone.raw.clear()
    phone.send(register(phone, 1, call_id="banned"))
    neighbour = stranger(bench, host="127.0.0.5")
    assert (await tried(neighbour, LOGIN)).status == 200
    assert phone.raw == []
    assert bench.agent.counters["banned"] == 1
    assert door.lift("127.0.0.4")
    assert not door.lift("127.0.0.4")
    assert (await tried(phone, LOGIN, call_id="lifted")).status == 200


@ensureDeferred
async def test_a_phone_that_is_named_may_not_guess_either_and_is_not_silenced(bench: Bench) -> None:
    phone = bench.phone("127.0.0.6", "1003")
    for number in range(3):
        assert (await tried(phone, Login("1003", f"guess-{number}", "parloir"), call_id=f"r{number}")).status == 403
    phone.send(register(phone, 1, call_id="right"))
    assert (await phone.response("REGISTER")).status == 403, "not even challenged"
    phone.send(phone.new("OPTIONS", "sip:127.0.0.2", "still-here", 1))
    await phone.response("OPTIONS", 200)
    assert bench.agent.edge.registrations.lift("127.0.0.6")
    assert (await tried(phone, LOGIN, call_id="lifted")).status == 200


@ensureDeferred
async def test_an_old_nonce_is_stale_and_no_fault(bench: Bench) -> None:
    phone = stranger(bench)
    first = register(phone, 1)
    phone.send(first)
    challenged = await phone.response("REGISTER", 401)
    shown = credentials(challenged, first)
    phone.send(register(phone, 2, shown))
    await phone.response("REGISTER", 200)
    for number in range(3, 9):
        phone.send(register(phone, number, shown))
        again = await phone.response("REGISTER", 401)
        assert "stale=true" in again.all("WWW-Authenticate")[0]
    assert bench.agent.edge.registrations.bans() == []


@ensureDeferred
async def test_bindings_and_bans_are_kept_across_a_restart() -> None:
    from twisted.internet import reactor

    bindings, bans = Kept(), Kept()
    first = await started(Bench(reactor, admission=AdmissionTerms(failures=1)), bindings, bans)
    phone, guesser = stranger(first), stranger(first, host="127.0.0.5")
    assert (await tried(phone, LOGIN)).status == 200
    assert (await tried(guesser, Login("1003", "guess", "parloir"))).status == 403
    first.phones.remove(phone)
    await first.close()

    second = await started(Bench(reactor, admission=AdmissionTerms(failures=1)), bindings, bans)
    second.phones.append(phone)
    assert [ban.host for ban in second.agent.edge.registrations.bans()] == ["127.0.0.5"]
    session = await second.agent.invite(TARGET, OFFER, call := Call(reactor))
    invite = await phone.request("INVITE")
    phone.respond(invite, 486)
    assert (await call.ended_as()).kind is EndKind.BUSY
    assert session.remote.host == "127.0.0.4"
    second.agent.replace_logins([])
    assert bindings.things == {}
    await second.close()


@ensureDeferred
async def test_a_registration_is_granted_when_a_restart_cannot_undo_it() -> None:
    from twisted.internet import reactor

    bindings = Kept()
    bench = await started(Bench(reactor), bindings, Kept())
    phone, bindings.held = stranger(bench), []
    first = register(phone, 1)
    phone.send(first)
    challenged = await phone.response("REGISTER", 401)
    phone.send(register(phone, 2, credentials(challenged, first)))
    phone.send(phone.new("OPTIONS", "sip:127.0.0.2", "meanwhile", 1))
    await phone.response("OPTIONS", 200)
    assert (len(bindings.things), phone.heard("REGISTER")) == (1, 0)
    bindings.held[0].callback(None)
    await phone.response("REGISTER", 200)
    phone.send(register(phone, 1, credentials(challenged, first), call_id="stale"))
    await phone.response("REGISTER", 401)
    assert len(bindings.held) == 1
    await bench.close()


@ensureDeferred
async def test_other_terms_hold_from_then_on_and_pardon_whom_they_allow(bench: Bench) -> None:
    phone, guesser = stranger(bench), stranger(bench, host="127.0.0.5")
    assert (await tried(phone, LOGIN, ("Expires", "600"))).one("Contact").endswith(";expires=600")
    for number in range(3):
        assert (await tried(guesser, Login("1003", "guess", "parloir"), call_id=f"r{number}")).status == 403
    assert len(bench.agent.bans()) == 1
    bench.agent.settle(
        replace(
            bench.settings,
            registrar=RegistrarTerms(max_expires=90),
            admission=AdmissionTerms(known=1e9, failures=1, allow=("127.0.0.5",)),
            algorithms=(Algorithm.MD5,),
        )
    )
    assert bench.agent.bans() == []
    assert await bench.agent.find(TARGET) == "127.0.0.4"
    assert (await tried(phone, LOGIN, ("Expires", "600"), call_id="new")).one("Contact").endswith(";expires=90")
    again = register(guesser, 1, call_id="again")
    guesser.send(again)
    [challenge] = (await guesser.response("REGISTER", 401)).all("WWW-Authenticate")
    assert "algorithm=MD5" in challenge
    assert (await tried(phone, Login("1003", "guess", "parloir"), call_id="wrong")).status == 403
    assert [ban.host for ban in bench.agent.bans()] == ["127.0.0.4"]


@ensureDeferred
async def test_a_phone_at_a_trusted_address_need_not_register(bench: Bench) -> None:
    phone = bench.phone()
    phone.send(register(phone, 1))
    await phone.response("REGISTER", 405)


@ensureDeferred
async def test_a_registration_that_makes_no_sense_is_answered_and_changes_nothing(bench: Bench) -> None:
    phone = stranger(bench)
    phone.contact = "<tel:1003>"
    assert (await tried(phone, LOGIN)).status == 400
    phone.contact = phone.contact.replace("tel:1003", f"sip:1003@127.0.0.4:{phone.port}")
    assert (await tried(phone, LOGIN, ("Expires", "5"), call_id="brief")).one("Min-Expires") == "60"
    assert (await tried(phone, LOGIN, ("Require", "gruu"), call_id="gruu")).status == 420
    with pytest.raises(NotRegistered):
        await bench.agent.find(TARGET)


@ensureDeferred
async def test_a_phone_that_does_not_understand_the_challenge_is_named_once(bench: Bench) -> None:
    phone = stranger(bench)
    for number in range(6):
        phone.send(register(phone, 1, call_id=f"again-{number}"))
        await phone.response("REGISTER", 401)
    [(_, said)] = [each for each in bench.log if each[0] == "sip.challenge_unanswered"]
    assert said["station"] == "north/pod-a-3"


@ensureDeferred
async def test_a_phone_behind_a_proxy_is_called_by_its_path(bench: Bench) -> None:
    phone = stranger(bench)
    path = f"<sip:127.0.0.4:{phone.port};lr;ob>"
    phone.contact = "<sip:1003@10.9.9.9:5060>"
    done = await tried(phone, LOGIN, ("Path", path), ("Supported", "path"))
    assert done.one("Path") == path
    await bench.agent.invite(TARGET, OFFER, Call(bench.reactor))
    invite = await phone.request("INVITE")
    assert (invite.uri, invite.all("Route")) == ("sip:1003@10.9.9.9:5060", [path])
    phone.respond(invite, 486)
    await bench.idle()


@ensureDeferred
async def test_another_password_ends_the_registration(bench: Bench) -> None:
    phone = stranger(bench)
    await tried(phone, LOGIN)
    bench.agent.replace_logins([POD])
    assert await bench.agent.find(TARGET) == "127.0.0.4"
    bench.agent.replace_logins([StationLogin("north", "pod-a-3", Login("1003", "another", "parloir"))])
    with pytest.raises(NotRegistered):
        await bench.agent.find(TARGET)
