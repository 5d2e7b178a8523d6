"""Looks into the ledger and the records to say who pays for a call, and how much of it is free."""

from dataclasses import dataclass
from datetime import timedelta

from parloir.api import Call, Facility, Payer, PayerKind

from ..period import period
from .free import Free, by_count, by_rule
from .indigence import is_indigent
from .payers import NOBODY, candidates
from .settings import BillingSettings


@dataclass(frozen=True)
class Till:
    """One facility's. It takes no money: that is the gateway's."""

    settings: BillingSettings
    facility: Facility

    async def free(self, call: Call) -> Free | None:
        """How much of the call is free."""
        return by_rule(self.settings, call, self.facility.timezone) or await self._counted(call)

    async def payer(self, call: Call, free: Free | None) -> Payer | None:
        """Nobody for a free call; else the first account that has money; else the first there is, to be told so.

        A call that is free for a while and that nobody has money to go on with is nobody's, and ends then.
        """
        if free is not None and free.seconds is None:
            return NOBODY
        possible = candidates(self.settings.accounts, call)
        for payer in possible:
            if payer.kind is PayerKind.FACILITY or await self.available(payer) > 0:
                return payer
        return NOBODY if free is not None else next(iter(possible), None)

    async def available(self, payer: Payer) -> int:
        """What a payer has to spend, in micro-dollars."""
        return (await self.facility.ledger.balance(payer.account or "")).available

    async def _counted(self, call: Call) -> Free | None:
        settings, resident = self.settings, call.resident
        counts = [*settings.first_free, *([settings.indigent] if settings.indigent else [])]
        if resident is None or not counts:
            return None
        zone, first, began = self.facility.timezone, settings.week_starts, call.answered or call.at
        start = min(period(per, began, zone, first)[0] for per in {each.per for each in counts})
        past = await self.facility.records.calls(resident=resident.id, after=start - timedelta(days=1))
        return by_count(settings, call, past, zone, indigent=await self._is_indigent(resident.id))

    async def _is_indigent(self, resident: str) -> bool:
        rule, account, now = self.settings.indigent, f"resident:{resident}", self.facility.now()
        if rule is None:
            return False
        ledger = self.facility.ledger
        entries = await ledger.entries(account, after=now - timedelta(days=rule.days))
        return is_indigent(rule, await ledger.balance(account), entries, now)
