"""A facility's accounts in the ledger, as its plugins are given them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from parloir.policy.accounts import Account, Balance, CallCharge, Holder, LedgerEntry
from parloir.policy.errors import LedgerRefused
from parloir.policy.facility import Store
from parloir.store import (
    ledger,
    ledger_accounts,
    ledger_balances,
    ledger_holds,
    ledger_payments,
    residents,
    visitors,
)
from parloir.store.ledger import Entry, Kind
from parloir.store.ledger_accounts import AccountKind
from parloir.store.ledger_errors import BadAmount, CannotKeep, EventTaken, Insufficient, NoSuchAccount, OverRefund
from parloir.store.ledger_payments import Occasion

T = TypeVar("T")
LONGEST_REASON = 200
LONGEST_NAME = 128
REFUSALS: dict[type[Exception], str] = {
    BadAmount: "bad_amount",
    CannotKeep: "too_long",
    EventTaken: "event_used",
    Insufficient: "not_enough",
    NoSuchAccount: "no_such_account",
    OverRefund: "over_charge",
}


@dataclass(frozen=True)
class FacilityLedger:
    """What one plugin may do with one facility's accounts (policy.facility.Ledger); `store` does the work."""

    plugin: str
    facility: str
    store: Store
    now: Callable[[], datetime]

    async def balance(self, account: str) -> Balance:
        """What an account has; nothing for one that was never opened."""
        return await self.store.run(lambda connection: _balance(connection, self.facility, account))

    async def account(self, holder: Holder, reference: str) -> str | None:
        """The account of a resident or a visitor, by the facility's own number or reference for them."""
        return await self.store.run(lambda connection: _account(connection, self.facility, holder, reference))

    async def accounts(self) -> tuple[Account, ...]:
        """All accounts of residents, of visitors and of the facility that were ever opened."""
        return await self.store.run(lambda connection: _accounts(connection, self.facility))

    async def entries(
        self, account: str, *, after: datetime | None = None, before: datetime | None = None
    ) -> tuple[LedgerEntry, ...]:
        """What moved an account in the span, in order."""

        def read(connection: Connection) -> tuple[LedgerEntry, ...]:
            found = ledger.list(connection, self.facility, account=account, after=after, before=before)
            return tuple(map(_shown, found))

        return await self.store.run(read)

    async def charges(
        self,
        *,
        call: str | None = None,
        account: str | None = None,
        after: datetime | None = None,
        before: datetime | None = None,
    ) -> tuple[CallCharge, ...]:
        """The calls that were charged in the span, in order."""

        def read(connection: Connection) -> tuple[CallCharge, ...]:
            found = ledger.list(
                connection,
                self.facility,
                call=call,
                account=account,
                kinds=[Kind.CHARGE],
                after=after,
                before=before,
            )
            back = _refunded(connection, self.facility, call, after)
            return tuple(_charge(entry, back.get(entry.call or "", 0)) for entry in found)

        return await self.store.run(read)

    async def deposit(self, account: str, amount: int, *, event: str, provider: str, by: str, reason: str = "") -> bool:
        """Money came in; raises LedgerRefused for an account of nobody on record."""
        occasion = self._occasion(event, by, reason)

        def post(connection: Connection) -> None:
            _on_record(connection, self.facility, account)
            ledger_payments.deposit(connection, occasion, account=account, amount=amount, provider=provider)

        return await self._post(occasion, post)

    async def withdraw(self, account: str, amount: int, *, event: str, by: str, reason: str) -> bool:
        """A holder takes back funds of theirs."""

        occasion = self._occasion(event, by, reason)

        def post(connection: Connection) -> None:
            ledger_payments.withdraw(connection, occasion, account=account, amount=amount)

        return await self._post(occasion, post)

    async def refund(self, call: str, amount: int, *, event: str, by: str, reason: str) -> bool:
        """Give back what a call was charged."""
        occasion = self._occasion(event, by, reason)

        def post(connection: Connection) -> None:
            charged = ledger_holds.settlement(connection, self.facility, call)
            if charged is None or not charged.total:
                raise LedgerRefused("not_charged", f"call {call} was not charged")
            ledger_payments.refund(connection, occasion, call=call, amount=amount)

        return await self._post(occasion, post)

    async def _post(self, occasion: Occasion, post: Callable[[Connection], None]) -> bool:
        """Whether it was posted now, and not before."""

        def work(connection: Connection) -> bool:
            ledger.join(connection)
            known = ledger.find(connection, self.facility, occasion.event) is not None
            try:
                post(connection)
            except tuple(REFUSALS) as error:
                raise LedgerRefused(REFUSALS[type(error)], str(error)) from error
            return not known

        return await self.store.run(work)

    def _occasion(self, event: str, by: str, reason: str) -> Occasion:
        by = f"plugin:{self.plugin} {by}"[:LONGEST_NAME]
        return Occasion(facility=self.facility, event=event, by=by, at=self.now(), reason=reason[:LONGEST_REASON])


