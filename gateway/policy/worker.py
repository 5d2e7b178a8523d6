"""Runs one plugin's code and waits for it no longer than the deadline, whatever the code does.

What no thread can help against is C code that keeps the interpreter's lock, such as a regular expression that
backtracks without end: that holds everything.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from inspect import iscoroutinefunction
from time import monotonic
from typing import Any

from twisted.internet.defer import Deferred, succeed

from parloir.policy.inbox import Inbox
from parloir.policy.job import Job, Raised, Returned
from parloir.policy.threads import CallThread, Lane, LoopThread

MOST_STUCK = 4


@dataclass(frozen=True)
class Late:
    """The deadline passed first."""


@dataclass(frozen=True)
class Stuck:
    """The plugin was not asked: too many of its earlier runs never came to an end, or it was taken down."""


Result = Returned | Raised | Late | Stuck


class Place(Enum):
    """Where code runs: a `def` that answers a question, any other `def`, or an `async def`."""

    QUESTIONS = auto()
    BACKGROUND = auto()
    LOOP = auto()


@dataclass(eq=False)
class _Wait:
    place: "Place"
    deadline: float
    asked: float
    answer: "Deferred[Result]"
    timer: Any


class Worker:
    """One plugin's threads, started when they are first needed. Used on the reactor's thread only."""

    def __init__(self, name: str, reactor: Any, inbox: Inbox | None = None) -> None:
        self.name = name
        self._reactor = reactor
        self._inbox = inbox or Inbox(reactor)
        self._lanes: dict[Place, Lane] = {}
        self._waits: dict[Job, _Wait] = {}
        self._stuck: dict[Place, set[Job]] = {place: set() for place in Place}
        self._closed = False

    def run(
        self,
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
        deadline: float,
        read: Callable[[Any], Any] = lambda value: value,
        background: bool = False,
    ) -> "Deferred[Result]":
        """Run a `def` or `async def`; fires within `deadline` seconds and never fails.

        `read` turns what was returned into the value wanted; it runs in the plugin's thread, and may raise there.
        A `def` run in the `background` keeps no question waiting.
        """
        place = Place.BACKGROUND if background else Place.QUESTIONS
        if iscoroutinefunction(function):
            place = Place.LOOP
        if self._closed or len(self._stuck[place]) >= MOST_STUCK:
            return succeed(Stuck())
        job = Job(function, arguments, read, self._finished_there)
        answer: Deferred[Result] = Deferred()
        timer = self._reactor.callLater(deadline, self._late, job)
        self._waits[job] = _Wait(place, deadline, monotonic(), answer, timer)
        self._lane(place, deadline).submit(job)
        return answer

    def close(self) -> None:
        """Let the threads end; one that hangs is left behind. Questions still open are answered by their deadline."""
        self._closed = True
        for lane in self._lanes.values():
            lane.leave()
        self._lanes.clear()

    def _lane(self, place: Place, limit: float) -> Lane:
        lane = self._lanes.get(place)
        return self._replaced(place) if lane is None or lane.hangs(limit) else lane

    def _replaced(self, place: Place) -> Lane:
        held = self._lanes.get(place)
        fresh = self._lanes[place] = LoopThread(self.name) if place is Place.LOOP else CallThread(self.name)
        for job in held.leave() if held is not None else ():
            fresh.submit(job)
        return fresh

    def _finished_there(self, job: Job) -> None:
        self._inbox.put(partial(self._finished, job))

    def _finished(self, job: Job) -> None:
        for stuck in self._stuck.values():
            stuck.discard(job)
        if wait := self._waits.pop(job, None):
            wait.timer.cancel()
            self._answer(job, wait)

    def _late(self, job: Job) -> None:
        wait = self._waits.pop(job)
        if job.result is None and not job.claim():
            self._stuck[wait.place].add(job)
            lane = self._lanes.get(wait.place)
            if lane is not None and lane.give_up(job):
                self._replaced(wait.place)
        self._answer(job, wait)

    def _answer(self, job: Job, wait: _Wait) -> None:
        in_time = job.result is not None and job.result.at - wait.asked <= wait.deadline
        wait.answer.callback(job.result if in_time and job.result is not None else Late())
