"""ICE-lite on a shared socket: who is answered, where media goes, what hostile datagrams can do."""

import random
import struct
from typing import Any

import pytest
from aioice import stun as wire
from hypothesis import given
from hypothesis import strategies as st

from parloir.webrtc.ice_lite import NOTHING, Checked, Credentials, IceLite, Nominated, Received

HOME = ("203.0.113.7", 50000)
AWAY = ("198.51.100.9", 40000)
HOST, RELAYED = 2122260223, 41885439


def check(to: Credentials, priority: int = HOST, *, nominate: bool = False, without: str = "", **more: Any) -> bytes:
    """A connectivity check as a browser sends it."""
    attributes = {"USERNAME": f"{to.ufrag}:page", "ICE-CONTROLLING": 7, "PRIORITY": priority}
    attributes |= {name.replace("_", "-"): value for name, value in more.items()}
    if nominate:
        attributes["USE-CANDIDATE"] = None
    attributes.pop(without, None)
    message = wire.Message(wire.Method.BINDING, wire.Class.REQUEST, attributes=attributes)
    if without != "MESSAGE-INTEGRITY":
        message.add_message_integrity(to.password.encode())
    return bytes(message)


def code(received: Received) -> int | None:
    assert received.reply is not None
    return wire.parse_message(received.reply).error_code


@pytest.fixture
def ice() -> IceLite:
    return IceLite(entropy=random.Random(1))


def test_a_check_is_answered_with_the_address_it_came_from(ice: IceLite) -> None:
    credentials = ice.open("ann")
    received = ice.receive(check(credentials), HOME, 0)
    assert received.reply is not None
    answer = wire.parse_message(received.reply)
    assert answer.message_class is wire.Class.RESPONSE
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == HOME
    assert answer.check_message_integrity(credentials.password.encode())
    assert "FINGERPRINT" in answer.attributes


def test_the_first_address_checked_serves_until_one_is_nominated(ice: IceLite) -> None:
    credentials = ice.open("ann")
    assert ice.address("ann") is None
    assert ice.receive(check(credentials), HOME, 0).event == Nominated("ann", HOME)
    assert ice.receive(check(credentials), AWAY, 0).event == Checked("ann")
    assert (ice.leg(HOME), ice.leg(AWAY), ice.address("ann")) == ("ann", "ann", HOME)
    assert ice.receive(check(credentials, nominate=True), AWAY, 0).event == Nominated("ann", AWAY)
    assert ice.address("ann") == AWAY


def test_the_same_pair_is_nominated_once(ice: IceLite) -> None:
    credentials = ice.open("ann")
    ice.receive(check(credentials, nominate=True), HOME, 0)
    assert ice.receive(check(credentials, nominate=True), HOME, 1).event == Checked("ann")


def test_legs_on_one_socket_are_told_apart(ice: IceLite) -> None:
    ann, ben = ice.open("ann"), ice.open("ben")
    ice.receive(check(ann, nominate=True), HOME, 0)
    ice.receive(check(ben, nominate=True), AWAY, 0)
    assert (ice.leg(HOME), ice.leg(AWAY)) == ("ann", "ben")
    assert (ice.address("ann"), ice.address("ben")) == (HOME, AWAY)


def test_credentials_of_one_leg_do_not_open_another(ice: IceLite) -> None:
    ann, ben = ice.open("ann"), ice.open("ben")
    received = ice.receive(check(Credentials(ann.ufrag, ben.password), nominate=True), AWAY, 0)
    assert code(received) == 401
    assert received.event is None
    assert ice.leg(AWAY) is None


def test_an_unknown_ufrag_is_unauthenticated(ice: IceLite) -> None:
    assert code(ice.receive(check(Credentials("nobody", "x" * 24)), HOME, 0)) == 401


@pytest.mark.parametrize("missing", ["PRIORITY", "MESSAGE-INTEGRITY"])
def test_an_incomplete_check_is_a_bad_request(ice: IceLite, missing: str) -> None:
    received = ice.receive(check(ice.open("ann"), without=missing, SOFTWARE="a browser"), HOME, 0)
    assert code(received) == 400
    assert ice.leg(HOME) is None


def test_a_request_for_nobody_is_met_with_silence(ice: IceLite) -> None:
    assert ice.receive(check(ice.open("ann"), without="USERNAME"), HOME, 0) == NOTHING


def test_a_browser_that_claims_our_role_is_told(ice: IceLite) -> None:
    credentials = ice.open("ann")
    received = ice.receive(check(credentials, without="ICE-CONTROLLING", ICE_CONTROLLED=9, nominate=True), HOME, 0)
    assert code(received) == 487
    assert received.reply is not None
    assert wire.parse_message(received.reply).check_message_integrity(credentials.password.encode())
    assert ice.address("ann") is None


