"""Carries out what the attendant's menu asks: plays, checks, looks up, calls. Nothing that is pressed is noted."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.internet.error import ConnectionClosed
from twisted.python.failure import Failure

from parloir.calls import reason as reasons
from parloir.calls.codes import CodeGuard
from parloir.calls.handset import Handset
from parloir.calls.menu import Menu, Stage, Terms
from parloir.calls.menu_effects import (
    Abandon,
    Back,
    Check,
    Connect,
    Do,
    Effects,
    Entry,
    Find,
    HangUp,
    Hush,
    Refer,
    Say,
    What,
)
from parloir.calls.reason import Reason
from parloir.log import Log
from parloir.policy.participants import Resident
from parloir.relay import commands
from parloir.sip.session import EndKind, SessionEnd

LEAVES = 15.0
"""How long a phone that goes to a hotline may take to hang up here."""


class WrongPin(Exception):
    """Nobody has that number and PIN; `locked`: nobody may try any more now."""

    def __init__(self, locked: bool = False) -> None:
        super().__init__("locked" if locked else "wrong")
        self.locked = locked


@dataclass(frozen=True)
class Directory:
    """What a guide asks of the gateway, about one phone. `check` raises WrongPin; `connect` begins a call to the
    visitor, or waits for them, and says whether that can be."""

    check: Callable[[str, str], Awaitable[Resident]]
    entries: Callable[[Resident, What], Awaitable[Sequence[Entry]]]
    balance: Callable[[Resident], Awaitable[int]]
    connect: Callable[[Handset, Entry], Awaitable[bool]]
    hotlines: Mapping[str, str] = field(default_factory=dict)


class Guide:
    """One phone's guide (calls.handset.Guide). `over` is called once, when the menu has been left."""

    def __init__(
        self,
        handset: Handset,
        terms: Terms,
        directory: Directory,
        guard: CodeGuard,
        reactor: Any,
        log: Log,
        over: Callable[["Guide"], None],
    ) -> None:
        self.handset = handset
        self.menu = Menu(terms, reactor.seconds())
        self._directory = directory
        self._guard = guard
        self._reactor = reactor
        self._log = log
        self._over = over
        self._saying = 0
        self._connecting = 0
        self._begun = False
        self._ended = False
        self._timer: Any = None

    @property
    def _place(self) -> str:
        return f"{self.handset.facility}/{self.handset.station}"

    # What the handset tells.

    def answered(self) -> None:
        """The phone can hear."""
        self._begun = True
        self._do(self.menu.begin())

    def pressed(self, digit: str) -> None:
        """A key."""
        if self._begun:
            self._do(self.menu.key(digit, self._reactor.seconds()))

    def came_back(self, reason: Reason | None) -> None:
        """The call came to nothing."""
        self._do(self.menu.came_back(_why(reason)))

    def gone(self) -> None:
        """The phone is gone, from here at least."""
        if not self._ended:
            self._ended = True
            self._stop_timer()
            self._over(self)

    # What the menu asks.

    def _do(self, effects: Effects) -> None:
        for each in effects:
            if not self._ended:
                self._carry_out(each)
        self._stop_timer()
        if not self._ended and self.menu.deadline is not None:
            wait = max(0.0, self.menu.deadline - self._reactor.seconds())
            self._timer = self._reactor.callLater(wait, self._late)

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _late(self) -> None:
        self._do(self.menu.late(self._reactor.seconds()))

    def _carry_out(self, effect: Do) -> None:
        match effect:
            case Say():
                self._go(self._say(effect))
            case Hush():
                self._saying += 1
                self._go(self.handset.bridge.do(commands.StopPrompts))
            case Check():
                self._go(self._check(effect))
            case Find():
                self._go(self._find(effect.what))
            case Connect():
                self._go(self._connect(effect.entry))
            case Abandon():
                self.handset.give_up(SessionEnd(EndKind.CANCELLED))
            case Refer():
                self._refer(effect.key)
            case HangUp():
                self.handset.hang_up()

    def _go(self, work: Awaitable[Any]) -> None:
        ensureDeferred(work).addErrback(self._failed)  # type: ignore[arg-type]

    def _failed(self, failure: Failure) -> None:
        if isinstance(failure.value, commands.NoSuchBridge | ConnectionClosed):
            return
        # Its text may hold what was pressed: only what kind of fault it is goes to the log.
        self._log("attendant.failed", station=self._place, error=type(failure.value).__name__)
        self._do(self.menu.came_back(Back.FAILED))

    async def _say(self, said: Say) -> None:
        self._saying += 1
        turn = self._saying
        try:
            await self.handset.bridge.say(said.prompts, endless=said.endless)
        except commands.Interrupted:
            return
        except commands.Refused as error:
            self._log("attendant.unsaid", station=self._place, error=str(error))
        if turn == self._saying and not said.endless:
            self._do(self.menu.heard(self._reactor.seconds()))

    async def _check(self, wanted: Check) -> None:
        now = self._reactor.seconds()
        if self._guard.paused(self._place, now):
            self._do(self.menu.unknown(locked=True))
            return
        try:
            self.handset.resident = await self._directory.check(wanted.number, wanted.pin)
        except WrongPin as wrong:
            pause = self._guard.missed(self._place, now)
            self._log("attendant.wrong_pin", station=self._place, pause=pause)
            self._do(self.menu.unknown(locked=wrong.locked or pause))
            return
        self._guard.matched(self._place)
        self._do(self.menu.known())

    async def _find(self, what: What) -> None:
        resident = self.handset.resident
        assert resident is not None, "nothing is looked up before the PIN was right"
        if what is What.BALANCE:
            self._do(self.menu.has(await self._directory.balance(resident)))
        else:
            self._do(self.menu.found(what, await self._directory.entries(resident, what)))

    async def _connect(self, entry: Entry) -> None:
        self._connecting += 1
        turn = self._connecting
        connected = await self._directory.connect(self.handset, entry)
        if turn == self._connecting and self.menu.stage is Stage.CALLING:
            if not connected:
                self.came_back(None)
        elif connected:
            self.handset.give_up(SessionEnd(EndKind.CANCELLED))

    def _refer(self, key: str) -> None:
        def heard(accepted: bool) -> None:
            if accepted:
                self._reactor.callLater(LEAVES, self.handset.hang_up)
            else:
                self._do(self.menu.refer_failed())

        session = self.handset.session
        assert session is not None
        session.refer(self._directory.hotlines[key], heard)


def _why(reason: Reason | None) -> Back:
    match reason:
        case None:
            return Back.NOT_HERE
        case reasons.Denied():
            return Back.REFUSED
        case reasons.VisitorDeclined() | reasons.VisitorBlocked() | reasons.VisitorAway() | reasons.VisitorLeft():
            return Back.DECLINED
        case _:
            return Back.FAILED
