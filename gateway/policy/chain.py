"""A call's questions in their order, each seeing what was decided before, until one denies or all are answered.

The class's floor, the route and the privilege are fixed before any plugin sees the call, so that nothing a plugin
answers, or does to the values it is shown, can change them.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from parloir.config.caps import LegalCap
from parloir.policy import combine, notices, privilege, rates
from parloir.policy.answers import Announcement, CallClass, Cap, CapKind, DenialKind, Payer, PayerKind
from parloir.policy.combine import Combined, Limited, Priced
from parloir.policy.decision import BALANCE, CORE, Decision, Denial
from parloir.policy.hooks import Hooks
from parloir.policy.participants import Resident, Visitor
from parloir.policy.privilege import Floor
from parloir.policy.trail import Answer, Asked, asked
from parloir.policy.values import Call, Decided, Route, Visit

Ceiling = Callable[[Call], LegalCap | None]
"""The legal cap on a call's price; None: none is to be applied, as in the tests of plugins."""


class Chain:
    """The questions of one call. Make one for each call, and `run` it once."""

    def __init__(self, hooks: Hooks, ceiling: Ceiling, call: Call) -> None:
        self._hooks = hooks
        self._ceiling = ceiling(call)
        self._floor = privilege.of_call(call)
        self._route = call.route
        self._core_denials = standing_denials(call.visitors, call.resident, call.visit, call.at)
        self._core_caps = slot_caps(call)
        self._known = call.resident.id if call.resident else None
        self._call = call
        self._shown: dict[str, Any] = {"call_class": self._floor.call_class, "class_reason": self._floor.why[:500]}
        self._decided: list[Decided] = []
        self._trail: list[Asked] = []
        self._decision = Decision(self._floor.call_class, self._floor.why, cap=self._ceiling)

    async def run(self) -> Decision:
        """Ask what is to be asked; raises only for faults of the gateway's own."""
        if self._route is Route.HOTLINE:
            self._skip("classify_call", f"{self._floor.call_class}: nobody is asked about a hotline call")
            return self._finish(rate=rates.FREE, announcements=notices.core(self._floor.call_class, False, False))
        exempt = self._route is Route.EMERGENCY
        steps = (
            [self._classify] if exempt else [self._identify, self._classify, self._authorize, self._pay, self._limit]
        )
        for step in steps:
            await step()
            if self._decision.denials:
                return self._finish()
        if exempt:
            self._skip("authorize_call", "allowed: an emergency call is never denied, and is free")
            self._decide(rate=rates.FREE)
        await self._observe()
        await self._announce()
        return self._finish()

    async def price(self) -> Decision:
        """Ask only what the price hangs on, for a call that is not made yet; nothing else is decided."""
        for step in (self._classify, self._pay, self._limit):
            await step()
            if self._decision.denials:
                break
        return self._finish()

    @property
    def _privileged(self) -> bool:
        return self._decision.call_class is CallClass.PRIVILEGED

    async def _ask(self, question: str) -> tuple[Answer, ...]:
        """Each question is shown a copy of its own."""
        call = replace(self._call, **self._shown, decisions=(*self._call.decisions, *self._decided))
        return await self._hooks.ask(question, call=call)

    def _note(self, question: str, combined: Combined[Any], answers: tuple[Answer, ...], **shown: Any) -> None:
        """Keep what came of a question, and show it to the questions after it."""
        self._trail.append(asked(question, combine.RULES[question], combined.result, answers, combined.notes))
        self._decided.append(Decided(question, combined.result[:500]))
        self._shown.update(shown)

    def _skip(self, question: str, result: str) -> None:
        self._trail.append(Asked(question, "not asked", result))

    def _decide(self, **fields: Any) -> None:
        self._decision = replace(self._decision, **fields)

    def _finish(self, **fields: Any) -> Decision:
        return replace(self._decision, trail=tuple(self._trail), **fields)

    async def _identify(self) -> None:
        answers = await self._ask("identify_resident")
        combined = combine.identify(self._known, answers)
        self._note("identify_resident", combined, answers)
        self._decide(resident=combined.value.resident, denials=combined.value.denials)

    async def _classify(self) -> None:
        answers = await self._ask("classify_call")
        combined = combine.classify(self._floor, answers)
        found = combined.value
        denials: tuple[Denial, ...] = ()
        if found.call_class is CallClass.UNKNOWN and self._route is Route.EMERGENCY:
            found = Floor(CallClass.PRIVILEGED, f"an emergency call, and {found.why}")
            combined = replace(combined, result=f"privileged: {found.why}")
        elif found.call_class is CallClass.UNKNOWN:
            denials = combine.failures(answers) or (
                Denial(CORE, DenialKind.FACILITY, "class_unknown", staff=found.why[:500]),
            )
        self._note("classify_call", combined, answers, call_class=found.call_class, class_reason=found.why[:500])
        self._decide(call_class=found.call_class, class_reason=found.why, denials=denials)

    async def _authorize(self) -> None:
        answers = await self._ask("authorize_call")
        combined = combine.authorize(self._privileged, self._core_denials, answers)
        self._note("authorize_call", combined, answers)
        self._decide(denials=combined.value)

    async def _pay(self) -> None:
        """Who pays and how much: that the payer is not known matters only where there is something to pay."""
        answers = await self._ask("choose_payer")
        payer = combine.choose_payer(answers)
        self._note("choose_payer", payer, answers, payer=payer.value)
        self._decide(payer=payer.value)
        priced = await self._rate(payer.value)
        unsure = combine.payer_unsure(answers)
        free = priced.rate is not None and rates.is_free(priced.rate)
        denials = priced.denials or (() if free or self._privileged else unsure)
        self._decide(rate=priced.rate, taxes=priced.taxes, waived=priced.waived, denials=denials)

    async def _rate(self, payer: Payer | None) -> Priced:
        nobody = payer is not None and payer.kind is PayerKind.NOBODY
        if nobody or self._privileged:
            self._skip("rate_call", "free: nobody pays" if nobody else "free: the call is privileged")
            self._shown["rate"] = rates.FREE
            return Priced(rates.FREE)
        answers = await self._ask("rate_call")
        combined = combine.price(self._ceiling, answers)
        self._note("rate_call", combined, answers, rate=combined.value.rate)
        return combined.value

    async def _limit(self) -> None:
        limited = await self._limited()
        self._decide(limit=limited.limit, denials=limited.denials)

    async def _limited(self) -> Limited:
        answers = await self._ask("limit_call")
        combined = combine.limit(self._privileged, self._core_caps, answers)
        self._note("limit_call", combined, answers)
        return combined.value

    async def _observe(self) -> None:
        for question, field in (("may_record", "record"), ("may_monitor", "monitor")):
            if self._decision.call_class is not CallClass.ORDINARY:
                self._skip(question, f"no: the call is {self._decision.call_class}")
                continue
            answers = await self._ask(question)
            combined = combine.permit(answers)
            self._note(question, combined, answers, **{field: combined.value})
            self._decide(**{field: combined.value})
            if question == "may_monitor" and self._route is Route.VISIT and combine.attended(answers):
                self._attend()

    def _attend(self) -> None:
        """A call that must be listened to, and may not be, is not connected."""
        if self._decision.monitor:
            self._decide(attended=True)
        else:
            staff = "it must be monitored, and may not be"
            self._decide(denials=(Denial(CORE, DenialKind.FACILITY, "not_monitored", staff=staff),))

    async def _announce(self) -> None:
        answers = await self._ask("announce_call")
        failed = combine.failures(answers)
        if failed:
            self._decide(record=False)
        combined = combine.announce(self._notices(), () if failed else answers)
        if failed:
            notes = (*combined.notes, f"{failed[0].plugin} failed, so the call is not recorded")
            combined = replace(combined, notes=notes)
        self._note("announce_call", combined, answers)
        self._decide(announcements=combined.value)

    def _notices(self) -> tuple[Announcement, ...]:
        decision = self._decision
        return notices.core(decision.call_class, decision.record, decision.monitor)