def test_two_usernames_in_one_check_do_not_confuse_whose_it_is(ice: IceLite) -> None:
    ann, ben = ice.open("ann"), ice.open("ben")
    second = check(ben, nominate=True)
    name = f"{ann.ufrag}:page".encode()
    first = struct.pack("!HH", 6, len(name)) + name + bytes(-len(name) % 4)
    forged = second[:2] + struct.pack("!H", len(second) - 20 + len(first)) + second[4:20] + first + second[20:]
    ice.receive(forged, HOME, 0)
    assert ice.address("ann") is None
    assert ice.address("ben") is None


def test_answers_and_indications_are_ignored(ice: IceLite) -> None:
    credentials = ice.open("ann")
    reply = ice.receive(check(credentials), HOME, 0).reply
    assert reply is not None
    assert ice.receive(reply, HOME, 0) == NOTHING
    assert ice.receive(bytes(wire.Message(wire.Method.BINDING, wire.Class.INDICATION)), HOME, 0) == NOTHING


def test_of_several_nominated_pairs_the_highest_priority_is_used(ice: IceLite) -> None:
    credentials = ice.open("ann")
    ice.receive(check(credentials, RELAYED, nominate=True), AWAY, 0)
    assert ice.receive(check(credentials, HOST, nominate=True), HOME, 0).event == Nominated("ann", HOME)
    assert ice.receive(check(credentials, RELAYED, nominate=True), AWAY, 0).event == Checked("ann")
    assert ice.address("ann") == HOME


def test_pairs_that_are_all_nominated_again_and_again_do_not_flap(ice: IceLite) -> None:
    credentials = ice.open("ann")
    events = [
        ice.receive(check(credentials, priority, nominate=True), source, now).event
        for now in range(20)
        for priority, source in ((RELAYED, AWAY), (HOST, HOME), (RELAYED, AWAY))
    ]
    assert [each for each in events if isinstance(each, Nominated)] == [Nominated("ann", AWAY), Nominated("ann", HOME)]


def test_a_browser_that_left_its_better_network_is_followed(ice: IceLite) -> None:
    credentials = ice.open("ann")
    ice.receive(check(credentials, HOST, nominate=True), HOME, 0)
    events = [ice.receive(check(credentials, RELAYED, nominate=True), AWAY, now).event for now in (1, 2, 3)]
    assert events == [Checked("ann"), Checked("ann"), Nominated("ann", AWAY)]


def test_a_rebound_nat_is_followed_at_once(ice: IceLite) -> None:
    credentials = ice.open("ann")
    ice.receive(check(credentials, nominate=True), HOME, 0)
    moved = (HOME[0], HOME[1] + 1)
    assert ice.receive(check(credentials, nominate=True), moved, 1).event == Nominated("ann", moved)


def test_old_credentials_hold_until_the_new_ones_nominate(ice: IceLite) -> None:
    old = ice.open("ann")
    ice.receive(check(old, HOST, nominate=True), HOME, 0)
    new = ice.restart("ann")
    assert new.ufrag != old.ufrag
    assert ice.receive(check(old, HOST, nominate=True), HOME, 1).event == Checked("ann")
    assert ice.receive(check(new, RELAYED), AWAY, 1).event == Checked("ann")
    assert ice.address("ann") == HOME
    assert ice.receive(check(new, RELAYED, nominate=True), AWAY, 2).event == Nominated("ann", AWAY)
    assert code(ice.receive(check(old, HOST, nominate=True), HOME, 3)) == 401
    assert ice.address("ann") == AWAY


def test_a_second_restart_replaces_the_first(ice: IceLite) -> None:
    old = ice.open("ann")
    unused = ice.restart("ann")
    new = ice.restart("ann")
    assert code(ice.receive(check(unused, nominate=True), HOME, 0)) == 401
    assert ice.receive(check(old), HOME, 0).event == Nominated("ann", HOME)
    assert ice.receive(check(new, nominate=True), HOME, 0).event == Nominated("ann", HOME)


def test_a_leg_without_checks_is_lost_and_comes_back(ice: IceLite) -> None:
    ann, ben = ice.open("ann"), ice.open("ben")
    ice.open("never")
    ice.receive(check(ann), HOME, 10)
    ice.receive(check(ben), AWAY, 14)
    assert ice.lost(18, 8) == []
    assert ice.lost(19, 8) == ["ann"]
    ice.receive(check(ann), HOME, 19)
    assert ice.lost(20, 8) == []


def test_failed_checks_keep_no_leg_alive(ice: IceLite) -> None:
    ann = ice.open("ann")
    ice.receive(check(ann), HOME, 0)
    ice.receive(check(Credentials(ann.ufrag, "wrong")), HOME, 9)
    assert ice.lost(9, 8) == ["ann"]


def test_a_closed_leg_is_forgotten(ice: IceLite) -> None:
    old = ice.open("ann")
    new = ice.restart("ann")
    ice.receive(check(old, nominate=True), HOME, 0)
    ice.close("ann")
    ice.close("ann")
    assert ice.leg(HOME) is None
    assert ice.address("ann") is None
    assert ice.lost(100, 1) == []
    assert [code(ice.receive(check(each), HOME, 0)) for each in (old, new)] == [401, 401]
    assert not ice._ufrags
    assert not ice._addresses


