"""How the answers of several plugins become one result, question by question. Pure.

Each function takes the answers in the order of the configuration; RULES says in words what it does, for
`parloir plugins explain`. What a plugin's failure means is part of each rule, and always the safe way.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from parloir.config.caps import LegalCap
from parloir.policy import rates
from parloir.policy.answers import (
    ANNOUNCED,
    EXEMPT_IF_PRIVILEGED,
    Announcement,
    CallClass,
    Cap,
    CapKind,
    DenialKind,
    Deny,
    Discount,
    Ending,
    Extend,
    Identity,
    No,
    Payer,
    RateStep,
    Tariff,
    Tax,
    Yes,
)
from parloir.policy.decision import CORE, Denial, Limit
from parloir.policy.privilege import Floor, most_protected
from parloir.policy.spoken import duration, rate, say
from parloir.policy.spoken import price as dollars
from parloir.policy.trail import Answer

T = TypeVar("T")

RULES = {
    "identify_resident": "all must name the same resident, and any denial holds",
    "classify_call": "the most protected class holds, and nobody can lower it",
    "authorize_call": "any denial holds",
    "choose_payer": "the first answer holds",
    "rate_call": "discounts come off the one tariff, then the legal cap holds; silence is not zero",
    "limit_call": "the shortest policy cap times the largest extension, never over the shortest hard cap",
    "may_record": "yes only if one says yes and none says no",
    "may_monitor": "yes only if one says yes and none says no",
    "announce_call": f"the gateway's notices, then each code once, {ANNOUNCED:g} s in all",
    "authorize_visit": "any denial holds",
    "open_slots": "only slots that all offer",
    "approve_relationship": "any denial denies, else an approval approves, else staff decide",
    "contacts_of": "all of them, each visitor once",
    "may_act": "yes only if one says yes and none says no",
    "retain_recording": "a hold beats all, else the longest",
}
POLICY_FAILED = "policy_failed"


@dataclass(frozen=True)
class Combined(Generic[T]):
    """What came of a question, the same in words, and what was left out and why."""

    value: T
    result: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Identified:
    """Whom the parties' phone is held to be, and what stands against it."""

    resident: str | None
    denials: tuple[Denial, ...]


def failures(answers: Iterable[Answer]) -> tuple[Denial, ...]:
    """A denial for each plugin that failed."""
    return tuple(
        Denial(each.plugin, DenialKind.FACILITY, POLICY_FAILED, staff=each.error) for each in answers if each.failed
    )


def given(answers: Iterable[Answer], kind: type[T]) -> tuple[tuple[str, T], ...]:
    """The values of one kind, each with its plugin, in order."""
    return tuple((each.plugin, value) for each in answers for value in each.values if isinstance(value, kind))


def identify(known: str | None, answers: Sequence[Answer]) -> Combined[Identified]:
    """One resident, whom everybody names who names one: the gateway (`known`) too."""
    named = [*([(CORE, known)] if known else []), *((name, each.resident) for name, each in given(answers, Identity))]
    denials = (*_denied(answers), *failures(answers))
    if len({resident for _, resident in named}) > 1:
        staff = ", ".join(f"{plugin} says {resident}" for plugin, resident in named)
        denials = (*denials, Denial(named[-1][0], DenialKind.IDENTITY, "identity_disputed", staff=staff))
    resident = named[0][1] if named else None
    result = _refused(denials) or (f"resident {resident}" if resident else "nobody is named")
    return Combined(Identified(resident, denials), result)


def classify(floor: Floor, answers: Sequence[Answer]) -> Combined[Floor]:
    """The most protected of the floor and the answers; a failure makes it unknown."""
    named = [(CORE, floor.call_class), *given(answers, CallClass)]
    failed = [each.plugin for each in answers if each.failed]
    highest = most_protected(each for _, each in named)
    notes = tuple(f"{plugin} said {each}, which does not lower it" for plugin, each in named[1:] if each is not highest)
    if failed:
        return Combined(Floor(CallClass.UNKNOWN, f"{', '.join(failed)} failed"), "unknown, for a plugin failed", notes)
    first = next(plugin for plugin, each in named if each is highest)
    why = floor.why if first == CORE else f"{first} says so"
    return Combined(Floor(highest, why), f"{highest}: {why}", notes)


def authorize(privileged: bool, core: tuple[Denial, ...], answers: Sequence[Answer]) -> Combined[tuple[Denial, ...]]:
    """The gateway's own denials, then the plugins', less those that do not hold against a privileged call."""
    notes = []
    holding = list(core)
    for denial in _denied(answers):
        if privileged and denial.kind in EXEMPT_IF_PRIVILEGED:
            notes.append(f"{denial.plugin}'s denial for {denial.kind} does not hold: the call is privileged")
        else:
            holding.append(denial)
    denials = (*holding, *failures(answers))
    return Combined(denials, _refused(denials) or "allowed", tuple(notes))


def choose_payer(answers: Sequence[Answer]) -> Combined[Payer | None]:
    """The first answer. A failure ahead of it counts: `payer_unsure` tells."""
    payers = given(answers, Payer)
    if not payers:
        return Combined(None, "nobody named")
    notes = tuple(f"{plugin} came later: {say(payer)}" for plugin, payer in payers[1:])
    return Combined(payers[0][1], f"{say(payers[0][1])}, says {payers[0][0]}", notes)


def payer_unsure(answers: Sequence[Answer]) -> tuple[Denial, ...]:
    """The failures that stand before the first answer: who should have paid is not known."""
    for index, answer in enumerate(answers):
        if answer.values:
            return failures(answers[:index])
    return failures(answers)


