"""Hundreds of calls at random through the store, their till and its sweep: not one cent is wrong."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from random import Random

from parloir.calls.till import Till
from parloir.calls.timeline import Clock, Timelines
from parloir.log import json_log
from parloir.policy import price, values
from parloir.policy.answers import Ending, Payer, PayerKind, RateStep, Tax
from parloir.policy.decision import Decision, Limit
from parloir.policy.participants import Resident
from parloir.policy.price import CENT
from parloir.store import calls, ledger, ledger_balances, ledger_holds, timeline
from tests.live_scene import START
from tests.shop import CAPS, DOLLAR, PAID, Shop, close
from tests.test_price import reckon


@dataclass
class Times:
    """The two times of a gateway: the one on the wall may be set."""

    wall: datetime
    monotonic: int


def test_five_hundred_calls_through_the_store_are_settled_without_one_wrong_cent(tmp_path: Path) -> None:
    """Holds, interruptions, rejoins, crashes, clock steps, too little money: what was paid is what fractions say."""
    random = Random(56013)
    shop = Shop(tmp_path)
    wrong = sum(_settled_wrong(shop, f"c{number}", random) for number in range(500))
    held = shop.in_store(lambda c: ledger_holds.list(c))
    moved = shop.in_store(lambda c: sum(sum(entry.moves.values()) for entry in ledger.walk(c)))
    assert (wrong, held, moved) == (0, [], 0)
    close(shop)


def _settled_wrong(shop: Shop, id: str, random: Random) -> int:
    """One call at random, from its decision to its settlement; by how many cents what was paid is wrong."""
    start = START + timedelta(days=random.randrange(300), seconds=random.randrange(86_400))
    clock = Times(start, random.randrange(10**15))
    timelines = Timelines(shop.database, Clock(lambda: clock.wall, lambda: clock.monotonic), json_log(StringIO()))
    live = {id}
    till = Till(timelines, lambda: CAPS, live.__contains__)
    account = f"resident:r{id}"
    if balance := random.choice((0, 1, random.randrange(CENT), random.randrange(5 * DOLLAR), 100 * DOLLAR)):
        shop.deposit(balance, account, f"deposit {id}")
    decision = _decided(random)
    timelines.opened(calls.Call(id, None, "north", "pod-a-1", calls.WayIn.SCHEDULED, calls.CallClass.ORDINARY, start))
    decided = shop.do(till.reserve(_call(id, start), decision))
    if decided.denial:
        limit = decision.limit.seconds or 86_400
        assert price.affordable(decision.rate or (), 200_000, decision.taxes, balance, limit) < limit
        shop.do(timelines.finished(id, "Denied"))
        return 0
    seconds, reason = _talk(timelines, clock, id, decided.limit.seconds, random)
    crashed = reason == "GatewayRestarted"
    shop.do(timelines.finished(id, reason))
    live.clear()
    for _ in range(random.randrange(1, 4)):
        shop.do(till.sweep() if crashed or random.random() < 0.3 else till.settle(id))
    shop.do(till.settle(id))
    paid: int = balance - shop.in_store(lambda c: ledger_balances.of(c, "north", account)).available
    video = all(
        each.data["video"] for each in shop.in_store(lambda c: timeline.of(c, id)) if each.kind == "media_agreed"
    )
    ending = {"PhoneHungUp": Ending.HUNG_UP, "MediaLost": Ending.DROPPED, "NoAnswer": Ending.NO_ANSWER}
    due = reckon(decision.rate or (), 200_000 if video else 90_000, decision.taxes, seconds)
    right = 0 if ending.get(reason, Ending.FACILITY_FAULT) in decision.waived else due[0] + sum(due[1])
    return abs(paid - right) // CENT + (1 if (paid - right) % CENT else 0)


def _decided(random: Random) -> Decision:
    """What policies may say of such a call: its price, its taxes, what is waived, and how long it may last."""
    steps = tuple(
        RateStep(second, random.randrange(90_000)) for second in (0, *sorted(random.sample(range(1, 2_000), 2)))
    )
    taxes = tuple(Tax(f"tax_{number}", random.randrange(200_000)) for number in range(random.randrange(3)))
    waived = tuple(random.sample(list(Ending), random.randrange(3)))
    limit = Limit(random.choice((None, random.randrange(1, 3_600))))
    return replace(PAID, payer=Payer(PayerKind.RESIDENT), rate=steps, taxes=taxes, waived=waived, limit=limit)


def _call(id: str, start: datetime) -> values.Call:
    return values.Call(
        id=id,
        facility="north",
        timezone="America/Chicago",
        tier="jail",
        way_in=values.WayIn.SCHEDULED,
        station="pod-a-1",
        resident=Resident(id=f"r{id}", name="Resident"),
        at=start,
        opened=start,
    )


def _talk(timelines: Timelines, clock: Times, id: str, most: int, random: Random) -> tuple[int, str]:
    """A call's events: its seconds of two-way media, at most `most`, and why it ended."""

    def passes(seconds: float) -> None:
        step = random.choice((0.0, 0.0, 0.0, random.uniform(-7_200, 7_200)))  # somebody sets the clock
        clock.wall += timedelta(seconds=seconds + step)
        clock.monotonic += int(seconds * 1e9)

    if random.random() < 0.1:
        return 0, "NoAnswer"
    timelines.event(id, "phone_answered", state="joining")
    timelines.event(id, "media_agreed", video=random.random() < 0.7)
    timelines.event(id, "announced", state="active")
    flowing = reported = 0
    while flowing // 1000 < most and random.random() < 0.9:
        flowing = min(most * 1000 + 999, flowing + random.randrange(400_000))
        passes(random.uniform(1, 400))
        kind = random.choice(("quality", "quality", "browser_lost", "held", "page_joined_again"))
        match kind:
            case "quality":
                reported = flowing
                timelines.event(id, "quality", flowing=flowing)
            case "browser_lost":
                timelines.event(id, "browser_lost", state="active")
                passes(20)
                timelines.event(id, "browser_back", state="active")
            case "held":
                timelines.event(id, "held", state="active", by="phone")
                passes(random.uniform(0, 90))
                timelines.event(id, "resumed", state="active", by="phone")
            case _:
                timelines.event(id, "page_joined_again")
                timelines.event(id, "media_agreed", video=random.random() < 0.7)
    if random.random() < 0.2:
        timelines.event(id, "gateway_restarted")
        return reported // 1000, "GatewayRestarted"
    timelines.event(id, "report", flowing=flowing)
    return flowing // 1000, random.choice(("PhoneHungUp", "MediaLost"))