def test_an_address_belongs_to_the_leg_last_checked_from_it(ice: IceLite) -> None:
    ann, ben = ice.open("ann"), ice.open("ben")
    ice.receive(check(ann, nominate=True), HOME, 0)
    ice.receive(check(ben, nominate=True), HOME, 1)
    assert ice.leg(HOME) == "ben"
    ice.close("ann")
    assert ice.leg(HOME) == "ben"


def test_a_leg_is_opened_once(ice: IceLite) -> None:
    ice.open("ann")
    with pytest.raises(ValueError, match="ann"):
        ice.open("ann")


def test_mapped_and_long_addresses_are_the_same_as_short_ones(ice: IceLite) -> None:
    credentials = ice.open("ann")
    event = ice.receive(check(credentials, nominate=True), ("::ffff:203.0.113.7", 50000), 0).event
    assert event == Nominated("ann", HOME)
    assert ice.leg(HOME) == "ann"
    received = ice.receive(check(credentials), ("2001:DB8:0:0:0:0:0:1", 5), 0)
    assert received.reply is not None
    assert wire.parse_message(received.reply).attributes["XOR-MAPPED-ADDRESS"] == ("2001:db8::1", 5)
    assert ice.leg(("2001:db8::1", 5)) == "ann"


def test_addresses_of_a_leg_are_bounded_and_the_selected_one_stays(ice: IceLite) -> None:
    credentials = ice.open("ann")
    ice.receive(check(credentials, nominate=True), HOME, 0)
    for port in range(1, 100):
        ice.receive(check(credentials), ("198.51.100.9", port), port)
    assert len(ice._addresses) == 16
    assert ice.leg(HOME) == "ann"
    assert ice.leg(("198.51.100.9", 99)) == "ann"


def test_a_flood_with_a_known_ufrag_costs_little_and_shuts_nobody_out() -> None:
    ice = IceLite(rate=5, burst=10, refusals=1000)
    credentials = ice.open("ann")
    ice.receive(check(credentials, nominate=True), HOME, 0)
    wrong = check(Credentials(credentials.ufrag, "wrong"))
    answered = [ice.receive(wrong, (HOME[0], port), 0).reply for port in range(1, 200)]
    assert sum(each is not None for each in answered) < 10
    assert ice.receive(check(credentials), HOME, 0).event == Checked("ann")
    assert ice.receive(wrong, (HOME[0], 1), 10).reply is not None


def test_strangers_are_answered_rarely_and_remembered_in_bounds() -> None:
    ice = IceLite(refusals=20)
    credentials = ice.open("ann")
    stranger = check(Credentials("nobody", "x"))
    hosts = [f"10.{a}.{b}.1" for a in range(100) for b in range(60)]
    answered = [ice.receive(stranger, (host, 5), 0).reply for host in hosts]
    assert sum(each is not None for each in answered) == 20
    wrong = check(Credentials(credentials.ufrag, "wrong"))
    for host in hosts[:4500]:
        ice.receive(wrong, (host, 5), 0)
    assert len(ice._checks) <= 4096


def test_addresses_of_one_ipv6_network_share_their_allowance() -> None:
    ice = IceLite(rate=1, burst=5, refusals=1000)
    wrong = check(Credentials(ice.open("ann").ufrag, "wrong"))
    answered = [ice.receive(wrong, (f"2001:db8::{port:x}", 5), 0).reply for port in range(1, 50)]
    assert sum(each is not None for each in answered) == 5


@given(st.binary(max_size=600))
def test_no_datagram_raises(datagram: bytes) -> None:
    ice = IceLite()
    ice.open("ann")
    assert ice.receive(datagram, HOME, 0).event is None


@given(st.binary(max_size=40), st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=30)), max_size=6))
def test_no_set_of_attributes_binds_an_address_without_integrity(
    tail: bytes, attributes: list[tuple[int, bytes]]
) -> None:
    ice = IceLite(burst=1000)
    name = f"{ice.open('ann').ufrag}:page".encode()
    body = b"".join(
        struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)
        for kind, value in ((6, name), *attributes)
    )
    body += tail[: len(tail) // 4 * 4]
    datagram = struct.pack("!HHI12s", 1, len(body), 0x2112A442, b"transaction!") + body
    received = ice.receive(datagram, HOME, 0)
    assert received.event is None
    assert ice.leg(HOME) is None
    assert received.reply is None or len(received.reply) <= len(datagram)


@given(st.dictionaries(st.integers(0, 10_000), st.integers(1, 255), min_size=1, max_size=4), st.integers(0, 200))
def test_no_mutation_of_a_good_check_is_taken(flips: dict[int, int], cut: int) -> None:
    ice = IceLite(entropy=random.Random(1))
    good = check(ice.open("ann"), nominate=True)
    signed = len(good) - 8
    bad = bytearray(good)
    for place, flip in flips.items():
        bad[place % signed] = good[place % signed] ^ flip
    for datagram in (bytes(bad), good[: cut % signed], good + bytes(cut + 1)):
        assert ice.receive(datagram, HOME, 0).event is None
    assert ice.receive(good, HOME, 0).event == Nominated("ann", HOME)
