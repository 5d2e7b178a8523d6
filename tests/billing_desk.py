"""The billing plugin at work, and what its routes are asked, for the tests of money."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import JsonValue

from parloir.api import CallCharge, CallClass, Reply, Request
from parloir.testing import SampleFacility, Trial

CENT = 10_000
DOLLAR = 1_000_000
ANN = "visitor:v1"
RESIDENT = "resident:r1"
SECRET = "sixteen letters of it"
SANDBOX = {"provider": "sandbox", "sandbox": True, "secret": SECRET}
SETTINGS = {"rates": [{"per_minute": "0.06"}], "payments": SANDBOX}
STAFF = ("administrator",)
VISITOR = ("visitor",)


@pytest.fixture
def policies(facility: SampleFacility) -> Iterator[Trial]:
    with facility.trial({"billing": SETTINGS}) as trial:
        yield trial


def ask(policies: Trial, method: str, path: str, body: Any = None, *, user: str = "clerk", **facts: Any) -> Reply:
    request = Request(user, **({"roles": VISITOR if user.startswith("v") else STAFF, "body": body} | facts))
    return policies.request("billing", method, path, request)


def get(policies: Trial, path: str, *, user: str = "clerk", **query: str) -> Any:
    reply = ask(policies, "GET", path, user=user, query=query)
    assert reply.status == 200, reply.body
    return reply.body


def carried(facility: SampleFacility, policies: Trial, id: str, *, video: bool = False, **facts: Any) -> None:
    """A call, with the last report of its media."""
    at = facility.clock()
    given = {"at": at, "answered": at, "ended": at, "talked": 600, "call_class": CallClass.ORDINARY}
    made = facility.call(id=id, **given | facts)
    facility.records.remember(made)
    streams: list[JsonValue] = [{"kind": kind} for kind in ("audio", *(["video"] if video else []))]
    policies.tell(made, "report", phone=streams, browser=streams)


def charged(
    facility: SampleFacility, policies: Trial, id: str = "call-1", cents: int = 60, tax: int = 3, **facts: Any
) -> CallCharge:
    """A call of ten minutes that has been settled now."""
    at = facility.clock()
    carried(facility, policies, id, **facts)
    charge = CallCharge(
        call=id, account=RESIDENT, at=at, amount=cents * CENT, taxes=(("state", tax * CENT),) if tax else ()
    )
    facility.ledger.charge(charge)
    return charge


def available(policies: Trial, account: str = RESIDENT) -> str:
    return str(get(policies, "balance", account=account)["available"])
