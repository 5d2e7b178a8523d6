"""For the tests of plugins: people, calls and a facility that need no phone, network or database server.

    from parloir.testing import call, decide, explain, local, visitor

    decision = decide(call(at=local("2026-03-04 22:00")), {"hours": (Hours, {"closes": 20})})
    assert decision.denial.code == "outside_hours", explain(decision)

The policies are the gateway's own, with all that isolates and combines plugins. The pytest fixtures `facility` and
`clock` are in `parloir.testing_fixtures`, which a `conftest.py` names in `pytest_plugins`.
"""

from parloir.policy.decision import Decision, Denial, Limit, Ruling
from parloir.policy.errors import PluginErrors
from parloir.policy.outside import Retention
from parloir.policy.trail import Asked, Outcome, Reply
from parloir.testing_actions import Deed, SampleActions
from parloir.testing_decision import decide, explain, told
from parloir.testing_facility import Clock, SampleFacility
from parloir.testing_ledger import SampleLedger
from parloir.testing_people import NOON, ZONE, attorney, call, local, relationship, resident, visit, visitor
from parloir.testing_records import SampleRecords
from parloir.testing_store import MemoryStore
from parloir.testing_trial import PluginFailed, Plugins, Trial

__all__ = [
    "NOON",
    "ZONE",
    "Asked",
    "Clock",
    "Decision",
    "Deed",
    "Denial",
    "Limit",
    "MemoryStore",
    "Outcome",
    "PluginErrors",
    "PluginFailed",
    "Plugins",
    "Reply",
    "Retention",
    "Ruling",
    "SampleActions",
    "SampleFacility",
    "SampleLedger",
    "SampleRecords",
    "Trial",
    "attorney",
    "call",
    "decide",
    "explain",
    "local",
    "relationship",
    "resident",
    "told",
    "visit",
    "visitor",
]
