"""What is decided of a relationship before staff look at it. Pure."""

from dataclasses import replace
from datetime import datetime

from parloir.api import Allow, Application, Deny, RelationshipKind, RelationshipState

from .meeting import Known, Meeting
from .rules import DECIDED_AGAINST, denied, objection
from .settings import ContactsSettings


def decision(settings: ContactsSettings, application: Application, known: Known, at: datetime) -> Allow | Deny | None:
    """Deny what cannot be, allow the kinds that need no decision, leave the rest to staff (None).

    Denied: where an order, a block or a separation stands between the two, no kind is named, or an attorney gives no
    bar number. Left to staff: minors, and whomever they decided against before.
    """
    resident, visitor, tie = application.resident, application.visitor, application.relationship
    if tie.kind is RelationshipKind.UNSTATED:
        return denied("kind_missing", "the application names no kind")
    if tie.kind is RelationshipKind.ATTORNEY and not application.bar_id.strip():
        return denied("bar_id_missing", "an attorney's application without bar number")
    approved = replace(tie, state=RelationshipState.APPROVED, resident=resident.id, expires=None)
    hoped = replace(visitor, relationships=(*visitor.relationships, approved))
    unlisted = settings.model_copy(update={"list_": None})
    if barred := objection(unlisted, Meeting(resident, (hoped,), at), known):
        return barred
    refused_before = any(each.state in DECIDED_AGAINST for each in visitor.with_resident(resident))
    if tie.kind in settings.approve and not visitor.minor and not refused_before:
        return Allow("approved_by_kind")
    return None
