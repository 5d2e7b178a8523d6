"""What a gateway would remember of a facility, as a test tells it, for plugins to count."""

from collections.abc import Sequence
from datetime import datetime

from parloir.api import Call, Relationship, Resident, Suspension, Visit, Visitor


class SampleRecords:
    """The records that plugins are given. `remember` calls, visits and suspensions; `relate` and `separate` people."""

    def __init__(self) -> None:
        self._calls: dict[str, Call] = {}
        self._visits: dict[str, Visit] = {}
        self._suspensions: list[Suspension] = []
        self._relationships: list[tuple[str, Relationship]] = []
        self._separations: list[frozenset[str]] = []

    def remember(self, *things: Call | Visit | Suspension) -> None:
        """Keep them; a call or visit takes the place of the one with its id."""
        for thing in things:
            match thing:
                case Call():
                    self._calls[thing.id] = thing
                case Visit():
                    self._visits[thing.id or f"asked-{len(self._visits)}"] = thing
                case Suspension():
                    self._suspensions.append(thing)

    def relate(self, *visitors: Visitor) -> None:
        """Keep all relationships of these visitors that name a resident."""
        self._relationships += [(visitor.id, tie) for visitor in visitors for tie in visitor.relationships]

    def separate(self, *residents: str) -> None:
        """Keep these residents, by id, apart from one another."""
        self._separations.append(frozenset(residents))

    @property
    def live(self) -> tuple[Call, ...]:
        """The calls that have not ended."""
        return tuple(call for call in self._calls.values() if call.ended is None)

    def find_call(self, id: str) -> Call | None:
        """The call of that id."""
        return self._calls.get(id)

    def find_visit(self, id: str) -> Visit | None:
        """The visit of that id."""
        return self._visits.get(id)

    async def visits(
        self,
        *,
        resident: str | None = None,
        visitor: str | None = None,
        station: str | None = None,
        after: datetime | None = None,
        before: datetime | None = None,
    ) -> tuple[Visit, ...]:
        """See parloir.api.Records."""
        return tuple(
            each
            for each in sorted(self._visits.values(), key=lambda visit: visit.start)
            if _concerns(each.resident, each.visitors, resident, visitor)
            and station in (None, each.station)
            and (after is None or each.end > after)
            and (before is None or each.start < before)
        )

    async def calls(
        self,
        *,
        resident: str | None = None,
        visitor: str | None = None,
        after: datetime | None = None,
        before: datetime | None = None,
    ) -> tuple[Call, ...]:
        """See parloir.api.Records."""
        return tuple(
            each
            for each in sorted(self._calls.values(), key=lambda call: call.opened)
            if _concerns(each.resident, each.visitors, resident, visitor)
            and (after is None or each.opened >= after)
            and (before is None or each.opened < before)
        )

    async def relationships(self, resident: str) -> tuple[tuple[str, Relationship], ...]:
        """See parloir.api.Records."""
        return tuple(each for each in self._relationships if each[1].resident == resident)

    async def separated(self, resident: str) -> tuple[str, ...]:
        """See parloir.api.Records."""
        groups = [group - {resident} for group in self._separations if resident in group]
        return tuple(sorted(frozenset().union(*groups)))

    async def suspended(
        self, *, resident: str | None, visitors: Sequence[str], after: datetime, before: datetime
    ) -> tuple[Suspension, ...]:
        """See parloir.api.Records."""
        return tuple(
            each
            for each in self._suspensions
            if ((each.resident is not None and each.resident == resident) or each.visitor in visitors)
            and each.start < before
            and (each.finish is None or each.finish > after)
        )


def _concerns(inside: Resident | None, outside: Sequence[Visitor], resident: str | None, visitor: str | None) -> bool:
    """Whether a call or visit is of these people; None is anybody."""
    return (resident is None or (inside is not None and inside.id == resident)) and (
        visitor is None or visitor in [each.id for each in outside]
    )
