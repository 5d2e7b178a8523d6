"""A relay's news in the gateway: what goes wrong with one call's leaves the connection, and the other calls, alone."""

from typing import Any

import pytest
from twisted.protocols import amp
from twisted.test.iosim import FakeTransport, IOPump, connect

from parloir.calls.relays import RelayLocator, Relays
from parloir.relay.news import LegUp


class Call:
    """Hears of its legs; one that is broken raises."""

    def __init__(self, broken: bool = False) -> None:
        self.broken = broken
        self.up: list[str] = []
        self.lost = 0

    def leg_up(self, leg: str) -> None:
        if self.broken:
            raise ValueError(leg)
        self.up.append(leg)

    def relay_lost(self) -> None:
        self.lost += 1


def linked(relays: Relays) -> tuple[amp.AMP, IOPump]:
    """A relay's end of a connection to a gateway of these relays."""
    theirs, ours = amp.AMP(), amp.AMP(locator=RelayLocator(relays, 0))
    pump = connect(ours, FakeTransport(ours, isServer=True), theirs, FakeTransport(theirs, isServer=False), debug=False)
    relays.came_up(0, ours)
    return theirs, pump


def tell(relay: amp.AMP, bridge: str) -> list[Any]:
    told: list[Any] = []
    relay.callRemote(LegUp, bridge=bridge, leg="phone").addBoth(told.append)
    return told


@pytest.mark.parametrize("broken", [True, False])
def test_news_that_one_call_cannot_take_reaches_the_others(broken: bool) -> None:
    relays = Relays()
    relay, pump = linked(relays)
    one, other = Call(broken=broken), Call()
    relays.place("one", one)  # type: ignore[arg-type]
    relays.place("other", other)  # type: ignore[arg-type]
    told = tell(relay, "one"), tell(relay, "other")
    pump.flush()
    assert told == ([{}], [{}])
    assert one.up == ([] if broken else ["phone"])
    assert other.up == ["phone"]
    assert relay.transport is not None
    assert not relay.transport.disconnecting


def test_a_relay_that_ends_takes_its_own_calls_alone_and_each_once() -> None:
    relays, made = Relays(), [Call() for _ in range(4)]
    for index in range(2):
        relays.came_up(index, amp.AMP())
    on = [relays.place(str(number), call).index for number, call in enumerate(made)]  # type: ignore[arg-type]
    assert on == [0, 1, 0, 1]
    relays.went_down(1)
    relays.went_down(1)
    assert [call.lost for call in made] == [0, 1, 0, 1]
    assert relays.place("after", Call()).index == 0  # type: ignore[arg-type]
