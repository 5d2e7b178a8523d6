"""When the switch is run: at once while little comes, every two milliseconds under load."""

from asyncio import AbstractEventLoop
from collections.abc import Callable

from parloir.relay.switch import Switch

TICK = 0.002
"""Seconds between two runs under load: as much latency as is added at most, for a wake-up saved on most packets."""
WINDOW = 0.25
BUSY = 4_000
"""Packets a second from which the switch runs by the tick; below half of it, it is woken by each packet again."""


class Pump:
    """Runs a switch on an asyncio loop; `punted` is called after each run that may have left something."""

    def __init__(self, loop: AbstractEventLoop, switch: Switch, punted: Callable[[], None]) -> None:
        self._loop = loop
        self._switch = switch
        self._punted = punted
        self._count = 0
        self._window_ends = loop.time() + WINDOW
        self._ticking = False
        self._stopped = False
        loop.add_reader(switch.fileno(), self._run)

    def stop(self) -> None:
        """Run the switch no more."""
        self._stopped = True
        self._loop.remove_reader(self._switch.fileno())

    def _run(self) -> None:
        self._count += self._switch.pump()
        self._punted()
        now = self._loop.time()
        if now >= self._window_ends:
            self._judge(self._count / (now - self._window_ends + WINDOW))
            self._count, self._window_ends = 0, now + WINDOW

    def _judge(self, rate: float) -> None:
        if not self._ticking and rate >= BUSY:
            self._ticking = True
            self._loop.remove_reader(self._switch.fileno())
            self._loop.call_later(TICK, self._tick)
        elif self._ticking and rate < BUSY / 2:
            self._ticking = False
            self._loop.add_reader(self._switch.fileno(), self._run)

    def _tick(self) -> None:
        if not self._stopped:
            self._run()
            if self._ticking:
                self._loop.call_later(TICK, self._tick)
