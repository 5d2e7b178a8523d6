"""The outbox of news: where a plugin begins, what goes away and when, and what never does."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock

from parloir.calls import outbox
from parloir.calls.outbox import EVERY, Outbox
from parloir.store import calls, cursors, happenings, timeline
from parloir.store.calls import Call, CallClass, WayIn
from parloir.store.database import connect
from parloir.store.happenings import Hook

T = TypeVar("T")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
OLD = NOW - 31 * DAY


@dataclass
class Box:
    """An outbox on a test's own transaction, kept for 30 days."""

    connection: Connection
    listeners: dict[str, Sequence[str]] = field(default_factory=lambda: {"north": ("limits",)})
    clock: Clock = field(default_factory=Clock)
    lines: list[str] = field(default_factory=list)
    works: int = 0
    broken: bool = False

    def __post_init__(self) -> None:
        log = lambda event, /, **fields: self.lines.append(event)  # noqa: E731
        self.outbox = Outbox(self.clock, self.run, lambda: self.listeners, 30 * DAY, lambda: NOW, log)

    async def run(self, work: Callable[[Connection], T]) -> T:
        if self.broken:
            raise OSError("disk full")
        self.works += 1
        return work(self.connection)

    def happen(self, text: str, at: datetime = OLD, facility: str | None = "north") -> None:
        happenings.append(self.connection, facility, Hook.ALERT, text, "alert", {}, at=at)

    def heard(self, plugin: str, text: str, facility: str = "north") -> None:
        """The plugin has taken all up to that one."""
        happenings.number(self.connection)
        places = {row.subject: row.sequence for row in happenings.after(self.connection, facility, 0)}
        cursors.move(self.connection, facility, plugin, places[text])

    def left(self, facility: str = "north") -> list[str]:
        happenings.number(self.connection)
        return [row.subject for row in happenings.after(self.connection, facility, 0, 10_000)]

    def enrol(self, listeners: Mapping[str, Sequence[str]]) -> None:
        ensureDeferred(self.outbox.enrol(listeners))

    def clear(self) -> list[str]:
        ensureDeferred(self.outbox.clear())
        return self.left()


@pytest.fixture
def box(connection: Connection) -> Box:
    return Box(connection)


def event(connection: Connection, call: str = "c1") -> int:
    if not calls.several(connection, [call]):
        calls.add(connection, Call(call, None, "north", "a", WayIn.INSIDE, CallClass.ORDINARY, NOW))
    return timeline.append(connection, call, "quality", {}, NOW, 1).sequence


def test_a_plugin_enabled_later_begins_with_what_comes(box: Box) -> None:
    box.happen("before")
    event(box.connection)
    box.enrol({"north": ("limits",), "south": ("limits",)})
    place = cursors.position(box.connection, "north", "limits")
    box.happen("after", NOW)
    happenings.number(box.connection)
    assert place is not None
    assert [row.subject for row in happenings.after(box.connection, "north", place)] == ["after"]
    assert cursors.position(box.connection, "south", "limits") == place


def test_a_plugin_that_has_a_place_keeps_it(box: Box) -> None:
    box.happen("heard")
    box.happen("missed")
    box.heard("limits", "heard")
    before = cursors.position(box.connection, "north", "limits")
    box.enrol({"north": ("limits",)})
    assert cursors.position(box.connection, "north", "limits") == before


def test_what_is_old_and_heard_by_all_goes_and_nothing_else(box: Box) -> None:
    box.listeners = {"north": ("limits", "contacts")}
    for text, at in (("heard", OLD), ("new", NOW), ("half heard", OLD), ("unheard", OLD), ("last", OLD)):
        box.happen(text, at)
    box.heard("limits", "unheard")
    box.heard("contacts", "new")
    assert box.clear() == ["new", "half heard", "unheard", "last"]
    box.heard("contacts", "unheard")
    assert box.clear() == ["new", "last"]


def test_nothing_goes_while_one_who_listens_has_heard_nothing(box: Box) -> None:
    box.happen("old")
    box.happen("last")
    assert box.clear() == ["old", "last"]


def test_where_nobody_listens_what_is_old_goes_though_it_was_never_numbered(box: Box) -> None:
    box.listeners = {"north": ()}
    box.happen("old")
    box.happen("elsewhere", facility="south")
    box.happen("new", NOW)
    assert box.clear() == ["new"]
    assert box.left("south") == ["elsewhere"]


def test_what_is_of_all_facilities_waits_for_the_plugins_of_each(box: Box) -> None:
    box.happen("to all", facility=None)
    box.happen("last")
    box.heard("limits", "last")
    box.heard("limits", "to all", "south")
    assert box.clear() == ["last"]
    box.happen("to all again", facility=None)
    box.happen("last again")
    box.heard("limits", "last again")
    assert box.clear() == ["to all again", "last again"]


def test_the_last_place_is_never_given_twice(box: Box) -> None:
    """A plugin that has heard the last would take a second one with its number for heard."""
    box.listeners = {"north": ("limits",)}
    box.happen("heard")
    box.happen("last")
    box.heard("limits", "last")
    assert box.clear() == ["last"]
    place = cursors.position(box.connection, "north", "limits")
    assert place is not None
    assert event(box.connection) == place + 1
    assert box.clear() == []


def test_much_goes_in_small_batches(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "BATCH", 20)
    count = 50
    happenings.append_all(
        box.connection, Hook.ALERT, (happenings.News("north", str(n), "alert") for n in range(count)), at=OLD
    )
    box.listeners = {"north": ()}
    assert box.clear() == [str(count - 1)]
    assert box.works == 4


def test_it_is_cleared_at_the_start_and_each_hour_and_a_failure_is_said(box: Box) -> None:
    box.listeners = {"north": ()}
    box.happen("first")
    box.happen("last")
    box.outbox.begin()
    assert box.left() == ["last"]
    box.broken = True
    box.clock.advance(EVERY)
    assert box.lines == ["news.not_cleared"]
    box.broken = False
    box.happen("later")
    box.clock.advance(EVERY)
    assert box.left() == ["later"]
    box.outbox.close()
    assert not box.clock.getDelayedCalls()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(["old", "new", "event", "tell", "clear", "enrol"]), max_size=25))
def test_whatever_is_cleared_when_each_plugin_hears_all_from_its_beginning(migrated: Path, steps: list[str]) -> None:
    engine = connect(f"sqlite:///{migrated}")
    with engine.connect() as connection:
        box = Box(connection)
        heard: list[str] = []
        expected: list[str] = []
        for number, step in enumerate(steps):
            match step:
                case "old" | "new":
                    box.happen(str(number), OLD if step == "old" else NOW)
                    if cursors.position(connection, "north", "limits") is not None:
                        expected.append(str(number))
                case "event":
                    event(connection)
                case "enrol":
                    box.enrol(box.listeners)
                case "clear":
                    box.clear()
                case "tell":
                    heard += tell(connection)
        assert heard + tell(connection) == expected
        connection.rollback()
    engine.dispose()


def tell(connection: Connection) -> list[str]:
    """Bring the plugin what it has not heard, if it was ever enabled."""
    place = cursors.position(connection, "north", "limits")
    if place is None:
        return []
    happenings.number(connection)
    rows = happenings.after(connection, "north", place)
    cursors.move(connection, "north", "limits", max(place, happenings.last(connection)))
    return [row.subject for row in rows]
