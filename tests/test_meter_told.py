"""What a visitor reads of the cost while the call goes on, and that it ends when the money is talked up."""

from typing import Any

import pytest

from parloir.policy import price
from parloir.policy.answers import Cap, CapKind, Payer, PayerKind, RateStep, Tax
from parloir.policy.decision import Limit
from parloir.policy.price import CENT
from parloir.webrtc.signalling import Ended, Join, Leave, Meter, Warn
from tests.live_scene import BROWSER, PHONE, FakePage
from tests.shop import DOLLAR, RATE, STATE, Shop, shop

__all__ = ["shop"]


def meters(page: FakePage) -> list[Meter]:
    return [each for each in page.heard if isinstance(each, Meter)]


def test_the_page_is_told_each_cent_as_it_is_due_and_the_last_is_what_is_charged(shop: Shop) -> None:
    shop.deposit(10 * DOLLAR)
    shop.decides(taxes=(STATE,))
    page, presence = shop.talk()
    for _ in range(247):
        shop.reactor.advance(1)
        told = meters(page)[-1]
        assert told.total == price.charge(RATE, 200_000, (STATE,), int(shop.reactor.seconds() - 0.001)).total
        assert (told.left, told.runs) == (None, True)
    presence.receive(Leave())
    [charged] = shop.told("charged")
    assert charged["seconds"] == 247
    assert meters(page)[-1].total == charged["total"] > 0


def test_what_is_told_stands_still_on_hold_and_while_a_browser_is_lost(shop: Shop) -> None:
    shop.deposit(20 * CENT)
    shop.decides()
    page, _ = shop.talk()
    shop.reactor.advance(30)
    session = shop.phones.session
    shop.do(session.events.offered(session, PHONE.replace("sendrecv", "sendonly")))
    held = meters(page)[-1]
    assert (held.total, held.left, held.runs) == (6 * CENT, 74, False)
    before = len(meters(page))
    shop.reactor.advance(100)
    assert len(meters(page)) == before
    shop.do(session.events.offered(session, PHONE))
    assert meters(page)[-1] == held.model_copy(update={"runs": True})
    shop.reactor.advance(5)
    shop.call.media.leg_lost("browser", "no checks")
    assert meters(page)[-1] == Meter(total=7 * CENT, left=69, runs=False)


def test_what_the_relay_has_not_counted_is_taken_back(shop: Shop) -> None:
    shop.deposit(20 * CENT)
    shop.decides()
    page, _ = shop.talk()
    shop.reactor.advance(20)
    shop.relay.flow(False)
    shop.reactor.advance(10)
    assert meters(page)[-1].total == 6 * CENT
    shop.call.media.quality(shop.relay.reported)
    assert meters(page)[-1] == Meter(total=4 * CENT, left=84, runs=True)


def test_a_reloaded_page_is_told_again(shop: Shop) -> None:
    shop.deposit(20 * CENT)
    shop.decides()
    _, presence = shop.talk()
    shop.reactor.advance(30)
    presence.left()
    fresh = FakePage()
    again = shop.do(shop.desk.enter(shop.call.visit.token, fresh))
    assert meters(fresh)[-1] == Meter(total=6 * CENT, left=74, runs=True)
    again.receive(Join(sdp=BROWSER))
    assert meters(fresh)[-1].total == 6 * CENT


@pytest.mark.parametrize("how", ["hold", "lost"])
def test_a_visit_that_pauses_is_talked_to_the_last_second_it_pays(shop: Shop, how: str) -> None:
    shop.deposit(20 * CENT)
    shop.decides()
    page, _ = shop.talk()
    session = shop.phones.session
    shop.reactor.advance(50)
    if how == "hold":
        shop.do(session.events.offered(session, PHONE.replace("sendrecv", "sendonly")))
        shop.reactor.advance(200)
        shop.do(session.events.offered(session, PHONE))
    else:
        shop.relay.flow(False)
        shop.reactor.advance(8)  # until that is noticed
        shop.call.media.leg_lost("browser", "no checks")
        shop.reactor.advance(12)
        shop.relay.flow(True)
        shop.call.media.leg_back("browser")
    assert shop.desk.live
    for _ in range(560):
        shop.reactor.advance(0.1)
    assert page.last(Ended).reason == "BalanceUsed"
    [charged] = shop.told("charged")
    assert charged["seconds"] == price.affordable(RATE, 200_000, (), 20 * CENT) == 104
    assert shop.balance().available == 20 * CENT - charged["total"] == 0
    assert len([each for each in page.heard if isinstance(each, Warn)]) == 2


def test_the_visits_own_end_does_not_move(shop: Shop) -> None:
    shop.deposit(20 * CENT)
    shop.decides()
    page, _ = shop.talk()
    shop.reactor.advance(50)
    session = shop.phones.session
    shop.do(session.events.offered(session, PHONE.replace("sendrecv", "sendonly")))
    shop.reactor.advance(1149)
    assert shop.desk.live
    shop.reactor.advance(1)
    assert page.last(Ended).reason == "LimitReached"


def test_the_policies_limit_counts_from_the_connection_whatever_pauses(shop: Shop) -> None:
    shop.deposit(10 * DOLLAR)
    shop.decides(limit=Limit(600, "default", (Cap(600, CapKind.POLICY, "default"),)))
    page, _ = shop.talk()
    session = shop.phones.session
    shop.do(session.events.offered(session, PHONE.replace("sendrecv", "sendonly")))
    shop.reactor.advance(500)
    shop.do(session.events.offered(session, PHONE))
    shop.reactor.advance(99)
    assert shop.desk.live
    shop.reactor.advance(1)
    assert page.last(Ended).reason == "LimitReached"
    assert shop.told("charged")[0]["seconds"] == 100


@pytest.mark.parametrize(
    "decision", [{"payer": Payer(PayerKind.FACILITY)}, {"rate": (RateStep(0, 0),)}, {"rate": None}]
)
def test_whoever_pays_nothing_is_told_no_cost(shop: Shop, decision: dict[str, Any]) -> None:
    shop.decides(**decision)
    page, presence = shop.talk()
    shop.reactor.advance(100)
    presence.receive(Leave())
    assert not meters(page)


def test_a_call_without_a_picture_is_told_at_the_cap_of_sound(shop: Shop) -> None:
    shop.deposit(10 * DOLLAR)
    shop.decides(taxes=(Tax("state", 500_000),))
    page, presence = shop.talk(PHONE.partition("m=video")[0])
    shop.reactor.advance(600.5)
    presence.receive(Leave())
    [charged] = shop.told("charged")
    assert charged["medium"] == "audio"
    assert meters(page)[-1].total == charged["total"] == 90 * CENT + 45 * CENT
