"""Policies of plugins that a test writes, and how their decision is read."""

from collections.abc import AsyncIterator, Callable
from typing import Any

from pytest_twisted import async_yield_fixture

from parloir.api import (
    RateStep,
    Tariff,
)
from parloir.policy.decision import Decision
from parloir.policy.explain import explain
from parloir.policy.policies import Policies
from parloir.policy.trail import from_json, to_json
from tests.policy_plugins import House

Load = Callable[..., Policies]
MINUTE = RateStep(0, 120_000)
TARIFF = Tariff((MINUTE,), "standard")


@async_yield_fixture
async def load() -> AsyncIterator[Load]:
    """Gives policies of plugins a, b, c ... and takes them down."""
    house, opened = House(), []

    def make(*plugins: type, **more: Any) -> Policies:
        opened.append(house.load(dict(zip("abcdef", plugins, strict=False)), **more))
        return opened[-1]

    yield make
    for policies in opened:
        await policies.close()


def crash(*given: object) -> None:
    raise RuntimeError("no database")


def told(decision: Decision) -> str:
    """What explain says, after the trail has been stored as JSON and read back."""
    return explain(from_json(to_json(decision.trail)))
