"""The ledger that plugins are given, in memory, with what a test says was paid in and charged."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from parloir.api import Account, Balance, CallCharge, Holder, LedgerEntry, LedgerRefused


@dataclass(frozen=True)
class _Posted:
    account: str
    entry: LedgerEntry


class SampleLedger:
    """A facility's accounts. A test lets it `know` people, pays in with `fill`, and settles calls with `charge`."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._posted: list[_Posted] = []
        self._charges: dict[str, CallCharge] = {}
        self._known: dict[tuple[Holder, str], tuple[str, str]] = {}

    def know(self, holder: Holder, reference: str, owner: str, name: str = "") -> str:
        """Let the facility know a resident or a visitor by its own number for them; answers the account."""
        account = f"{holder}:{owner}"
        self._known[holder, reference] = (account, name)
        return account

    def fill(self, account: str, amount: int) -> None:
        """Pay money in, now."""
        self._post(account, "deposit", f"filled:{len(self._posted)}", amount)

    def hold(self, account: str, call: str, amount: int) -> None:
        """Set money aside for a call, as the gateway does before it is connected."""
        self._post(account, "hold", f"hold:{call}", 0, set_aside=amount, call=call)

    def charge(self, charge: CallCharge) -> None:
        """Settle a call, as the gateway does at its end; what was held for it and not charged is available again."""
        account, call = charge.account, charge.call
        held = sum(each.entry.set_aside for each in self._posted if each.entry.call == call)
        self._charges[call] = charge
        self._post(account, "charge", f"settle:{call}", -charge.total, set_aside=-held, taxes=charge.taxes, call=call)

    async def balance(self, account: str) -> Balance:
        """See parloir.api.Ledger."""
        return self._balance(account)

    async def account(self, holder: Holder, reference: str) -> str | None:
        """See parloir.api.Ledger."""
        return self._known[holder, reference][0] if (holder, reference) in self._known else None

    async def accounts(self) -> tuple[Account, ...]:
        """See parloir.api.Ledger."""
        return tuple(self._account(id) for id in dict.fromkeys(each.account for each in self._posted))

    async def entries(
        self, account: str, *, after: datetime | None = None, before: datetime | None = None
    ) -> tuple[LedgerEntry, ...]:
        """See parloir.api.Ledger."""
        return tuple(entry for entry in self._of(account) if _within(entry.at, after, before))

    async def charges(
        self,
        *,
        call: str | None = None,
        account: str | None = None,
        after: datetime | None = None,
        before: datetime | None = None,
    ) -> tuple[CallCharge, ...]:
        """See parloir.api.Ledger."""
        return tuple(
            each
            for each in self._charges.values()
            if call in (None, each.call) and account in (None, each.account) and _within(each.at, after, before)
        )

    async def deposit(self, account: str, amount: int, *, event: str, provider: str, by: str, reason: str = "") -> bool:
        """See parloir.api.Ledger."""
        return self._post(account, "deposit", event, amount, by=by, reason=reason)

    async def withdraw(self, account: str, amount: int, *, event: str, by: str, reason: str) -> bool:
        """See parloir.api.Ledger."""
        if self._find(event) is None and amount > self._balance(account).available:
            raise LedgerRefused("not_enough", f"{account} has less than that available")
        return self._post(account, "withdrawal", event, -amount, by=by, reason=reason)

    async def refund(self, call: str, amount: int, *, event: str, by: str, reason: str) -> bool:
        """See parloir.api.Ledger."""
        charge = self._charges.get(call)
        if charge is None:
            raise LedgerRefused("not_charged", f"call {call} was not charged")
        if self._find(event) is None:
            if amount > charge.total - charge.refunded:
                raise LedgerRefused("over_charge", f"call {call} was charged less than that, or was refunded before")
            self._charges[call] = replace(charge, refunded=charge.refunded + amount)
        return self._post(charge.account, "refund", event, amount, call=call, by=by, reason=reason)

    def _post(self, account: str, kind: str, event: str, amount: int, **facts: Any) -> bool:
        entry = LedgerEntry(
            number=len(self._posted) + 1, event=event, kind=kind, at=self._now(), amount=amount, **facts
        )
        if known := self._find(event):
            if (known.account, known.entry.kind, known.entry.amount) != (account, kind, amount):
                raise LedgerRefused("event_used", f"{event} was posted already, as something else")
            return False
        self._posted.append(_Posted(account, entry))
        return True

    def _find(self, event: str) -> _Posted | None:
        return next((each for each in self._posted if each.entry.event == event), None)

    def _of(self, account: str) -> list[LedgerEntry]:
        return [each.entry for each in self._posted if each.account == account]

    def _balance(self, account: str) -> Balance:
        held = sum(entry.set_aside for entry in self._of(account))
        return Balance(sum(entry.amount for entry in self._of(account)) - held, held)

    def _account(self, id: str) -> Account:
        kind, _, owner = id.partition(":")
        known = [(key[1], name) for key, (account, name) in self._known.items() if account == id]
        reference, name = known[0] if known else ("", "")
        moments = [entry.at for entry in self._of(id)]
        return Account(
            id=id,
            holder=Holder(kind),
            owner=owner,
            name=name,
            reference=reference,
            opened=min(moments),
            moved=max(moments),
            balance=self._balance(id),
        )


def _within(at: datetime, after: datetime | None, before: datetime | None) -> bool:
    return (after is None or at >= after) and (before is None or at < before)
