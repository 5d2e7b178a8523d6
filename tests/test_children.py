"""Supervision of child processes, with real ones."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import deferLater
from twisted.protocols import amp

from parloir.children import LONGEST_DELAY, Child, backoff


class FakeOwner:
    """Hears of children; refuses them if told to."""

    def __init__(self) -> None:
        self.news: list[str] = []
        self.refuse = False
        self.next: Deferred[None] = Deferred()

    def locator(self, index: int) -> amp.CommandLocator:
        return amp.CommandLocator()

    async def came_up(self, index: int, child: amp.AMP) -> None:
        if self.refuse:
            raise RuntimeError("no")
        self._hear("up")

    def went_down(self, index: int) -> None:
        self._hear("down")

    def _hear(self, what: str) -> None:
        self.news.append(what)
        waiting, self.next = self.next, Deferred()
        waiting.callback(None)


class Watched:
    """A child, its owner and its log."""

    def __init__(self, module: str) -> None:
        self.owner = FakeOwner()
        self.lines: list[tuple[str, dict[str, Any]]] = []
        self.child = Child(
            reactor, "line", module, 0, self.owner, lambda event, /, **fields: self.lines.append((event, fields))
        )

    async def stop(self) -> None:
        gone: Deferred[None] = Deferred()
        self.child.stop(lambda: gone.callback(None))
        await gone

    def pids(self) -> list[int]:
        return [fields["pid"] for event, fields in self.lines if event == "child.started"]


@pytest.fixture
def watched() -> Iterator[Watched]:
    made = Watched("tests.waiting_child")
    yield made
    pytest_twisted.blockon(ensureDeferred(made.stop()))


@pytest_twisted.ensureDeferred
async def test_child_that_is_killed_is_started_again(watched: Watched) -> None:
    watched.child.start()
    await watched.child.ready
    down = watched.owner.next
    os.kill(watched.pids()[0], signal.SIGKILL)
    await down
    await watched.owner.next
    assert watched.owner.news == ["up", "down", "up"]
    assert len(set(watched.pids())) == 2


@pytest_twisted.ensureDeferred
async def test_child_that_hangs_is_ended_and_started_again(watched: Watched) -> None:
    watched.child.pulse.every = 0.02
    watched.child.start()
    await watched.child.ready
    await watched.owner.next
    await watched.owner.next
    assert watched.owner.news == ["up", "down", "up"]
    assert "child.hangs" in [event for event, _ in watched.lines]


@pytest_twisted.ensureDeferred
async def test_child_that_answers_is_left_alone() -> None:
    watched = Watched("tests.answering_child")
    watched.child.pulse.every = 0.2
    watched.child.start()
    await watched.child.ready
    await deferLater(reactor, 0.2 * (watched.child.pulse.most_missed + 4))
    assert watched.owner.news == ["up"]
    assert [event for event, _ in watched.lines] == ["child.started"]
    await watched.stop()


@pytest_twisted.ensureDeferred
async def test_stopped_child_ends_by_itself_and_stays_ended() -> None:
    watched = Watched("tests.waiting_child")
    watched.child.start()
    await watched.child.ready
    (pid,) = watched.pids()
    await watched.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert watched.child.stopping


@pytest_twisted.ensureDeferred
async def test_child_that_its_owner_refuses_is_ended_and_tried_again(watched: Watched) -> None:
    watched.owner.refuse = True
    watched.child.start()
    while "child.ended" not in [event for event, _ in watched.lines]:
        await deferLater(reactor, 0.05)
    watched.owner.refuse = False
    await watched.child.ready
    assert watched.owner.news == ["up"]


def test_delay_grows_with_every_quick_end_and_is_bounded() -> None:
    delays = [backoff(failures) for failures in range(20)]
    assert delays == sorted(delays)
    assert delays[0] < 1
    assert delays[-1] == LONGEST_DELAY
