"""The facilities as calls know them: their clock, their tier, and the policies that rule their calls and visits."""

from collections.abc import Mapping
from dataclasses import dataclass

from parloir.errors import ParloirError
from parloir.policy.decision import Denial
from parloir.policy.policies import Policies
from parloir.policy.reasons import for_visitor


class VisitDenied(ParloirError):
    """The facility's policies do not allow the visit; the code says which rule, the message what to tell people."""

    def __init__(self, denial: Denial, language: str) -> None:
        super().__init__(for_visitor(denial, language))
        self.denial = denial
        self.code = denial.code


class UnknownFacility(ParloirError):
    """The facility is not in the configuration; `parloir check` lists what is wrong with it."""

    field = "facility"

    def __init__(self, facility: str) -> None:
        super().__init__(f"no facility {facility!r} is configured")
        self.facility = facility


@dataclass(frozen=True)
class Facility:
    """One facility; `timezone` by its IANA name, `tier` the regulated one of its rates."""

    id: str
    name: str
    timezone: str
    tier: str | None
    language: str
    policies: Policies


class Facilities:
    """The facilities by id, to be replaced when the configuration is read again; live calls keep their decision."""

    def __init__(self, facilities: Mapping[str, Facility]) -> None:
        self._known = dict(facilities)

    def get(self, id: str) -> Facility:
        """One facility; KeyError for one that the configuration has no more."""
        return self._known[id]

    def all(self) -> tuple[Facility, ...]:
        """All of them."""
        return tuple(self._known.values())

    def replace(self, facilities: Mapping[str, Facility]) -> None:
        """Rule calls that begin from now on by these."""
        self._known = dict(facilities)
