"""How far staff reach: the facilities that they work at."""

from parloir.store.staff import Staff
from parloir.web.errors import Refused


def has(who: Staff, facility: str) -> bool:
    """Whether they work there."""
    return who.may(*who.roles, facility=facility)


def require(who: Staff, facility: str) -> None:
    """Raise Refused (403) unless they do."""
    if not has(who, facility):
        raise Refused(403, "elsewhere", f"{who.user} does not work at {facility}")
