"""What lies behind the web's counter where staff log in: their logins, the store, and the facilities with plugins."""

from dataclasses import dataclass

from parloir.calls.facilities import Facilities
from parloir.store.database import Database
from parloir.store.logins import Logins
from parloir.store.staff import Staff
from parloir.web import reach

LANE = "staff"
"""The store's lane for all that staff's pages ask of it."""


@dataclass(frozen=True)
class Office:
    """Without one, nobody but the bearer token's holder is let in, and there are no alerts and no plugins' routes."""

    logins: Logins
    database: Database
    facilities: Facilities

    def zones(self, who: Staff) -> dict[str, str]:
        """The time zone of each facility that this person works at, by its IANA name."""
        return {each.id: each.timezone for each in self.facilities.all() if reach.has(who, each.id)}
