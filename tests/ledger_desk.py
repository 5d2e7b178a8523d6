"""A ledger for tests: calls with their timelines, and money that moves at a clock which the test turns."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from parloir.store import calls, ledger_balances, ledger_checkpoints, ledger_holds, ledger_payments, ledger_proof
from parloir.store.calls import Call, CallClass, WayIn
from parloir.store.ledger import Entry
from parloir.store.ledger_balances import Balance
from parloir.store.ledger_holds import Due, Hold, Settlement, Wanted
from parloir.store.ledger_payments import Occasion

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RESIDENT = "resident:r1"
VISITOR = "visitor:v1"
CENT = 10_000


@dataclass
class LedgerDesk:
    """What a gateway does with money, said in few words. `now` may go back: clocks do."""

    facility: str = "north"
    now: datetime = START
    monotonic: int = 0
    ends: dict[str, datetime] = field(default_factory=dict)

    def deposit(self, connection: Connection, amount: int, event: str = "d1", account: str = RESIDENT) -> Entry:
        occasion = self.occasion(event, "")
        return ledger_payments.deposit(connection, occasion, account=account, amount=amount, provider="kiosk")

    def withdraw(self, connection: Connection, amount: int, event: str, account: str = RESIDENT) -> Entry:
        return ledger_payments.withdraw(connection, self.occasion(event, "released"), account=account, amount=amount)

    def occasion(self, event: str, reason: str) -> Occasion:
        return Occasion(facility=self.facility, event=event, by="clerk", at=self.now, reason=reason)

    def open(self, connection: Connection, call: str) -> None:
        row = Call(call, None, self.facility, "pod-a-1", WayIn.INSIDE, CallClass.ORDINARY, self.now)
        calls.add(connection, row)

    def end(self, connection: Connection, call: str) -> None:
        calls.finish(connection, call, self.now, "PhoneHungUp")

    def hold(self, connection: Connection, call: str, amount: int, payer: str = RESIDENT) -> Hold:
        expires = self.now + timedelta(hours=2)
        wanted = Wanted(facility=self.facility, call=call, payer=payer, amount=amount, expires=expires)
        return ledger_holds.place(connection, wanted, at=self.now, monotonic=self.monotonic)

    def settle(self, connection: Connection, call: str, charge: int, taxes: dict[str, int] | None = None) -> Settlement:
        due = Due(call=call, charge=charge, taxes=taxes or {})
        return ledger_holds.settle(connection, due, at=self.now, monotonic=self.monotonic)

    def refund(self, connection: Connection, call: str, amount: int, event: str) -> Entry:
        return ledger_payments.refund(connection, self.occasion(event, "bad picture"), call=call, amount=amount)

    def balance(self, connection: Connection, account: str = RESIDENT) -> Balance:
        return ledger_balances.of(connection, self.facility, account)

    def checkpoint(self, connection: Connection) -> None:
        through = ledger_checkpoints.settled(connection)
        while ledger_checkpoints.take(connection, through, self.now):
            pass

    def faults(self, connection: Connection) -> list[str]:
        return [str(fault) for fault in ledger_proof.verify(connection, self.now).faults]
