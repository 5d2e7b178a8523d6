"""The books as a proof keeps them: every entry is taken in its order, and what it may not be is said."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from parloir.store import ledger_accounts
from parloir.store.ledger import Kind
from parloir.store.ledger_accounts import FACILITY, HOLDERS, PREPAID, REVENUE, WITHDRAWALS, AccountKind
from parloir.store.ledger_errors import NoSuchAccount
from parloir.store.ledger_rows import Row

Moves = dict[str, int]


@dataclass(frozen=True)
class Fault:
    """One thing that is not as it must be: where (an entry, a call, an account ...), and what is wrong there."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True)
class Pending:
    """A hold that the entries so far leave open."""

    facility: str
    payer: str
    amount: int
    entry: int
    expires: object


@dataclass
class Books:
    """What all entries taken so far come to. Give them in their order.

    `balances` has those that are not 0, by facility and account; `held` the open holds by their calls.
    """

    balances: dict[tuple[str, str], int] = field(default_factory=dict)
    held: dict[str, Pending] = field(default_factory=dict)
    entries: int = 0
    postings: int = 0
    _charged: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """What all accounts come to: 0."""
        return sum(self.balances.values())

    def take(self, row: Row) -> Iterator[Fault]:
        """Take an entry in, and say what is wrong with it."""
        self.entries += 1
        self.postings += len(row.postings)
        where = f"entry {row.id}"
        wrong = self._wrong(row)
        if wrong:
            yield Fault(where, wrong)
            return
        assert row.columns is not None
        moves = {account: amount for _, account, amount in row.postings}
        yield from (Fault(where, each) for each in self._judged(row.columns, row.id, moves))
        yield from (Fault(where, each) for each in self._moved(row.columns["facility"], moves))

    def _wrong(self, row: Row) -> str | None:
        """Why an entry cannot even be added up."""
        if row.columns is None:
            return "cannot be read"
        if any(type(amount) is not int or amount == 0 for _, _, amount in row.postings):
            return "moves what is no amount"
        if any(facility != row.columns["facility"] for facility, _, _ in row.postings):
            return "moves money of another facility"
        for account in (row.columns["account"], *(account for _, account, _ in row.postings)):
            try:
                ledger_accounts.parse(str(account))
            except NoSuchAccount:
                return f"names no account: {account!r}"
        return None

    def _moved(self, facility: str, moves: Moves) -> Iterator[str]:
        total = sum(moves.values())
        if total:
            yield f"comes to {total} and not to 0"
        for account, amount in moves.items():
            balance = self.balances.pop((facility, account), 0) + amount
            if balance:
                self.balances[facility, account] = balance
            if balance < 0 and _kind(account) in (*PREPAID, AccountKind.HELD):
                yield f"leaves {account} at {balance}, below 0"

    def _judged(self, entry: Mapping[str, object], id: int, moves: Moves) -> Iterator[str]:
        rules: dict[str, Callable[[Mapping[str, object], int, Moves], Iterator[str]]] = {
            Kind.DEPOSIT: self._deposit,
            Kind.WITHDRAWAL: self._withdrawal,
            Kind.HOLD: self._hold,
            Kind.CHARGE: self._settlement,
            Kind.RELEASE: self._settlement,
            Kind.REFUND: self._refund,
        }
        rule = rules.get(str(entry["kind"]))
        if rule is None:
            yield f"is of no known kind: {entry['kind']!r}"
            return
        if _kind(str(entry["account"])) not in HOLDERS:
            yield f"is of {entry['account']}, which holds no one's money"
        yield from rule(entry, id, moves)

    def _deposit(self, entry: Mapping[str, object], id: int, moves: Moves) -> Iterator[str]:
        others = [account for account in moves if account != entry["account"]]
        if _own(entry, moves) <= 0 or [_kind(each) for each in others] != [AccountKind.DEPOSITS]:
            yield "is no deposit: it does not move from a provider to its account alone"

    def _withdrawal(self, entry: Mapping[str, object], id: int, moves: Moves) -> Iterator[str]:
        if _own(entry, moves) >= 0 or moves.keys() != {str(entry["account"]), WITHDRAWALS}:
            yield "is no withdrawal: it does not move from its account alone"

    def _hold(self, entry: Mapping[str, object], id: int, moves: Moves) -> Iterator[str]:
        call, payer = str(entry["call"]), str(entry["account"])
        amount = moves.get(ledger_accounts.held(call), 0)
        if entry["event"] != f"hold:{call}" or moves.keys() - {payer, ledger_accounts.held(call)} or amount < 0:
            yield "is no hold: it does not move from its account to what is held for its call"
        if entry["expires"] is None:
            yield "is a hold that never expires"
        if amount == 0 and payer != FACILITY:
            yield "holds nothing"
        self.held[call] = Pending(str(entry["facility"]), payer, amount, id, entry["expires"])

    def _settlement(self, entry: Mapping[str, object], id: int, moves: Moves) -> Iterator[str]:
        call, payer = str(entry["call"]), str(entry["account"])
        pending = self.held.pop(call, None)
        if pending is None:
            yield f"settles call {call}, which has no open hold"
        elif (pending.facility, pending.payer, -pending.amount) != (
            entry["facility"],
            payer,
            moves.get(ledger_accounts.held(call), 0),
        ):
            yield f"does not settle what entry {pending.entry} holds"
        taken = {each: amount for each, amount in moves.items() if each not in (payer, ledger_accounts.held(call))}
        if entry["event"] != f"settle:{call}" or not _is_income(taken, 1):
            yield "is no settlement: it does not move to revenue, taxes and its payer alone"
        if (sum(taken.values()) > 0) is not (entry["kind"] == Kind.CHARGE):
            yield f"is a {entry['kind']} that charges {sum(taken.values())}"
        if payer != FACILITY and moves.get(payer, 0) < 0:
            yield "charges more than was held"
        self._charged[str(entry["facility"]), call] = sum(taken.values())

    def _refund(self, entry: Mapping[str, object], id: int, moves: Moves) -> Iterator[str]:
        call, amount = (str(entry["facility"]), str(entry["call"])), _own(entry, moves)
        given = {each: part for each, part in moves.items() if each != entry["account"]}
        if amount <= 0 or not all(_kind(each) in (AccountKind.REVENUE, AccountKind.TAX) for each in given):
            yield "is no refund: it does not move from revenue and taxes to its account"
        self._charged[call] = self._charged.get(call, 0) - amount
        if self._charged[call] < 0:
            yield f"refunds more of call {entry['call']} than it was charged"


def _is_income(moves: Moves, sign: int) -> bool:
    return all(
        (account == REVENUE or _kind(account) is AccountKind.TAX) and amount * sign > 0
        for account, amount in moves.items()
    )


def _own(entry: Mapping[str, object], moves: Moves) -> int:
    return moves.get(str(entry["account"]), 0)


def _kind(account: str) -> AccountKind:
    return ledger_accounts.parse(account)[0]
