"""What is paid for is talked to its last second, whatever comes between: the money's end waits while media does."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock as Reactor

from parloir.calls.deadline import Deadline
from parloir.calls.meter import Meter
from parloir.calls.timeline import Clock
from parloir.calls.timers import Timers

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
EVERY = 10.0
"""Seconds between one report of the relay and the next."""

hold = st.tuples(st.just("hold"), st.floats(0, 90), st.floats(0.1, 60))
drop = st.tuples(st.just("drop"), st.floats(0, 90), st.floats(0.1, 60))
silence = st.tuples(st.just("silence"), st.floats(0, 90), st.floats(0.1, 20))


class Talking:
    """A call that has just been joined; how long media truly flowed is counted apart from what its deadline knows."""

    def __init__(self, paid: int, latest: float) -> None:
        self.reactor = Reactor()
        self.flowing = self.joined = True
        self.flowed = self.at = 0.0
        self.over: str | None = None
        self.warned: list[tuple[int, float, bool]] = []
        self.deadline = Deadline(
            NOON + timedelta(seconds=latest),
            Timers(self.reactor),
            Clock(
                lambda: NOON + timedelta(seconds=self.reactor.seconds()), lambda: round(self.reactor.seconds() * 1e9)
            ),
            self._over,
            lambda seconds, money: self.warned.append((seconds, self.true(), money)),
        )
        self.deadline.set(self.deadline.latest, (), paid)
        self.deadline.join()
        self.reactor.callLater(EVERY, self._report)

    def true(self) -> float:
        """Seconds of two-way media so far."""
        now = self.reactor.seconds()
        self.flowed += (now - self.at) if self.flowing and self.joined else 0.0
        self.at = now
        return self.flowed

    def _over(self, money: bool) -> None:
        if money:
            self.deadline.count(int(self.true() * 1000))
        if not money or self.deadline.paid_left == 0:
            self.over = "money" if money else "time"

    def _report(self) -> None:
        self.deadline.count(int(self.true() * 1000))
        self.reactor.callLater(EVERY, self._report)

    def part(self) -> None:
        self.true()
        self.joined = False
        self.deadline.part()

    def join(self) -> None:
        self.true()
        self.joined = True
        self.deadline.join()

    def flow(self, flows: bool) -> None:
        self.true()
        self.flowing = flows

    def run(self, seconds: float = 100_000.0) -> None:
        """Let so much time pass, or all that the call has."""
        until = self.reactor.seconds() + seconds
        while self.over is None and self.reactor.seconds() < until:
            self.reactor.advance(min(0.25, until - self.reactor.seconds()))


@given(
    paid=st.integers(1, 200),
    latest=st.integers(30, 600),
    events=st.lists(st.one_of(hold, drop, silence), max_size=5),
)
def test_a_call_that_the_money_ends_has_talked_exactly_the_seconds_it_pays(
    paid: int, latest: int, events: list[tuple[str, float, float]]
) -> None:
    call = Talking(paid, latest)
    for kind, after, length in events:
        call.run(after)
        if kind in ("drop", "silence"):
            call.flow(False)
        if kind == "drop":
            call.run(length / 2)  # until that is noticed
        if kind != "silence":
            call.part()
        call.run(length)
        call.flow(True)
        if kind != "silence":
            call.join()
    call.run()
    if call.over == "money":
        assert int(call.flowed) == paid
        assert call.reactor.seconds() < latest + 1
    else:
        assert call.flowed <= paid + 1
        assert latest - 0.001 < call.reactor.seconds() < latest + 1
    marks = [mark for mark, _, _ in call.warned]
    assert len(marks) == len(set(marks)), "one warning was given twice"


@given(paid=st.integers(70, 200), pauses=st.lists(st.tuples(st.floats(0, 60), st.floats(0.1, 60)), max_size=5))
def test_the_warnings_before_the_money_ends_wait_with_it(paid: int, pauses: list[tuple[float, float]]) -> None:
    call = Talking(paid, 3600)
    for after, length in pauses:
        call.run(after)
        call.part()
        call.run(length)
        call.join()
    call.run()
    assert [(mark, money) for mark, _, money in call.warned] == [(60, True), (10, True)]
    for mark, talked, _ in call.warned:
        assert abs(paid - mark - talked) < 0.3


def test_the_end_moves_out_while_media_pauses_but_never_beyond_the_visits_own() -> None:
    call = Talking(30, 60)
    call.run(10)
    call.part()
    call.run(15)
    assert call.deadline.ends == NOON + timedelta(seconds=45)
    assert call.deadline.paid_left == 20
    call.run(25)
    assert call.deadline.ends == NOON + timedelta(seconds=60)
    call.run()
    assert (call.over, call.reactor.seconds()) == ("time", 60)


def test_a_warning_that_is_due_at_the_moment_of_a_pause_is_given_after_it() -> None:
    call = Talking(70, 600)
    call.reactor.callLater(10, call.part)  # before the warning's own timer
    call.deadline.count(0)
    call.run(10)
    call.run(20)
    call.join()
    call.run()
    assert [(mark, money) for mark, _, money in call.warned] == [(60, True), (10, True)]


def test_there_is_no_warning_of_more_time_than_there_ever_was() -> None:
    call = Talking(30, 600)
    call.run()
    assert [mark for mark, _, _ in call.warned] == [10]


def test_what_nobody_paid_for_is_warned_of_as_the_end_of_the_visit() -> None:
    call = Talking(500, 100)
    call.run()
    assert [(mark, money) for mark, _, money in call.warned] == [(60, False), (10, False)]


@given(st.lists(st.tuples(st.sampled_from(["join", "part", "count"]), st.floats(0, 100)), max_size=20))
def test_a_meter_that_stands_still_counts_nothing_and_one_that_runs_counts_time(steps: list[tuple[str, float]]) -> None:
    meter, now = Meter(), 0.0
    for what, seconds in steps:
        match what:
            case "join":
                meter.join(now)
            case "part":
                meter.part(now)
            case _:
                meter.count(int(seconds * 1000), now)
                assert meter.used(now) == int(seconds * 1000) / 1000
        before = replace(meter).used(now)
        now += seconds
        assert abs(meter.used(now) - before - (seconds if meter.runs else 0.0)) < 1e-6
