"""Who may take part together."""

from parloir.api import Deny, Visitor

from .reasons import MINOR_ALONE, TOO_MANY_VISITORS
from .settings import SchedulingSettings


def refusal(settings: SchedulingSettings, visitors: tuple[Visitor, ...]) -> Deny | None:
    """Why these visitors may not come together."""
    if settings.visitors_at_once is not None and len(visitors) > settings.visitors_at_once:
        return TOO_MANY_VISITORS.deny(count=settings.visitors_at_once)
    if settings.minors_need_adult and visitors and all(visitor.minor for visitor in visitors):
        return MINOR_ALONE.deny()
    return None
