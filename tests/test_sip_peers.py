"""Hosts that calls bring: known while they talk and a little after, and never more of them than there is room for."""

from parloir.sip.peers import LINGER, MOST, Peers

HOST, OTHER = "198.51.100.7", "198.51.100.8"


def test_a_host_is_known_while_it_has_a_call_and_a_while_after() -> None:
    peers = Peers()
    peers.began("one", HOST)
    peers.began("two", HOST)
    peers.ended("one", 1e6)
    assert peers.knows(HOST, 2e6)
    peers.ended("two", 2e6)
    peers.ended("two", 3e6)
    assert peers.knows(HOST, 2e6 + LINGER - 1)
    assert not peers.knows(HOST, 2e6 + LINGER)
    assert not peers.knows(OTHER, 2e6)


def test_a_host_that_we_have_something_to_say_to_is_heard_for_a_while() -> None:
    peers = Peers()
    peers.met(HOST, 5.0)
    peers.met(OTHER, 7.0)
    peers.met(HOST, 9.0)
    assert peers.knows(HOST, 8.0 + LINGER)
    assert not peers.knows(OTHER, 8.0 + LINGER)


def test_hosts_of_calls_long_over_take_no_room() -> None:
    peers = Peers()
    for number in range(MOST + 200):
        peers.began(str(number), f"10.1.{number // 250}.{number % 250}")
        peers.ended(str(number), 10.0)
    sizes = [len(value) for value in vars(peers).values()]
    assert sorted(sizes) == [0, 0, MOST]
    peers.met(HOST, 10.0 + LINGER)
    assert sum(len(value) for value in vars(peers).values()) == 1
