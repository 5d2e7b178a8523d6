"""May this member of staff do this to that call? A privileged call can only be ended, whatever plugins say."""

from dataclasses import replace

from parloir.calls.facilities import Facilities
from parloir.calls.live import LiveCall
from parloir.errors import ParloirError
from parloir.policy.answers import CallClass
from parloir.policy.values import Action, Actor
from parloir.store.errors import NoSuchCall
from parloir.store.staff import Staff


class MayNotAct(ParloirError):
    """The call is privileged, or the facility's policies do not let this person do that to it."""

    def __init__(self, call: str, action: Action, code: str, why: str) -> None:
        super().__init__(f"call {call}: {action} is not possible: {why}")
        self.call = call
        self.action = action
        self.code = code
        self.why = why


async def permit(facilities: Facilities, live: LiveCall, action: Action, who: Staff, why: str) -> None:
    """Return if it may be done; raises MayNotAct, or NoSuchCall for one that is not connected yet."""
    decision, call = live.decision, live.id
    if decision is None or decision.call_class is not CallClass.ORDINARY or not live.has_bridge:
        raise MayNotAct(call, action, "privileged", "it is privileged, or its class is not known")
    if live.bridge.privileged:
        raise MayNotAct(call, action, "privileged", "it is privileged")
    if live.shown is None:
        raise NoSuchCall(call)
    shown = replace(live.shown, call_class=decision.call_class)
    actor = Actor(user=who.user, roles=tuple(sorted(who.roles)), why=why)
    ruling = await facilities.get(live.visit.facility).policies.may_act(shown, action, actor)
    if not ruling.allowed:
        staff = ruling.denial.staff if ruling.denial else ""
        raise MayNotAct(call, action, "not_permitted", staff or "the facility's policies do not permit it")