def _balance(connection: Connection, facility: str, account: str) -> Balance:
    found = ledger_balances.of(connection, facility, account)
    return Balance(found.available, found.held)


def _account(connection: Connection, facility: str, holder: Holder, reference: str) -> str | None:
    match holder:
        case Holder.RESIDENT:
            found = residents.by_number(connection, facility, reference)
            return None if found is None else ledger_accounts.name(AccountKind.RESIDENT, found.id)
        case Holder.VISITOR:
            known = visitors.by_reference(connection, facility, reference)
            return None if known is None else ledger_accounts.name(AccountKind.VISITOR, known.id)
    return ledger_accounts.FACILITY


def _accounts(connection: Connection, facility: str) -> tuple[Account, ...]:
    moved = ledger_accounts.moved(connection, facility)
    people = _people(connection, facility)
    balances = ledger_balances.of_holders(connection, facility)
    shown: list[Account] = []
    for each in ledger_accounts.list(connection, facility):
        name, reference = people.get(each.id, ("", ""))
        found = balances[each.id]
        shown.append(
            Account(
                id=each.id,
                holder=Holder(each.kind.value),
                owner=each.owner,
                name=name,
                reference=reference,
                opened=each.opened,
                moved=moved.get(each.id, each.opened),
                balance=Balance(found.available, found.held),
            )
        )
    return tuple(shown)


def _people(connection: Connection, facility: str) -> dict[str, tuple[str, str]]:
    """Name and reference of everybody on record, by their account."""
    inside = residents.list(connection, facility, limit=None)
    outside = visitors.list(connection, facility, limit=None)
    return {ledger_accounts.name(AccountKind.RESIDENT, each.id): (each.name, each.number) for each in inside} | {
        ledger_accounts.name(AccountKind.VISITOR, each.id): (each.name, each.reference) for each in outside
    }


def _on_record(connection: Connection, facility: str, account: str) -> None:
    """Raise LedgerRefused for an account whose holder the facility does not know: money would be lost in it."""
    kind, owner = ledger_accounts.parse(account)
    theirs: str | None = None
    if kind is AccountKind.RESIDENT and (resident := residents.several(connection, [owner]).get(owner)):
        theirs = resident.facility
    if kind is AccountKind.VISITOR and (visitor := visitors.several(connection, [owner]).get(owner)):
        theirs = visitor.facility
    if theirs != facility and kind is not AccountKind.FACILITY:
        raise LedgerRefused("no_such_account", f"nobody on record at {facility} has the account {account}")


def _shown(entry: Entry) -> LedgerEntry:
    """An entry as its holder sees it: what is held is still theirs until the call is settled."""
    theirs = entry.moves.get(entry.account, 0)
    aside = sum(amount for id, amount in entry.moves.items() if _kind(id) is AccountKind.HELD)
    return LedgerEntry(
        number=entry.id,
        event=entry.event,
        kind=entry.kind.value,
        at=entry.at,
        amount=theirs + aside,
        set_aside=aside,
        taxes=_taxes(entry),
        call=entry.call,
        by=entry.by,
        reason=entry.reason,
    )


def _charge(entry: Entry, refunded: int) -> CallCharge:
    return CallCharge(
        call=entry.call or "",
        account=entry.account,
        at=entry.at,
        amount=entry.moves.get(ledger_accounts.REVENUE, 0),
        taxes=_taxes(entry),
        refunded=refunded,
    )


def _taxes(entry: Entry) -> tuple[tuple[str, int], ...]:
    found = ((ledger_accounts.parse(id), amount) for id, amount in entry.moves.items())
    return tuple(sorted((owner, amount) for (kind, owner), amount in found if kind is AccountKind.TAX))


def _kind(account: str) -> AccountKind:
    return ledger_accounts.parse(account)[0]


def _refunded(connection: Connection, facility: str, call: str | None, after: datetime | None) -> dict[str, int]:
    """What was given back of each call; a refund never comes before its charge."""
    back: dict[str, int] = {}
    for entry in ledger.list(connection, facility, call=call, kinds=[Kind.REFUND], after=after):
        back[entry.call or ""] = back.get(entry.call or "", 0) + entry.moves.get(entry.account, 0)
    return back
