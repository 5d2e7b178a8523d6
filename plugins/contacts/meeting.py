"""Who would talk to whom, when, and what the plugin knows of them. Pure."""

from dataclasses import dataclass
from datetime import datetime

from parloir.api import BookedBy, Call, Resident, Visit, Visitor

from .block import Block, SelfBlock
from .listing import Listed


@dataclass(frozen=True)
class Meeting:
    """A call at its time, or a visit at its start. `booked` says whether staff booked it."""

    resident: Resident | None
    visitors: tuple[Visitor, ...]
    at: datetime
    booked: bool = False

    @property
    def resident_id(self) -> str | None:
        """The resident's id, where one is known."""
        return self.resident.id if self.resident else None


def of_call(call: Call) -> Meeting:
    """The meeting that a call is."""
    booked = call.visit is not None and call.visit.booked_by is BookedBy.STAFF
    return Meeting(call.resident, call.visitors, call.at, booked)


def of_visit(visit: Visit) -> Meeting:
    """The meeting that a visit would be."""
    return Meeting(visit.resident, visit.visitors, visit.start, visit.booked_by is BookedBy.STAFF)


@dataclass(frozen=True)
class Known:
    """What is written down about a resident and visitors: blocks not lifted, the list, and whom to keep apart.

    `apart` holds the ids of residents that this one must not come in touch with.
    """

    blocks: tuple[Block, ...] = ()
    self_blocks: tuple[SelfBlock, ...] = ()
    listed: tuple[Listed, ...] = ()
    apart: frozenset[str] = frozenset()
