"""Calls that found every slot taken: each waits a moment for one, those of emergency and hotline routes first."""

from collections.abc import Callable
from dataclasses import dataclass

from twisted.internet.defer import Deferred, fail

from parloir.sip.session import NoFreeLine
from parloir.sip.slots import Slot
from parloir.sip.surroundings import Clock, Timer, stop

MOST = 256


@dataclass(eq=False)
class _Call:
    kept: int
    done: Deferred[Slot]
    timer: Timer | None = None


class Waiting:
    """The queue. `reserve` takes a slot, leaving as many free as it is told, or raises NoFreeLine."""

    def __init__(self, clock: Clock, patience: float, reserve: Callable[[int], Slot]) -> None:
        self._clock = clock
        self._patience = patience
        self._reserve = reserve
        self._calls: list[_Call] = []

    def __len__(self) -> int:
        return len(self._calls)

    def join(self, kept: int, full: NoFreeLine) -> "Deferred[Slot]":
        """A slot as soon as one is free beyond the `kept` ones; fails with `full` after the queue's patience.

        Cancelling what is returned leaves the queue.
        """
        if not self._patience or len(self._calls) >= MOST:
            return fail(full)
        call = _Call(kept, Deferred(lambda _: self._leave(call)))
        self._calls.append(call)
        call.timer = self._clock.callLater(self._patience, self._give_up, call, full)
        return call.done

    def serve(self) -> None:
        """Slots have come free: give them to those who may have them, in their order, the urgent ones first."""
        for call in sorted(self._calls, key=lambda each: each.kept):
            try:
                slot = self._reserve(call.kept)
            except NoFreeLine:
                continue
            self._leave(call)
            call.done.callback(slot)

    def _give_up(self, call: _Call, full: NoFreeLine) -> None:
        self._leave(call)
        call.done.errback(full)

    def _leave(self, call: _Call) -> None:
        stop(call.timer)
        if call in self._calls:
            self._calls.remove(call)
