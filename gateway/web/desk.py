"""What the web needs of the calls: a desk where visits are booked and ended, and rooms that pages enter."""

from collections.abc import Sequence
from typing import Protocol

from parloir.calls.bookings import Search, Wish
from parloir.calls.switchboard import Barred, Phone
from parloir.policy.answers import Slot
from parloir.store.calls import Call
from parloir.store.timeline import Entry
from parloir.store.visits import Visit, VisitState
from parloir.webrtc.signalling import FromPage, ToPage


class Page(Protocol):
    """A visitor's page, as long as its WebSocket is open. Both methods are harmless when it is gone."""

    def send(self, message: ToPage) -> None:
        """Tell the page something."""

    def close(self, reason: str) -> None:
        """Close its WebSocket; tell it Ended before, or it will come back."""


class Room(Protocol):
    """A visit as one page sees it."""

    def receive(self, message: FromPage) -> None:
        """The page said something (never Ping, which the web answers itself)."""

    def left(self) -> None:
        """The page's WebSocket is gone; it may come back by entering again. Called once."""


class CallView(Protocol):
    """A call as remembered, and where it stands: the state's name, "ended" when it is over."""

    @property
    def call(self) -> Call: ...

    @property
    def state(self) -> str: ...


class Board(Protocol):
    """The phones, and the sources that are banned."""

    def phones(self) -> list[Phone]: ...

    def bans(self) -> list[Barred]: ...

    def lift(self, address: str) -> None:
        """End a ban; raises NoSuchBan."""


class Desk(Protocol):
    """Errors are ParloirErrors: NoSuchVisit and NoSuchCall become 404, StationTaken and VisitOver 409, all others
    422, with the name of an attribute `field`, if they have one, as the field at fault."""

    async def add_visit(self, wish: Wish) -> Visit: ...

    async def list_visits(
        self, facility: str | None = None, station: str | None = None, states: Sequence[VisitState] | None = None
    ) -> list[Visit]: ...

    async def get_visit(self, id: str) -> Visit: ...

    async def open_slots(self, wanted: Search) -> Sequence[Slot]:
        """The times that could be booked, the earliest first."""

    async def cancel_visit(self, id: str, reason: str) -> Visit: ...

    async def list_calls(self, live: bool | None = None) -> Sequence[CallView]:
        """Live calls, ended ones (the newest first), or both."""

    async def get_call(self, id: str) -> CallView: ...

    async def timeline(self, call: str) -> Sequence[Entry]: ...

    async def end_call(self, id: str, reason: str, by: str) -> None:
        """End a live call; one that has ended stays as it is."""

    async def enter(self, token: str, page: Page) -> Room | None:
        """Let a page in by its link's token; None for a stranger's. Sends Welcome and the present Status."""
