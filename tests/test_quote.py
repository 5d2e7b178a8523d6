"""What a call comes to under its terms, over timelines with interruptions, rejoins, crashes and clocks that are set."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from parloir.calls.quote import Bill, Quote
from parloir.calls.talk import AGREED, Talk
from parloir.config.caps import Caps, LegalCap, Row, Status
from parloir.policy.answers import CallClass, Ending, Tax
from parloir.policy.decision import Decision, Limit
from parloir.policy.price import charge
from parloir.store.timeline import Entry
from tests.test_price import Steps, balances, prices, rates, reckon, taxes

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
SINCE = date(2026, 1, 1)
LOWERED = date(2026, 6, 2)
ZONE = "America/Chicago"


def row(medium: str, per_minute: int, since: date = SINCE, until: date | None = None) -> Row:
    return Row("jail", medium, since, until, per_minute, 0, Status.IN_FORCE, "An order", SINCE, "")


@st.composite
def timelines(draw: st.DrawFn) -> tuple[list[Entry], int]:
    """A call's events, and for how many milliseconds its reports say that media flowed both ways."""
    told: list[Entry] = []
    wall, monotonic, flowing, reported = NOON, draw(st.integers(0, 10**15)), 0, 0

    def tell(kind: str, **data: Any) -> None:
        nonlocal wall, monotonic
        spent = draw(st.integers(0, 10**9 * 600))
        monotonic += spent
        wall += timedelta(microseconds=spent // 1000, seconds=draw(st.sampled_from([0, 0, 0, -7_200, 3_600, 90])))
        told.append(Entry("c1", len(told) + 1, wall, monotonic, kind, data))

    tell("phone_answered", state="joining")
    tell("media_agreed", video=draw(st.booleans()))
    tell("announced", state="active")
    for kind in draw(st.lists(st.sampled_from(["quality", "drop", "hold", "rejoin"]), max_size=8)):
        flowing += draw(st.integers(0, 900_000))
        match kind:
            case "quality":
                reported = flowing
                tell("quality", flowing=flowing)
            case "drop":
                tell("browser_lost", state="active")
                tell("browser_back", state="active")
            case "hold":
                tell("held", state="active", by="phone")
                tell("resumed", state="active", by="phone")
            case "rejoin":
                tell("page_joined_again")
                tell("media_agreed", video=draw(st.booleans()))
    if draw(st.booleans()):
        tell("report", flowing=flowing)
        tell("ended", reason="PhoneHungUp")
        return told, flowing
    tell("gateway_restarted")
    return told, reported


@given(
    timelines(),
    rates(),
    prices,
    prices,
    taxes,
    balances,
    st.one_of(st.none(), st.integers(1, 7_200)),
    st.frozensets(st.sampled_from(Ending)),
    st.sampled_from(Ending),
)
def test_a_call_is_charged_its_two_way_media_and_never_more_than_cap_or_hold(
    timeline: tuple[list[Entry], int],
    steps: Steps,
    audio: int,
    video: int,
    due: tuple[Tax, ...],
    balance: int,
    limit: int | None,
    waived: frozenset[Ending],
    ending: Ending,
) -> None:
    told, flowed = timeline
    caps = Caps((row("audio", audio), row("video", video)))
    decision = Decision(
        CallClass.ORDINARY, "", rate=steps, cap=LegalCap(video), taxes=due, waived=tuple(waived), limit=Limit(limit)
    )
    quote = Quote.within(balance, decision, "jail", ZONE)
    if quote is None:
        assert charge(steps, video, due, 86_400 if limit is None else limit).total > balance
        return
    talk = Talk.of(told)
    seen = all(entry.data["video"] for entry in told if entry.kind == AGREED)
    bill = quote.bill(caps, seconds=talk.seconds, answered=talk.answered, video=talk.video is True, ending=ending)
    charged = quote.charge(bill)
    cap = video if seen else min(audio, video)
    paid = min(flowed // 1000, quote.seconds)
    expected = (0, ()) if ending in waived else reckon(steps, cap, due, paid)
    assert (bill.seconds, charged.amount, tuple(tax for _, tax in charged.taxes)) == (paid, *expected)
    assert 60 * charged.amount <= cap * (flowed // 1000)
    assert charged.total <= quote.most.total <= balance
    assert Bill.of({**bill.facts(), "total": charged.total}) == bill
    assert Quote.of({**quote.facts(), "amount": 1}) == quote


def test_the_cap_is_that_of_the_facilitys_day_on_which_the_phone_was_answered() -> None:
    caps = Caps((row("audio", 60_000, SINCE, LOWERED), row("audio", 30_000, LOWERED)))
    terms = Quote((), 60_000, (), (), 900, "jail", ZONE)

    def cap(answered: datetime | None) -> int | None:
        return terms.bill(caps, seconds=60, answered=answered, video=False, ending=Ending.HUNG_UP).cap

    assert cap(datetime(2026, 6, 2, 4, 59, tzinfo=UTC)) == 60_000
    assert cap(datetime(2026, 6, 2, 5, 0, tzinfo=UTC)) == 30_000
    assert cap(None) == 60_000
