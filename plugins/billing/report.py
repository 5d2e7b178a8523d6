"""What a facility took in over a time, and how long its people talked. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from parloir.api import Account, Call, CallCharge, CallClass, Holder, Medium

from .which import medium_of


@dataclass
class Talked:
    """Calls answered by one medium, and of them those that cost something; whole seconds talked in each."""

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


def report(calls: Iterable[Call], charges: Iterable[CallCharge], accounts: Iterable[Account]) -> Report:
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
        if call.talked == 0:
            continue
        if call.call_class is CallClass.PRIVILEGED:
            found.privileged_calls += 1
            found.privileged_seconds += call.talked
            continue
        _count(found.by_medium[medium_of(call)], call, paid=call.id in paid)
    for account in accounts:
        found.balances[account.holder] += account.balance.total
    return found


def _count(talked: Talked, call: Call, *, paid: bool) -> None:
    talked.calls += 1
    talked.seconds += call.talked
    talked.paid_calls += paid
    talked.paid_seconds += call.talked * paid
