"""A call run through policies, and what came of it in words."""

from parloir.api import Call
from parloir.policy import explain as trail
from parloir.policy.decision import Decision, Ruling
from parloir.policy.reasons import for_visitor
from parloir.testing_facility import SampleFacility
from parloir.testing_trial import DEADLINE, Plugins


def decide(
    call: Call, plugins: Plugins, *, facility: SampleFacility | None = None, deadline: float = DEADLINE
) -> Decision:
    """What these plugins and the gateway's own rules decide about a call.

    Without a facility it is one with nothing on record, where it is the time of the call. Raises PluginErrors.
    """
    if facility is not None:
        return facility.decide(call, plugins, deadline)
    with SampleFacility(timezone=call.timezone, tier=call.tier, now=call.at) as sample:
        return sample.decide(call, plugins, deadline)


def explain(decision: Decision | Ruling) -> str:
    """Who was asked what, who answered what, and how it was combined: what `parloir plugins explain` prints."""
    return trail.explain(decision.trail)


def told(decision: Decision | Ruling, language: str = "en") -> str:
    """What the visitor reads of a denial, in English or Spanish; nothing where there is none."""
    return for_visitor(decision.denial, language) if decision.denial else ""
