"""Who counts as a resident without money. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from parloir.api import Balance, LedgerEntry

from .settings import Indigent


def is_indigent(rule: Indigent, balance: Balance, entries: Iterable[LedgerEntry], now: datetime) -> bool:
    """Whether an account has less than the rule's amount, and less than that came in over its days."""
    since = now - timedelta(days=rule.days)
    came = sum(entry.amount for entry in entries if entry.kind == "deposit" and entry.at >= since)
    return balance.total < rule.below and came < rule.below
