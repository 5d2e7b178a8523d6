"""Accounts whose money nobody moves, so that a refund can be tried before the law makes it somebody else's. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from parloir.api import Account, Holder


@dataclass(frozen=True)
class Idle:
    """One such account, for how many whole days it has not moved; `due` says that a refund should be tried now."""

    account: Account
    days: int
    due: bool


def idle(accounts: Iterable[Account], now: datetime, days: int, warn: int = 30) -> tuple[Idle, ...]:
    """Residents' and visitors' accounts with money and without movement, the longest first.

    Those too whose `days` are over within `warn` days.
    """
    found = [
        Idle(account, (now - account.moved) // timedelta(days=1), now - account.moved >= timedelta(days=days))
        for account in accounts
        if account.holder is not Holder.FACILITY and account.balance.available > 0
    ]
    return tuple(sorted((each for each in found if each.days >= days - warn), key=lambda each: -each.days))
