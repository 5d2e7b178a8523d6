"""The billing plugin: who pays, what a call costs, and what a facility does with money around that."""

from parloir.api import Announcement, Call, CallClass, Cap, CapKind, Facility, Payer, PayerKind, Tariff, hookimpl

from .settings import BillingSettings
from .tariff import tariff
from .till import Till
from .words import LOW_BALANCE

WARNINGS = (60, 10)


class Billing:
    """One facility's billing."""

    api = 1
    Settings = BillingSettings

    def __init__(self, settings: BillingSettings, facility: Facility) -> None:
        self._settings = settings
        self._facility = facility
        self._till = Till(settings, facility)

    @hookimpl
    async def choose_payer(self, call: Call) -> Payer | None:
        """Nobody for what is free; else the first account that has money."""
        return await self._till.payer(call, await self._till.free(call))

    @hookimpl
    async def rate_call(self, call: Call) -> Tariff:
        """The rate that fits, from the end of the resident's free minutes on."""
        free = await self._till.free(call)
        return tariff(self._settings, call, self._facility.timezone, (free.seconds or 0) if free else 0)

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
