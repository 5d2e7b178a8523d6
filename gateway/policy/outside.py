"""How answers become one result beside a call's beginning: slots, relationships, contacts, recordings. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from parloir.policy.answers import Allow, Keep, LegalHold, Slot
from parloir.policy.combine import POLICY_FAILED, Combined, authorize, failures, given
from parloir.policy.decision import Ruling
from parloir.policy.participants import Contact
from parloir.policy.trail import Answer, Outcome


@dataclass(frozen=True)
class Retention:
    """How long a recording is kept: so many days from its making, or (None) until somebody says otherwise."""

    days: int | None = None
    legal_hold: bool = False


def slots(answers: Sequence[Answer]) -> Combined[tuple[Slot, ...]]:
    """The slots that every plugin offers which has a say, earliest first; none where one failed."""
    if failed := failures(answers):
        return Combined((), f"none, for {', '.join(each.plugin for each in failed)} failed")
    offers = [{slot.key: slot for slot in each.values} for each in answers if each.outcome is Outcome.ANSWERED]
    common = [slot for key, slot in offers[0].items() if all(key in other for other in offers[1:])] if offers else []
    found = tuple(sorted(common, key=lambda slot: (slot.start, slot.station)))
    return Combined(found, f"{len(found)} slots")


def approve(answers: Sequence[Answer]) -> Combined[Ruling]:
    """Denied by any denial; approved where one approves and none failed; else pending for staff."""
    denials = tuple(each for each in authorize(False, (), answers).value if each.code != POLICY_FAILED)
    if denials:
        return Combined(Ruling(False, denials[0]), f"denied by {denials[0].plugin} ({denials[0].code})")
    if failed := failures(answers):
        return Combined(Ruling(False, pending=True), f"pending, for {', '.join(each.plugin for each in failed)} failed")
    if approvals := given(answers, Allow):
        return Combined(Ruling(True), f"approved by {approvals[0][0]} ({approvals[0][1].code})")
    return Combined(Ruling(False, pending=True), "pending, for nobody decided")


def contacts(answers: Sequence[Answer]) -> Combined[tuple[Contact, ...]]:
    """Everybody's contacts, each visitor as first named."""
    found: dict[str, Contact] = {}
    for _, contact in given(answers, Contact):
        found.setdefault(contact.visitor, contact)
    notes = tuple(f"{each.plugin} failed; its contacts are missing" for each in failures(answers))
    return Combined(tuple(found.values()), f"{len(found)} contacts", notes)


def retain(answers: Sequence[Answer]) -> Combined[Retention]:
    """A hold beats all, else the longest; kept where nobody says or somebody failed."""
    if holds := given(answers, LegalHold):
        return Combined(Retention(legal_hold=True), f"legal hold, says {holds[0][0]} ({holds[0][1].code})")
    if failed := failures(answers):
        return Combined(Retention(), f"kept, for {', '.join(each.plugin for each in failed)} failed")
    keeps = given(answers, Keep)
    if not keeps:
        return Combined(Retention(), "kept, for nobody said how long")
    plugin, longest = max(keeps, key=lambda each: each[1].days)
    return Combined(Retention(longest.days), f"{longest.days} days, says {plugin} ({longest.code})")
