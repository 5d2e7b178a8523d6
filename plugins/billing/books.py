"""What the ledger and the records say about accounts and calls, put together for staff and for holders."""

from dataclasses import dataclass
from datetime import timedelta

from parloir.api import Account, Balance, Facility, Holder

from . import refund_requests, traffic_book
from .cashier import Refused
from .cost import Cost, costs
from .idle import Idle, idle
from .refund_requests import RefundRequest
from .report import Report, report
from .settings import BillingSettings
from .statement import Month, Statement, statement

LONGEST_CALL = timedelta(days=1)


@dataclass(frozen=True)
class Books:
    """One facility's."""

    settings: BillingSettings
    facility: Facility

    def month(self, text: str | None) -> Month:
        """The month that is named, or this one; raises Refused."""
        if not text:
            return Month.of(self.facility.now(), self.facility.timezone)
        try:
            return Month.read(text)
        except ValueError as error:
            raise Refused("bad_month", str(error)) from None

    async def statement(self, account: str, month: Month) -> Statement:
        """A month of an account; raises Refused for one that was never opened."""
        found = next((each for each in await self.facility.ledger.accounts() if each.id == account), None)
        if found is None:
            raise Refused("no_such_account", f"no account {account[:100]!r} was ever opened")
        return await self.statement_of(found, month)

    async def statement_of(self, account: Account, month: Month) -> Statement:
        """A month of an account."""
        start, end = month.span(self.facility.timezone)
        entries = await self.facility.ledger.entries(account.id, before=end)
        wanted = {entry.call for entry in entries if entry.call and entry.at >= start}
        known = await self.facility.store.run(lambda connection: traffic_book.of_calls(connection, wanted))
        return statement(self.facility.name, account, month, self.facility.timezone, entries, known)

    async def report(self, month: Month) -> Report:
        """The facility's month. Calls count where they were opened, charges where they were settled."""
        start, end = month.span(self.facility.timezone)
        id, ledger = self.facility.id, self.facility.ledger
        carried = await self.facility.store.run(lambda connection: traffic_book.within(connection, id, start, end))
        return report(carried, await ledger.charges(after=start, before=end), await ledger.accounts())

    async def costs(self, month: Month) -> tuple[Cost, ...]:
        """What each call of a month cost to carry."""
        start, end = month.span(self.facility.timezone)
        id = self.facility.id
        carried = await self.facility.store.run(lambda connection: traffic_book.within(connection, id, start, end))
        charges = await self.facility.ledger.charges(after=start, before=end + LONGEST_CALL)
        return costs(carried, charges, self.settings.prices)

    async def idle(self) -> tuple[Idle, ...]:
        """The accounts whose money nobody moves."""
        return idle(await self.facility.ledger.accounts(), self.facility.now(), self.settings.idle_days)

    async def account_of(self, holder: Holder, number: str) -> str:
        """The account of somebody on record; raises Refused."""
        if (account := await self.facility.ledger.account(holder, number)) is None:
            raise Refused("nobody", f"no {holder} has the number {number[:32]!r} here")
        return account

    async def balance(self, account: str) -> Balance:
        """What an account has."""
        return await self.facility.ledger.balance(account)

    async def refund(self, call: str, amount: int | None, by: str, reason: str) -> int:
        """Give back all, or some, of what a call was charged; how much that was. Raises Refused, LedgerRefused.

        The event names what had been given back before, so that an order sent twice is carried out once.
        """
        charge = next(iter(await self.facility.ledger.charges(call=call)), None)
        if charge is None:
            raise Refused("not_charged", f"call {call[:64]!r} was not charged")
        left = charge.total - charge.refunded
        wanted = left if amount is None else amount
        if not 0 < wanted <= left:
            raise Refused("over_charge", "that is more than the call was charged, less what was given back before")
        event = f"refund:{call}:{charge.refunded}"
        await self.facility.ledger.refund(call, wanted, event=event, by=by, reason=reason)
        id, now = self.facility.id, self.facility.now()
        await self.facility.store.run(
            lambda connection: refund_requests.grant_for(connection, id, call, by, reason, now)
        )
        return wanted

    async def ask_refund(self, visitor: str, words: str, *, call: str | None, visit: str | None) -> RefundRequest:
        """Keep a visitor's request for a call of theirs: the one named, or their last one. Raises Refused."""
        theirs = await self.facility.records.calls(visitor=visitor)
        fitting = [
            each
            for each in theirs
            if call in (None, each.id) and (visit is None or (each.visit is not None and each.visit.id == visit))
        ]
        if not fitting:
            raise Refused("no_such_call", "you had no such call")
        id, now, last = self.facility.id, self.facility.now(), fitting[-1].id
        return await self.facility.store.run(
            lambda connection: refund_requests.ask(connection, id, last, visitor, words, now)
        )
