"""News by cursor: each plugin at its own pace, in order, at least once, whatever becomes of it or of the gateway."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_twisted import ensureDeferred
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater

from parloir.api import Alert, Call, Happening, hookimpl
from parloir.policy import news
from parloir.policy.hooks import Enabled
from parloir.policy.inspection import implementations
from parloir.policy.job import Job
from parloir.policy.news import Courier, Item
from parloir.policy.worker import Worker
from tests.policy_plugins import NOON, RESIDENT, House, a_call, a_visit


@dataclass
class Paper:
    """A journal in memory."""

    items: list[Item] = field(default_factory=list)
    cursors: dict[str, int] = field(default_factory=dict)
    broken: bool = False

    def write(self, hook: str = "call_event", subject: Any = None) -> None:
        event = Happening(position=len(self.items) + 1, kind="ended", at=NOON, facts={"seconds": 60})
        self.items.append(Item(hook, subject or a_call(), event))

    async def after(self, position: int, most: int) -> Sequence[Item]:
        if self.broken:
            raise OSError("disk full")
        return [item for item in self.items if item.event.position > position][:most]

    async def cursor(self, plugin: str) -> int:
        return self.cursors.get(plugin, 0)

    async def advance(self, plugin: str, position: int) -> None:
        assert position > self.cursors.get(plugin, 0)
        self.cursors[plugin] = position


class Instant:
    """A worker that runs everything at once, with results as a worker gives them."""

    def run(self, function: Callable[..., Any], arguments: tuple[Any, ...], *more: Any, **options: Any) -> Any:
        done: list[Any] = []
        Job(function, arguments, lambda value: value, done.append).run()
        answer: Deferred[Any] = Deferred()
        answer.callback(done[0].result)
        return answer


@dataclass
class Reader:
    """Takes what it is told, or fails as often as it is told to."""

    told: list[int] = field(default_factory=list)
    failures: int = 0

    @hookimpl
    def call_event(self, call: Call, event: Happening) -> None:
        if self.failures:
            self.failures -= 1
            raise ValueError("busy")
        self.told.append(event.position)


@dataclass
class Round:
    """A courier between a journal and a reader, on a clock that the test moves."""

    paper: Paper = field(default_factory=Paper)
    reader: Any = field(default_factory=Reader)
    clock: Clock = field(default_factory=Clock)
    alerts: list[Alert] = field(default_factory=list)

    def courier(self) -> Courier:
        worker: Any = Instant()
        plugin = Enabled("reader", implementations(self.reader), worker)
        return Courier(plugin, self.paper, self.clock, self.alerts.append)


def test_news_come_in_order_and_only_to_the_hooks_a_plugin_has() -> None:
    way = Round()
    for hook in ("call_event", "visit_event", "call_event"):
        way.paper.write(hook, a_visit() if hook == "visit_event" else None)
    courier = way.courier()
    courier.wake()
    assert way.reader.told == [1, 3]
    way.paper.write()
    courier.wake()
    assert way.reader.told == [1, 3, 4]
    assert way.paper.cursors == {"reader": 4}


def test_the_cursor_passes_news_that_are_not_the_plugins() -> None:
    way = Round()
    way.paper.write("person_event", RESIDENT)
    way.courier().wake()
    assert (way.reader.told, way.paper.cursors) == ([], {"reader": 1})


def test_what_a_plugin_refuses_is_told_again_later_and_nothing_before_it() -> None:
    way = Round(reader=Reader(failures=2))
    way.paper.write()
    way.paper.write()
    courier = way.courier()
    courier.wake()
    assert way.reader.told == []
    courier.wake()
    assert way.reader.failures == 1, "woken in a pause, it waits"
    way.clock.advance(news.FIRST_PAUSE)
    assert way.reader.told == []
    way.clock.advance(news.FIRST_PAUSE)
    assert way.reader.told == []
    way.clock.advance(news.FIRST_PAUSE)
    assert way.reader.told == [1, 2]
    assert [alert.code for alert in way.alerts] == ["news_refused"]


def test_pauses_grow_to_a_bound_and_staff_hear_of_it_twice() -> None:
    way = Round(reader=Reader(failures=10**9))
    way.paper.write()
    way.courier().wake()
    way.clock.pump([news.LONGEST_PAUSE] * 20)
    assert 15 <= 10**9 - way.reader.failures <= 21
    assert [alert.severity for alert in way.alerts] == ["warning", "urgent"]


def test_a_journal_that_cannot_be_read_is_tried_again() -> None:
    way = Round()
    way.paper.write()
    way.paper.broken = True
    way.courier().wake()
    assert "disk full" in way.alerts[0].text
    way.paper.broken = False
    way.clock.advance(news.FIRST_PAUSE)
    assert way.reader.told == [1]


def test_a_closed_courier_tells_nothing_more() -> None:
    way = Round(reader=Reader(failures=1))
    way.paper.write()
    courier = way.courier()
    courier.wake()
    courier.close()
    way.clock.advance(1000)
    courier.wake()
    assert way.reader.told == []
    assert not way.clock.getDelayedCalls()


@settings(max_examples=100)
@given(st.lists(st.sampled_from(["write", "wake", "crash", "fail", "later"]), max_size=30))
def test_after_any_crashes_each_item_was_told_at_least_once_and_in_order(steps: list[str]) -> None:
    way = Round()
    courier = way.courier()
    for step in steps:
        match step:
            case "write":
                way.paper.write()
            case "wake":
                courier.wake()
            case "fail":
                way.reader.failures = 1
            case "later":
                way.clock.advance(news.LONGEST_PAUSE)
            case "crash":  # the plugin had taken the last item, and the cursor was not stored
                courier.close()
                if position := way.paper.cursors.get("reader"):
                    way.paper.cursors["reader"] = position - 1
                courier = way.courier()
    way.reader.failures = 0
    way.clock.advance(news.LONGEST_PAUSE)
    courier.wake()
    firsts = list(dict.fromkeys(way.reader.told))
    assert firsts == [item.event.position for item in way.paper.items]
    assert way.paper.cursors.get("reader", 0) == len(way.paper.items)


@ensureDeferred
async def test_slow_news_keep_no_question_waiting() -> None:
    class Slow:
        api = 1

        def __init__(self, settings: Any, facility: Any) -> None: ...

        @hookimpl
        def call_event(self, call: Call, event: Happening) -> None:
            time.sleep(0.3)

        @hookimpl
        def authorize_call(self, call: Call) -> None: ...

    paper = Paper()
    paper.write()
    policies = House().load({"slow": Slow}, journal=paper)
    policies.tell()
    assert (await policies.decide(a_call())).denial is None
    assert paper.cursors == {}
    while not paper.cursors:
        await deferLater(reactor, 0.02)
    await policies.close()


@ensureDeferred
async def test_a_worker_that_was_closed_answers_at_once() -> None:
    worker = Worker("gone", reactor)
    worker.close()
    assert type(await worker.run(lambda: None, (), 1.0)).__name__ == "Stuck"
