"""Whether people may be in touch: the rules, the gravest first. Pure."""

from collections.abc import Iterator

from parloir.api import DenialKind, Deny, Relationship, RelationshipKind, RelationshipState, Visitor

from .meeting import Known, Meeting
from .settings import ContactsSettings
from .words import WORDS

DECIDED_AGAINST = frozenset({RelationshipState.DENIED, RelationshipState.REVOKED})
NEAREST = (
    RelationshipState.PENDING,
    RelationshipState.EXPIRED,
    RelationshipState.DENIED,
    RelationshipState.REVOKED,
)
"""Of several relationships that do not hold, the one that is told of."""


def objection(settings: ContactsSettings, meeting: Meeting, known: Known) -> Deny | None:
    """The gravest reason why these people may not talk, None if there is none.

    Orders, blocks and separations hold for everybody, whoever booked.
    """
    for rule in (_ordered, _blocked_by_visitor, _blocked, _separated):
        for visitor in meeting.visitors:
            if denial := rule(settings, meeting, known, visitor):
                return denial
    return next(_strangers(settings, meeting, known), None)


def _ordered(settings: ContactsSettings, meeting: Meeting, known: Known, visitor: Visitor) -> Deny | None:
    if not visitor.no_contact:
        return None
    return denied("no_contact_order", f"an order forbids visitor {visitor.id} contact", DenialKind.ORDER)


def _blocked_by_visitor(settings: ContactsSettings, meeting: Meeting, known: Known, visitor: Visitor) -> Deny | None:
    for block in known.self_blocks:
        if block.visitor == visitor.id and block.reaches(meeting.resident_id):
            return denied("blocked_by_visitor", f"visitor {visitor.id} wants no calls, since {block.start:%Y-%m-%d}")
    return None


def _blocked(settings: ContactsSettings, meeting: Meeting, known: Known, visitor: Visitor) -> Deny | None:
    spared = any(tie.kind in settings.spared and tie.holds(meeting.at) for tie in ties(meeting, visitor))
    for block in known.blocks:
        if block.visitor != visitor.id or not block.holds(meeting.at) or not block.reaches(meeting.resident_id):
            continue
        if block.resident is not None or not spared:
            return denied("blocked", f"block {block.id} of visitor {visitor.id} by {block.entered_by}: {block.reason}")
    return None


def _separated(settings: ContactsSettings, meeting: Meeting, known: Known, visitor: Visitor) -> Deny | None:
    """A visitor of two residents who are kept apart could carry word between them; counsel of both may."""
    if any(tie.kind.privileged and tie.holds(meeting.at) for tie in ties(meeting, visitor)):
        return None
    between = sorted(
        tie.resident
        for tie in visitor.relationships
        if tie.resident in known.apart and tie.holds(meeting.at) and tie.resident is not None
    )
    if not between:
        return None
    return denied(
        "separation", f"visitor {visitor.id} is a contact of {between[0]}, who is kept apart", DenialKind.ORDER
    )


def _strangers(settings: ContactsSettings, meeting: Meeting, known: Known) -> Iterator[Deny]:
    """Denials of those who are not approved, or not on the list."""
    vouched = meeting.booked and settings.staff_vouch
    if not vouched and (meeting.resident is None or not meeting.visitors):
        yield denied("parties_unknown", "it is not known who would talk to whom")
        return
    for visitor in meeting.visitors:
        if denial := _unapproved(settings, meeting, visitor, vouched):
            yield denial
    if settings.list_ is None or vouched:
        return
    listed = {each.visitor for each in known.listed}
    for visitor in meeting.visitors:
        if visitor.id not in listed and not spared_listing(settings.list_.unlisted, meeting, visitor):
            yield denied("not_on_contact_list", f"visitor {visitor.id} is not on the list of {meeting.resident_id}")


def _unapproved(settings: ContactsSettings, meeting: Meeting, visitor: Visitor, vouched: bool) -> Deny | None:
    found = ties(meeting, visitor)
    if any(tie.holds(meeting.at) for tie in found):
        return None
    states = {RelationshipState.EXPIRED if tie.state is RelationshipState.APPROVED else tie.state for tie in found}
    nearest = next((state for state in NEAREST if state in states), None)
    if nearest not in DECIDED_AGAINST and (vouched or not settings.relationship_required):
        return None
    code = "not_related" if nearest is None else f"relationship_{nearest}"
    return denied(code, f"visitor {visitor.id}: {nearest or 'no relationship on record'}")


def spared_listing(unlisted: frozenset[RelationshipKind], meeting: Meeting, visitor: Visitor) -> bool:
    """Whether a visitor need not be on the list, being what they are to the resident."""
    return any(tie.kind in unlisted and tie.holds(meeting.at) for tie in ties(meeting, visitor))


def ties(meeting: Meeting, visitor: Visitor) -> tuple[Relationship, ...]:
    """What the visitor is to the meeting's resident."""
    return visitor.with_resident(meeting.resident)


def denied(code: str, staff: str, kind: DenialKind = DenialKind.CONTACT) -> Deny:
    """A denial with the plugin's words for that code, if it has any."""
    return Deny(kind, code, WORDS.get(code), staff[:500])
