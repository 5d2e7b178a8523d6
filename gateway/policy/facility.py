"""What a plugin is given of its facility: the time, its own tables, a way to raise alerts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from parloir.policy.accounts import Account, Balance, CallCharge, Holder, LedgerEntry
from parloir.policy.answers import Words
from parloir.policy.participants import Relationship
from parloir.policy.values import Alert, Call, Suspension, Visit

T = TypeVar("T")


class Store(Protocol):
    """The plugin's own tables, reached in a transaction per call. A plugin touches only tables named after it."""

    async def run(self, work: Callable[[Connection], T]) -> T:
        """In an `async def`: do `work` in a thread of the store; what it raises is raised here, and undone there."""

    def run_now(self, work: Callable[[Connection], T]) -> T:
        """In a `def`: the same, waiting for it."""


class Records(Protocol):
    """What the gateway remembers of the facility, for plugins to count, in their `async def` hooks."""

    async def visits(
        self,
        *,
        resident: str | None = None,
        visitor: str | None = None,
        station: str | None = None,
        after: datetime | None = None,
        before: datetime | None = None,
    ) -> tuple[Visit, ...]:
        """Visits of every state that overlap the span, earliest first."""

    async def calls(
        self,
        *,
        resident: str | None = None,
        visitor: str | None = None,
        after: datetime | None = None,
        before: datetime | None = None,
    ) -> tuple[Call, ...]:
        """Calls that were opened in the span, earliest first, each with its talked and held seconds."""

    async def relationships(self, resident: str) -> tuple[tuple[str, Relationship], ...]:
        """Everybody on record with a resident: visitor's id and relationship."""

    async def separated(self, resident: str) -> tuple[str, ...]:
        """The residents whom a separation in force keeps apart from this one."""

    async def suspended(
        self, *, resident: str | None, visitors: Sequence[str], after: datetime, before: datetime
    ) -> tuple[Suspension, ...]:
        """Suspensions of the resident or any of the visitors that overlap the span."""


@dataclass(frozen=True)
class ErasedRecording:
    """Proof of a recording that is no more: the master key it was under, its key's and its journal's hashes (hex)."""

    id: str
    call: str
    master: str
    key_sha256: str
    hash: str


class Actions(Protocol):
    """What a plugin may have the gateway do, in an `async def`. Each is audited under the plugin's name and `by`."""

    async def end_calls(self, *, unit: str | None, code: str, words: Words, by: str) -> tuple[str, ...]:
        """End the live calls of a unit, or of the facility, and tell both sides why; answers the ids.

        Emergency and hotline calls go on.
        """

    async def release_visit(self, visit: str, *, code: str, words: Words, by: str) -> None:
        """Cancel a visit and tell its people why; one that is over stays as it is."""

    async def move_visit(
        self, visit: str, *, station: str, start: datetime, end: datetime, code: str, words: Words, by: str
    ) -> bool:
        """Move a visit and tell its people why; False if the place was taken or the visit is over. Asks no plugin."""

    async def expire_recordings(self, *, by: str) -> tuple[ErasedRecording, ...]:
        """Erase the facility's recordings whose time is over, as `retain_recording` says, and that nothing holds."""

    async def note_call(self, call: str, text: str, *, by: str) -> bool:
        """Keep what staff wrote about a call of the facility, live or over; False where there is no such call.

        It is found by a search for recordings and shown with the call's, if there are any. Nobody can change or remove
        it. Raises ValueError for a text that is blank, cannot be stored, or has more than 1,000 characters.
        """


class Ledger(Protocol):
    """The facility's accounts, in an `async def`. Amounts are whole micro-dollars, above 0.

    A plugin can never charge for a call: the gateway does. Each posting has an `event`, unique in the facility: what
    was posted under it already is not posted again, and the answer is False. Each is audited under the plugin's name
    and `by`, in the same transaction. Raises LedgerRefused for what cannot be posted.
    """

    async def balance(self, account: str) -> Balance:
        """What an account has; nothing for one that was never opened."""

    async def account(self, holder: Holder, reference: str) -> str | None:
        """The account of a resident or a visitor, by the facility's own number or reference for them."""

    async def accounts(self) -> tuple[Account, ...]:
        """All accounts of residents, of visitors and of the facility that were ever opened."""

    async def entries(
        self, account: str, *, after: datetime | None = None, before: datetime | None = None
    ) -> tuple[LedgerEntry, ...]:
        """What moved an account in the span, in order."""

    async def charges(
        self,
        *,
        call: str | None = None,
        account: str | None = None,
        after: datetime | None = None,
        before: datetime | None = None,
    ) -> tuple[CallCharge, ...]:
        """The calls that were charged in the span, in order."""

    async def deposit(self, account: str, amount: int, *, event: str, provider: str, by: str, reason: str = "") -> bool:
        """Money came in by a payment provider, a kiosk or the like; the first one opens the account."""

    async def withdraw(self, account: str, amount: int, *, event: str, by: str, reason: str) -> bool:
        """A holder takes back funds of theirs: at most what is available."""

    async def refund(self, call: str, amount: int, *, event: str, by: str, reason: str) -> bool:
        """Give back what a call was charged, to the account that paid: at most that, less earlier refunds."""


@dataclass(frozen=True)
class Facility:
    """The facility that a plugin works for. `now` is UTC; `raise_alert` reaches staff and returns at once.

    `stations` gives the unit of each station, "" for one without.
    """

    id: str
    name: str
    timezone: ZoneInfo
    tier: str | None
    language: str
    store: Store
    records: Records
    now: Callable[[], datetime]
    raise_alert: Callable[[Alert], None]
    actions: Actions
    stations: Mapping[str, str]
    ledger: Ledger
