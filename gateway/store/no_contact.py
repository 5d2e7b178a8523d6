"""No-contact orders: a court or the facility forbids a resident any contact with someone. They outrank everything."""

import builtins
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, insert, select, update

from parloir.store import audit, span
from parloir.store.errors import NoSuch
from parloir.store.people_tables import no_contact_orders as orders
from parloir.store.visitors import Visitor

LAST_DIGITS = 10
"""Telephone numbers are the same when these last digits are: with or without a country's prefix."""


@dataclass(frozen=True)
class Order:
    """One order. Whom it protects is a known visitor, or a name or telephone number where they never registered."""

    id: str
    facility: str
    resident: str
    visitor: str | None
    name: str | None
    phone: str | None
    docket: str | None
    start: datetime
    finish: datetime | None
    entered_by: str
    lifted: datetime | None = None
    lifted_by: str | None = None

    def in_force(self, at: datetime) -> bool:
        """Whether it holds at a moment."""
        return self.lifted is None and self.start <= at and (self.finish is None or at < self.finish)

    def bars(self, visitor: Visitor) -> bool:
        """Whether it is about this visitor: by id, by telephone number, or by the same name."""
        if self.visitor == visitor.id:
            return True
        if self.phone and visitor.phone and _digits(self.phone) == _digits(visitor.phone):
            return True
        return bool(self.name) and _plain(self.name or "") == _plain(visitor.name)

    def bars_number(self, phone: str) -> bool:
        """Whether it is about whoever has this telephone number."""
        return bool(self.phone) and _digits(self.phone or "") == _digits(phone)


def enter(
    connection: Connection,
    *,
    facility: str,
    resident: str,
    by: str,
    start: datetime,
    finish: datetime | None = None,
    visitor: str | None = None,
    name: str | None = None,
    phone: str | None = None,
    docket: str | None = None,
) -> Order:
    """Write down an order; it goes into the audit chain. Raises ValueError unless it says whom it protects."""
    if not (visitor or name or phone):
        raise ValueError("a no-contact order names a visitor, a name or a telephone number")
    id = secrets.token_hex(8)
    order = Order(id, facility, resident, visitor, name, phone, docket, start, finish, by)
    connection.execute(insert(orders).values(asdict(order)))
    facts = {"resident": resident, "visitor": visitor, "name": name, "docket": docket}
    audit.append(connection, by, "no_contact.entered", f"no_contact {id}", facts)
    return order


def lift(connection: Connection, id: str, *, by: str, reason: str, now: datetime) -> None:
    """End an order; it stays on record, and this goes into the audit chain. Raises NoSuch."""
    standing = (orders.c.id == id) & orders.c.lifted.is_(None)
    if connection.execute(update(orders).where(standing).values(lifted=now, lifted_by=by)).rowcount == 0:
        raise NoSuch("standing no-contact order", id)
    audit.append(connection, by, "no_contact.lifted", f"no_contact {id}", {"reason": reason}, at=now)


def of_resident(connection: Connection, resident: str, now: datetime) -> builtins.list[Order]:
    """The orders that a resident is under now."""
    standing = select(orders).where(orders.c.resident == resident, orders.c.lifted.is_(None), span.holds(orders, now))
    return [_order(row) for row in connection.execute(standing.order_by(orders.c.id)).mappings()]


def of_residents(connection: Connection, residents: Iterable[str]) -> builtins.list[Order]:
    """The orders that any of these residents is, was or will be under, without those that were lifted."""
    theirs = select(orders).where(orders.c.resident.in_(tuple(residents)), orders.c.lifted.is_(None))
    return [_order(row) for row in connection.execute(theirs.order_by(orders.c.id)).mappings()]


def between(
    connection: Connection, resident: str, visitors: Iterable[Visitor], now: datetime
) -> builtins.list[tuple[Order, Visitor]]:
    """Which of these visitors the resident may have no contact with now, and by which order."""
    standing = of_resident(connection, resident, now)
    return [(order, visitor) for visitor in visitors for order in standing if order.bars(visitor)]


def _digits(phone: str) -> str:
    return "".join(char for char in phone if char.isdigit())[-LAST_DIGITS:]


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def _order(row: RowMapping) -> Order:
    return Order(**{str(name): value for name, value in row.items()})