@dataclass(frozen=True)
class Priced:
    """What a call costs (None: nobody rates calls here), what comes with its tariff, and what keeps it from being
    known."""

    rate: tuple[RateStep, ...] | None
    denials: tuple[Denial, ...] = ()
    taxes: tuple[Tax, ...] = ()
    waived: tuple[Ending, ...] = ()


def price(cap: LegalCap | None, answers: Sequence[Answer]) -> Combined[Priced]:
    """One tariff less the discounts, at no second over the cap. Not known: denied."""
    tariffs, discounts = given(answers, Tariff), given(answers, Discount)
    if not answers:
        return Combined(Priced(None), "nobody rates calls")
    denials = failures(answers)
    if len(tariffs) > 1:
        names = ", ".join(plugin for plugin, _ in tariffs)
        denials = (*denials, Denial(tariffs[1][0], DenialKind.FACILITY, "two_tariffs", staff=f"tariffs by {names}"))
    if not tariffs:
        denials = (*denials, Denial(CORE, DenialKind.FACILITY, "no_tariff", staff="no plugin gave a tariff"))
    if denials:
        return Combined(Priced(None, denials), _refused(denials))
    tariff, off = tariffs[0][1], [discount for _, discount in discounts]
    agreed = rates.agreed(tariff, off, cap.per_minute if cap else None)
    uncapped = rates.agreed(tariff, off, None)
    notes: tuple[str, ...] = ()
    if cap and agreed != uncapped:
        source = f" ({cap.source})" if cap.source else ""
        notes = (f"the legal cap lowered {rate(uncapped)}: {dollars(cap.per_minute)} at most{source}",)
    return Combined(Priced(agreed, taxes=tariff.taxes, waived=tariff.waived), rate(agreed), notes)


@dataclass(frozen=True)
class Limited:
    """How long a call may last, and what keeps it from lasting at all."""

    limit: Limit
    denials: tuple[Denial, ...] = ()


def limit(privileged: bool, core: tuple[Cap, ...], answers: Sequence[Answer]) -> Combined[Limited]:
    """Caps and extensions to one limit; the gateway's own caps (a slot's end) are hard."""
    caps: tuple[tuple[str, Cap], ...] = (*((CORE, cap) for cap in core), *given(answers, Cap))
    extensions = given(answers, Extend)
    denials = () if privileged else failures(answers)
    notes = [f"{each.plugin} failed; the others' caps hold" for each in failures(answers) if privileged]
    if privileged:
        notes += [f"{plugin}'s cap of no time does not hold" for plugin, cap in caps[len(core) :] if cap.seconds == 0]
        caps = tuple((plugin, cap) for plugin, cap in caps if plugin == CORE or cap.seconds > 0)
    factor = max((each.factor for _, each in extensions), default=1.0)
    ends = [(cap.seconds if cap.kind is CapKind.HARD else int(cap.seconds * factor), plug, cap) for plug, cap in caps]
    if not ends:
        return Combined(Limited(Limit(), denials), _refused(denials) or "without end", tuple(notes))
    seconds, plugin, cap = min(ends, key=lambda end: end[0])
    found = Limit(seconds, cap.code, tuple(each for _, each in caps), tuple(each for _, each in extensions))
    if seconds == 0:
        kind = DenialKind.SCHEDULE if plugin == CORE else DenialKind.QUOTA
        denials = (*denials, Denial(plugin, kind, cap.code, staff="no time is left"))
    if any(each.kind is CapKind.POLICY for _, each in caps) and factor > 1:
        notes.append(f"policy caps are {factor:g} times as long")
    return Combined(Limited(found, denials), _refused(denials) or f"{duration(seconds)} ({cap.code})", tuple(notes))


def permit(answers: Sequence[Answer]) -> Combined[bool]:
    """Yes only if one says yes, none says no, and none failed."""
    yes, no = given(answers, Yes), given(answers, No)
    if failed := [each.plugin for each in answers if each.failed]:
        return Combined(False, f"no: {', '.join(failed)} failed")
    if no:
        return Combined(False, f"no, says {no[0][0]} ({no[0][1].code})")
    return Combined(True, f"yes, says {yes[0][0]}") if yes else Combined(False, "no: nobody said yes")


def attended(answers: Sequence[Answer]) -> bool:
    """Whether one of those who say that a call may be monitored wants it monitored all the time."""
    return any(yes.present for _, yes in given(answers, Yes))


def announce(core: tuple[Announcement, ...], answers: Sequence[Answer]) -> Combined[tuple[Announcement, ...]]:
    """The gateway's notices, then the plugins', each code once, as many as fit into the time."""
    chosen = list(core)
    notes = []
    for plugin, each in given(answers, Announcement):
        if any(each.code == other.code for other in chosen):
            notes.append(f"{plugin}'s {each.code} was already there")
        elif sum(other.seconds for other in chosen) + each.seconds > ANNOUNCED:
            notes.append(f"{plugin}'s {each.code} did not fit into {ANNOUNCED:g} s")
        else:
            chosen.append(each)
    return Combined(tuple(chosen), ", ".join(each.code for each in chosen), tuple(notes))


def _denied(answers: Iterable[Answer]) -> tuple[Denial, ...]:
    return tuple(Denial(name, each.kind, each.code, each.words, each.staff) for name, each in given(answers, Deny))


def _refused(denials: Sequence[Denial]) -> str:
    return f"denied by {', '.join(f'{each.plugin} ({each.code})' for each in denials)}" if denials else ""
