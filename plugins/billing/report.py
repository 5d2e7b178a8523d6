"""What a facility took in over a time, and how long its people talked. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from parloir.api import Account, CallCharge, Holder, Medium

from .traffic import Traffic


@dataclass
class Talked:
    """Calls by one medium, and of them those that cost something; whole seconds talked in each."""

    calls: int = 0
    seconds: int = 0
    paid_calls: int = 0
    paid_seconds: int = 0


@dataclass
class Report:
    """Micro-dollars: charged for calls, each tax by its code, given back; what is in the accounts of each holder."""

    charged: int = 0
    taxes: dict[str, int] = field(default_factory=dict)
    refunded: int = 0
    by_medium: dict[Medium, Talked] = field(default_factory=lambda: {medium: Talked() for medium in Medium})
    privileged_calls: int = 0
    privileged_seconds: int = 0
    balances: dict[Holder, int] = field(default_factory=lambda: dict.fromkeys(Holder, 0))

    @property
    def kept(self) -> int:
        """The revenue and taxes that were not given back."""
        return self.charged + sum(self.taxes.values()) - self.refunded


def report(calls: Iterable[Traffic], charges: Iterable[CallCharge], accounts: Iterable[Account]) -> Report:
    """Of calls opened, and charges made, in the same time; accounts are as they stand now."""
    found = Report()
    paid = set[str]()
    for charge in charges:
        paid.add(charge.call)
        found.charged += charge.amount
        found.refunded += charge.refunded
        for code, tax in charge.taxes:
            found.taxes[code] = found.taxes.get(code, 0) + tax
    for call in calls:
        if call.seconds == 0:
            continue
        if call.privileged:
            found.privileged_calls += 1
            found.privileged_seconds += call.seconds
            continue
        _count(found.by_medium[call.medium], call, paid=call.call in paid)
    for account in accounts:
        found.balances[account.holder] += account.balance.total
    return found


def _count(talked: Talked, call: Traffic, *, paid: bool) -> None:
    talked.calls += 1
    talked.seconds += call.seconds
    talked.paid_calls += paid
    talked.paid_seconds += call.seconds * paid
