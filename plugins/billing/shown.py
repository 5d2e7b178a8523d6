"""What billing's routes answer, as JSON: amounts as decimal text, times as ISO 8601 in UTC."""

from collections.abc import Sequence
from typing import Any

from parloir.api import Account, Balance

from .cost import Cost
from .idle import Idle
from .money import plain
from .payment import Checkout, Payment
from .refund_requests import RefundRequest
from .report import Report
from .statement import Statement


def balance(found: Balance) -> dict[str, str]:
    """What is there to spend, and what is set aside."""
    return {"available": plain(found.available), "held": plain(found.held)}


def account(found: Account) -> dict[str, Any]:
    """Whose it is, and how it stands."""
    return {
        "account": found.id,
        "holder": found.holder.value,
        "name": found.name,
        "number": found.reference,
        "opened": found.opened.isoformat(),
        "moved": found.moved.isoformat(),
        **balance(found.balance),
    }


def statement(found: Statement) -> dict[str, Any]:
    """A month of an account."""
    return {
        "account": found.account.id,
        "name": found.account.name,
        "month": str(found.month),
        "opening": plain(found.opening),
        "closing": plain(found.closing),
        "lines": [
            {
                "at": line.at.isoformat(),
                "kind": line.kind,
                "amount": plain(line.amount),
                "balance": plain(line.balance),
                "taxes": {code: plain(amount) for code, amount in line.taxes},
                "call": line.call,
                "seconds": line.seconds,
                "medium": line.medium.value if line.medium else None,
                "reason": line.reason,
            }
            for line in found.lines
        ],
    }


def report(found: Report) -> dict[str, Any]:
    """A facility's month."""
    return {
        "charged": plain(found.charged),
        "taxes": {code: plain(amount) for code, amount in sorted(found.taxes.items())},
        "refunded": plain(found.refunded),
        "kept": plain(found.kept),
        "media": {medium.value: vars(talked) for medium, talked in found.by_medium.items()},
        "privileged": {"calls": found.privileged_calls, "seconds": found.privileged_seconds},
        "balances": {holder.value: plain(amount) for holder, amount in found.balances.items()},
    }


def cost(found: Cost) -> dict[str, Any]:
    """What one call cost to carry, and what it was charged."""
    used = found.traffic
    return {
        "call": used.call,
        "at": used.at.isoformat(),
        "seconds": used.seconds,
        "medium": used.medium.value,
        "bytes": used.octets,
        "cpu_milliseconds": used.cpu,
        "compute": None if found.compute is None else plain(found.compute),
        "bandwidth": plain(found.bandwidth),
        "charged": plain(found.charged),
    }


def costs(found: Sequence[Cost]) -> dict[str, str]:
    """What many calls cost, and were charged, together."""
    return {
        "compute": plain(sum(each.compute or 0 for each in found)),
        "bandwidth": plain(sum(each.bandwidth for each in found)),
        "charged": plain(sum(each.charged for each in found)),
    }


def idle(found: Idle) -> dict[str, Any]:
    """An account whose money nobody moves."""
    return {**account(found.account), "days": found.days, "refund_due": found.due}


def request(found: RefundRequest) -> dict[str, Any]:
    """What a visitor asked, and what came of it."""
    return {
        "id": found.id,
        "call": found.call,
        "visitor": found.visitor,
        "words": found.words,
        "asked": found.asked.isoformat(),
        "state": found.state.value,
        "answer": found.answer,
    }


def payment(found: Payment, checkout: Checkout | None = None) -> dict[str, Any]:
    """A payment, and how its payer goes on."""
    told = {
        "id": found.id,
        "account": found.account,
        "amount": plain(found.amount),
        "provider": found.provider,
        "asked": found.asked.isoformat(),
        "state": found.state.value,
        "reference": found.reference,
    }
    return told if checkout is None else {**told, "url": checkout.url, "facts": dict(checkout.facts or {})}
