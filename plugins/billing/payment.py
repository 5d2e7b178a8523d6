"""The interface to whoever takes money in: what a payment is, and what a provider must be able to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol


class State(StrEnum):
    """Where a payment stands. Only a CONFIRMED one is in the ledger; a REFUNDED one was, and was taken out again."""

    ASKED = "asked"
    CONFIRMED = "confirmed"
    REFUNDED = "refunded"


@dataclass(frozen=True)
class Payment:
    """Money that somebody means to pay into an account: `id` is ours, `reference` the provider's once it is known."""

    id: str
    account: str
    amount: int
    provider: str
    by: str
    asked: datetime
    state: State = State.ASKED
    reference: str | None = None


@dataclass(frozen=True)
class Checkout:
    """How the payer goes on: the address of the provider's page, or facts for the portal's own."""

    url: str = ""
    facts: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Confirmation:
    """The provider's word that a payment was made: our id, its own, and how much really came, in micro-dollars."""

    payment: str
    reference: str
    amount: int


class Forged(Exception):
    """What came is not the provider's word: its signature is wrong, or it is too old."""


class Provider(Protocol):
    """Takes money in for a facility. Made once, as `Class(settings, secret)`; its calls may take a while."""

    async def create(self, payment: Payment) -> Checkout:
        """Begin a payment with the provider."""

    async def confirm(self, raw: bytes, headers: Mapping[str, str], now: datetime) -> Confirmation | None:
        """Read a webhook: what it confirms, None where it is about something else; raises Forged.

        Nothing in it may be believed before its signature was checked over `raw`.
        """

    async def refund(self, payment: Payment, amount: int, event: str) -> None:
        """Give money back to whoever paid. `event` is unique: asked twice with it, it is given once."""


GROUP = "parloir.payments"
"""The entry points by which providers are found: `NAME = package:Class`."""


class NoProvider(Exception):
    """No installed distribution brings the payment provider that the configuration names, or several do."""


def find(name: str, offered: Mapping[str, list[Any]]) -> Any:
    """The provider's class among those installed; raises NoProvider."""
    offers = offered.get(name, [])
    if len(offers) != 1:
        known = ", ".join(sorted(offered)) or "none"
        raise NoProvider(f"{len(offers)} payment providers are named {name!r}; installed: {known}")
    return offers[0].load()
