"""The line processes as the edge uses them: which are up, which slots are free, and what is said to them."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.protocols import amp

from parloir.sip.commands import Configure, Freed, LineError
from parloir.sip.errors import SipError
from parloir.sip.session import NoFreeLine
from parloir.sip.settings import Settings
from parloir.sip.slots import Slot, Slots
from parloir.sip.surroundings import Clock, Log
from parloir.sip.waiting import Waiting


class _Words(amp.CommandLocator):
    """What a line may say to the gateway."""

    def __init__(self, lines: "Lines", index: int) -> None:
        super().__init__()
        self._lines = lines
        self._index = index

    @Freed.responder
    def freed(self, session: str, status: int) -> dict[str, Any]:
        self._lines.freed(self._index, session, status)
        return {}


class Lines:
    """Owner of the line children (`python -m parloir.sip.line_main`); `count` of them are wanted."""

    def __init__(self, settings: Settings, log: Log, clock: Clock) -> None:
        self.count = settings.lines
        self.edge_port = 0
        self.on_freed: Callable[[str, int], None] = lambda session, status: None
        self.on_lost: Callable[[int], None] = lambda line: None
        self._product = settings.product
        self._log = log
        self._slots = Slots(settings.calls, settings.calls_per_line)
        self.waiting = Waiting(clock, settings.queue_timeout, self._slots.reserve)
        self._held: dict[str, Slot] = {}
        self._children: dict[int, tuple[amp.AMP, int]] = {}

    @property
    def free(self) -> int:
        """How many calls could begin now."""
        return self._slots.free

    def locator(self, index: int) -> amp.CommandLocator:
        """What answers that line's own commands."""
        return _Words(self, index)

    async def came_up(self, index: int, child: amp.AMP) -> None:
        """Configure a fresh line and open its slots; AMP's errors when it cannot serve."""
        if not self.edge_port:
            raise SipError("a line came up before the edge had its ports; start the edge first")
        arguments = {"edge_port": self.edge_port, "slots": self._slots.size(index), "product": self._product}
        answer = await child.callRemote(Configure, **arguments)  # type: ignore[no-untyped-call]
        self._children[index] = (child, answer["port"])
        self._slots.line_up(index)
        self._log("sip.line_up", line=index, port=answer["port"])
        self.waiting.serve()

    def went_down(self, index: int) -> None:
        """The line is gone, and so are its calls."""
        if self._children.pop(index, None) is None:
            return
        self._slots.line_down(index)
        self._held = {session: slot for session, slot in self._held.items() if slot.line != index}
        self._log("sip.line_lost", line=index)
        self.on_lost(index)

    def reserve(self, session: str, kept: int = 0) -> Slot:
        """Take a slot for a session; NoFreeLine when none is free beyond the `kept` ones."""
        slot = self._held[session] = self._slots.reserve(kept)
        return slot

    def reserve_soon(self, session: str, kept: int = 0) -> "Deferred[Slot]":
        """A slot for a session, at once or after a moment's wait; NoFreeLine when none comes free in time.

        Cancelling gives up the wait, never a slot that was given.
        """
        try:
            return succeed(self.reserve(session, kept))
        except NoFreeLine as full:
            waiting = self.waiting.join(kept, full)

        def hold(slot: Slot) -> Slot:
            self._held[session] = slot
            return slot

        return waiting.addCallback(hold)

    def release(self, session: str) -> None:
        """Give back the slot of a session that its line never heard of."""
        slot = self._held.pop(session, None)
        if slot is not None:
            self._slots.release(slot)
            self.waiting.serve()

    def freed(self, line: int, session: str, status: int) -> None:
        """A line says that a call of its own is over."""
        slot = self._held.get(session)
        if slot is not None and slot.line == line:
            self.release(session)
            self.on_freed(session, status)

    def port(self, line: int) -> int:
        """The SIP port of a line that is up; LineError when it is not."""
        if line not in self._children:
            raise LineError(f"line {line} is down")
        return self._children[line][1]

    def line_at(self, port: int) -> int | None:
        """Which line has that SIP port."""
        return next((line for line, (_, at) in self._children.items() if at == port), None)

    def tell(self, line: int, command: type[amp.Command], **arguments: Any) -> Deferred[Any]:
        """Say something to a line; fails with LineError, or as the connection does."""
        child = self._children.get(line)
        if child is None:
            return fail(LineError(f"line {line} is down"))
        said: Deferred[Any] = child[0].callRemote(command, **arguments)  # type: ignore[no-untyped-call]
        return said