async def limit_again(hooks: Hooks, call: Call, decision: Decision) -> Decision:
    """Ask for the limit of a call in progress; where a plugin fails, what was decided stands."""
    answers = await hooks.ask("limit_call", call=call)
    if combine.failures(answers):
        return decision
    privileged = decision.call_class is CallClass.PRIVILEGED
    paid = tuple(cap for cap in decision.limit.caps if cap.code == BALANCE)
    combined = combine.limit(privileged, (*slot_caps(call), *paid), answers)
    note = asked("limit_call", combine.RULES["limit_call"], combined.result, answers, combined.notes)
    return replace(decision, limit=combined.value.limit, trail=(*decision.trail, note))


def standing_denials(
    visitors: tuple[Visitor, ...], resident: Resident | None, visit: Visit | None, at: datetime
) -> tuple[Denial, ...]:
    """What the gateway itself denies, whatever plugins say: orders, and counsel that nobody approved."""
    ordered = [visitor for visitor in visitors if visitor.no_contact]
    denials = [Denial(CORE, DenialKind.ORDER, "no_contact_order", staff=f"visitor {each.id}") for each in ordered]
    if unproven := privilege.unproven(visitors, resident, visit, at):
        denials.append(Denial(CORE, DenialKind.CONTACT, "counsel_not_approved", staff=f"visitor {unproven.id}"))
    return tuple(denials)


def slot_caps(call: Call) -> tuple[Cap, ...]:
    """What the visit's booked time leaves."""
    if call.visit is None:
        return ()
    left = int((call.visit.end - call.at).total_seconds())
    return (Cap(max(0, min(left, 86_400)), CapKind.HARD, "slot_end"),)
