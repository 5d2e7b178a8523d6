"""The plugin's table of payments."""

from datetime import datetime

from sqlalchemy import Connection, RowMapping, insert, select, update

from .payment import Payment, State
from .tables import moment, payments, seconds


def put(connection: Connection, facility: str, payment: Payment) -> None:
    """Write down a payment that somebody means to make."""
    connection.execute(
        insert(payments).values(
            id=payment.id,
            facility=facility,
            account=payment.account,
            amount=payment.amount,
            provider=payment.provider,
            asked_by=payment.by,
            asked=seconds(payment.asked),
            state=payment.state.value,
        )
    )


def get(connection: Connection, facility: str, id: str) -> Payment | None:
    """The payment of that id."""
    row = (
        connection.execute(select(payments).where(payments.c.facility == facility, payments.c.id == id))
        .mappings()
        .first()
    )
    return None if row is None else _payment(row)


def by_reference(connection: Connection, facility: str, provider: str, reference: str) -> Payment | None:
    """The payment that a provider confirmed under its own name for it."""
    those = select(payments).where(payments.c.facility == facility, payments.c.provider == provider)
    row = connection.execute(those.where(payments.c.reference == reference)).mappings().first()
    return None if row is None else _payment(row)


def latest(connection: Connection, facility: str, limit: int = 200) -> tuple[Payment, ...]:
    """The last payments, the latest first."""
    those = select(payments).where(payments.c.facility == facility).order_by(payments.c.asked.desc(), payments.c.id)
    return tuple(map(_payment, connection.execute(those.limit(limit)).mappings()))


def confirm(connection: Connection, payment: str, reference: str, amount: int, at: datetime) -> None:
    """The provider says that it was made, and how much really came."""
    confirmed = {"state": State.CONFIRMED.value, "reference": reference, "amount": amount, "settled": seconds(at)}
    connection.execute(update(payments).where(payments.c.id == payment).values(confirmed))


def refunded(connection: Connection, payment: str) -> None:
    """The provider gave it back."""
    connection.execute(update(payments).where(payments.c.id == payment).values(state=State.REFUNDED.value))


def _payment(row: RowMapping) -> Payment:
    return Payment(
        id=row["id"],
        account=row["account"],
        amount=row["amount"],
        provider=row["provider"],
        by=row["asked_by"],
        asked=moment(row["asked"]),
        state=State(row["state"]),
        reference=row["reference"],
    )
