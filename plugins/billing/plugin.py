"""The billing plugin: who pays, what a call costs, and what a facility does with money around that."""

from datetime import timedelta
from importlib.metadata import entry_points
from pathlib import Path

from sqlalchemy import MetaData

from parloir.api import (
    Alert,
    Announcement,
    Call,
    CallClass,
    Cap,
    CapKind,
    Commands,
    Facility,
    Happening,
    HttpRoute,
    Page,
    Payer,
    PayerKind,
    Severity,
    Tariff,
    Task,
    hookimpl,
)

from . import payment, tables, traffic_book
from .books import Books
from .cashier import Cashier
from .commands import add as add_all
from .payment_routes import PaymentRoutes
from .routes import READERS, Counter
from .sandbox import Sandbox
from .settings import BillingSettings, Payments
from .tariff import tariff
from .till import Till
from .traffic import REPORTS, traffic_of
from .words import LOW_BALANCE

WARNINGS = (60, 10)
DAY = 86_400
KEPT = timedelta(days=800)
"""How long it is remembered what a call carried."""


class Billing:
    """One facility's billing."""

    api = 1
    Settings = BillingSettings

    def __init__(self, settings: BillingSettings, facility: Facility) -> None:
        self.facility = facility
        self.books = Books(settings, facility)
        self.cashier = _cashier(facility, settings.payments) if settings.payments else None
        self._settings = settings
        self._till = Till(settings, facility)
        self._told: set[str] = set()

    @classmethod
    @hookimpl
    def register_tables(cls, metadata: MetaData) -> None:
        """Payments, refund requests, and what calls carried."""
        for table in tables.metadata.tables.values():
            table.to_metadata(metadata)

    @classmethod
    @hookimpl
    def register_commands(cls, commands: Commands) -> None:
        """Top-ups, refunds, statements, reports."""
        add_all(commands)

    @hookimpl
    async def choose_payer(self, call: Call) -> Payer | None:
        """Nobody for what is free; else the first account that has money."""
        return await self._till.payer(call, await self._till.free(call))

    @hookimpl
    async def rate_call(self, call: Call) -> Tariff:
        """The rate that fits, from the end of the resident's free minutes on."""
        free = await self._till.free(call)
        return tariff(self._settings, call, self.facility.timezone, (free.seconds or 0) if free else 0)

    @hookimpl
    async def limit_call(self, call: Call) -> Cap | None:
        """A call that is free for a while, and that nobody pays for then, ends then."""
        if call.call_class is CallClass.PRIVILEGED or call.payer is None or call.payer.kind is not PayerKind.NOBODY:
            return None
        free = await self._till.free(call)
        if free is None or free.seconds is None:
            return None
        return Cap(free.seconds, CapKind.HARD, "free_minutes", WARNINGS)

    @hookimpl
    async def announce_call(self, call: Call) -> Announcement | None:
        """Say when the account that pays runs low."""
        payer = call.payer
        if payer is None or payer.kind not in (PayerKind.RESIDENT, PayerKind.VISITOR):
            return None
        low = await self._till.available(payer) < self._settings.low_balance
        return LOW_BALANCE if low else None

    @hookimpl
    async def call_event(self, call: Call, event: Happening) -> None:
        """Remember what a call has carried, from each report of its media."""
        if event.kind in REPORTS:
            carried, facility = traffic_of(call, event.facts), self.facility.id
            await self.facility.store.run(lambda connection: traffic_book.put(connection, facility, carried))

    @hookimpl
    def register_routes(self) -> tuple[HttpRoute, ...]:
        """Accounts, statements, refunds; payments where there is a provider."""
        payments = PaymentRoutes(self.cashier).routes() if self.cashier else ()
        return (*Counter(self.books).routes(), *payments)

    @hookimpl
    def register_pages(self) -> tuple[Page, ...]:
        """One page for those who keep the books."""
        return (Page("Accounts", READERS, str(Path(__file__).resolve().with_name("accounts"))),)

    @hookimpl
    def register_tasks(self) -> tuple[Task, ...]:
        """Look once a day for money that nobody moves, and forget what is old."""
        return (Task("idle", DAY, self._look_for_idle), Task("forget", DAY, self._forget))

    async def _look_for_idle(self) -> None:
        due = {each.account.id for each in await self.books.idle() if each.due}
        if fresh := due - self._told:
            days = self._settings.idle_days
            text = f"{len(fresh)} accounts with money have not moved for {days} days: try a refund"
            self.facility.raise_alert(Alert(severity=Severity.NOTICE, code="idle_funds", text=text))
        self._told = due

    async def _forget(self) -> None:
        facility, before = self.facility.id, self.facility.now() - KEPT
        await self.facility.store.run(lambda connection: traffic_book.forget(connection, facility, before))


def _cashier(facility: Facility, settings: Payments) -> Cashier:
    offered = {"sandbox": [_Sandbox]}
    for entry in entry_points(group=payment.GROUP):
        offered.setdefault(entry.name, []).append(entry)  # type: ignore[arg-type]
    provider = payment.find(settings.provider, offered)
    return Cashier(facility, settings, provider(settings.settings, settings.secret.get_secret_value()))


class _Sandbox:
    """The sandbox, as an entry point names a provider."""

    @staticmethod
    def load() -> type[Sandbox]:
        return Sandbox
