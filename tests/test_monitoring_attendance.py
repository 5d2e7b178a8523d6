"""Calls that must be attended: how plugins say so, and what comes of it when nobody could attend."""

import pytest
from pytest_twisted import ensureDeferred

from parloir.api import No, Route, Yes
from parloir.policy.policies import Policies
from tests.policy_load import crash
from tests.policy_plugins import House, a_call, answering, counsel

PRESENT = answering(may_monitor=Yes("unit", present=True))
FREELY = answering(may_monitor=Yes("freely"))
NEVER = answering(may_monitor=No("never"))
RECORDING = answering(may_record=Yes("all", present=True))


async def decided(policies: Policies, **facts: object) -> tuple[bool, bool, str | None]:
    """Whether a call is monitored, whether it must be attended, and why it is denied."""
    people = facts.pop("people", ())
    decision = await policies.decide(a_call(*people, **facts))  # type: ignore[misc]
    await policies.close()
    return decision.monitor, decision.attended, decision.denial.code if decision.denial else None


@ensureDeferred
async def test_one_plugin_that_wants_somebody_present_is_enough() -> None:
    assert await decided(House().load({"one": FREELY, "other": PRESENT})) == (True, True, None)
    assert await decided(House().load({"one": FREELY})) == (True, False, None)


@ensureDeferred
async def test_call_that_must_be_attended_and_may_not_be_is_not_connected() -> None:
    assert await decided(House().load({"one": PRESENT, "other": NEVER})) == (False, False, "not_monitored")


@pytest.mark.parametrize("others", [{}, {"other": NEVER}, {"other": answering(may_monitor=crash)}])
@ensureDeferred
async def test_emergency_call_is_connected_and_waits_for_nobody_who_listens(others: dict[str, type]) -> None:
    found = await decided(House().load({"one": PRESENT, **others}), route=Route.EMERGENCY)
    assert found == (not others, False, None)


@ensureDeferred
async def test_confidential_call_is_never_attended() -> None:
    monitored, attended, denied = await decided(House().load({"one": PRESENT}), people=(counsel(),))
    assert (monitored, attended, denied) == (False, False, None)


@ensureDeferred
async def test_recording_needs_nobody_present() -> None:
    assert await decided(House().load({"one": RECORDING, "other": FREELY})) == (True, False, None)
