"""Takes deposits through a payment provider into the ledger, and gives them back."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NoReturn

from parloir.api import Alert, Facility, Severity

from . import payment_book
from .money import dollars
from .payment import Checkout, Confirmation, Payment, Provider, State
from .settings import Payments


class Refused(Exception):
    """What was asked of billing cannot be done; `code` in a word, the text says what to change."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Cashier:
    """One facility's. Money is in the ledger only once the provider has confirmed it, and then once."""

    facility: Facility
    settings: Payments
    provider: Provider

    async def begin(self, account: str, amount: int, by: str) -> tuple[Payment, Checkout]:
        """A payment into an account; raises Refused for an amount out of bounds."""
        least, most = self.settings.least, self.settings.most
        if not least <= amount <= most or amount % 10_000:
            raise Refused("bad_amount", f"pay ${dollars(least)} to ${dollars(most)}, in whole cents")
        payment = Payment(secrets.token_hex(16), account, amount, self.settings.provider, by, self.facility.now())
        id = self.facility.id
        await self.facility.store.run(lambda connection: payment_book.put(connection, id, payment))
        return payment, await self.provider.create(payment)

    async def confirm(self, raw: bytes, headers: Mapping[str, str]) -> Payment | None:
        """Take in what a webhook confirms; None for one about something else. Raises Forged, Refused, LedgerRefused.

        The event in the ledger is the provider's own id of the payment, so one told twice is deposited once.
        """
        told = await self.provider.confirm(raw, headers, self.facility.now())
        if told is None:
            return None
        payment = await self._get(told.payment)
        if payment.state is not State.ASKED:
            return self._again(payment, told)
        await self._is_new(payment, told)
        await self.facility.ledger.deposit(
            payment.account,
            told.amount,
            event=f"payment:{payment.provider}:{told.reference}",
            provider=payment.provider,
            by=payment.by,
            reason=f"payment {payment.id}",
        )
        now = self.facility.now()
        await self.facility.store.run(
            lambda connection: payment_book.confirm(connection, payment.id, told.reference, told.amount, now)
        )
        return replace(payment, state=State.CONFIRMED, reference=told.reference, amount=told.amount)

    async def refund(self, id: str, by: str, reason: str) -> Payment:
        """Give a payment back to whoever made it; what was spent of it cannot be. Raises Refused, LedgerRefused.

        The money leaves the account first. Where the provider then fails, asking again goes on from there.
        """
        payment = await self._get(id)
        if payment.state is State.ASKED:
            raise Refused("not_paid", f"payment {id} was never confirmed")
        if payment.state is State.REFUNDED:
            return payment
        event = f"payment-refund:{id}"
        await self.facility.ledger.withdraw(payment.account, payment.amount, event=event, by=by, reason=reason)
        await self.provider.refund(payment, payment.amount, event)
        await self.facility.store.run(lambda connection: payment_book.refunded(connection, id))
        return replace(payment, state=State.REFUNDED)

    async def payments(self) -> tuple[Payment, ...]:
        """The last payments, the latest first."""
        id = self.facility.id
        return await self.facility.store.run(lambda connection: payment_book.latest(connection, id))

    async def find(self, id: str) -> Payment | None:
        """The payment of that id."""
        here = self.facility.id
        return await self.facility.store.run(lambda connection: payment_book.get(connection, here, id))

    async def _get(self, id: str) -> Payment:
        if (payment := await self.find(id)) is None:
            raise Refused("no_such_payment", f"there is no payment {id[:32]!r} here")
        return payment

    def _again(self, payment: Payment, told: Confirmation) -> Payment:
        """A payment confirmed before: the same word again changes nothing; another is for people to look at."""
        if (payment.reference, payment.amount) != (told.reference, told.amount):
            self._doubt(payment, f"twice, as {payment.reference} and {told.reference}")
        return payment

    async def _is_new(self, payment: Payment, told: Confirmation) -> None:
        """Refuse a name of the provider's that it has given to another payment."""
        here, provider = self.facility.id, payment.provider
        other = await self.facility.store.run(
            lambda connection: payment_book.by_reference(connection, here, provider, told.reference)
        )
        if other is not None:
            self._doubt(payment, f"as {told.reference}, which is {other.id}")

    def _doubt(self, payment: Payment, how: str) -> NoReturn:
        text = f"{payment.provider} confirmed payment {payment.id} {how}"[:500]
        self.facility.raise_alert(Alert(severity=Severity.WARNING, code="paid_twice", text=text, subject=payment.id))
        raise Refused("paid_twice", "this payment does not go with what was confirmed before")
