"""What vendors test their plugins with: it decides as the gateway does, and needs nothing else to run."""

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from parloir.api import (
    Action,
    Actor,
    Alert,
    Application,
    Call,
    CallClass,
    DenialKind,
    Deny,
    Medium,
    RateStep,
    Recording,
    RelationshipState,
    Request,
    Route,
    Severity,
    SlotSearch,
    Suspension,
    hookimpl,
)
from parloir.testing import (
    NOON,
    Clock,
    PluginErrors,
    PluginFailed,
    SampleFacility,
    attorney,
    call,
    decide,
    explain,
    local,
    relationship,
    resident,
    told,
    visit,
    visitor,
)
from parloir.testing_fixtures import clock, facility
from tests.vendor_samples import GONE, Bare, Broken, Desk, Objector, Pricey, QuietHours, Sleeper, told_table

__all__ = ["clock", "facility"]


def test_a_call_is_decided_by_the_class_with_its_settings() -> None:
    late = call(at=local("2026-03-04 21:30"))
    decision = decide(late, {"hours": QuietHours})
    assert decision.denial is not None, explain(decision)
    assert (decision.denial.plugin, decision.denial.code) == ("hours", "outside_hours")
    assert decide(late, {"hours": (QuietHours, {"closes": 22})}).denial is None


def test_a_decision_is_explained_and_told_in_both_languages() -> None:
    decision = decide(call(), {"hours": QuietHours, "objector": Objector})
    text = explain(decision)
    assert "authorize_call: denied by objector (enough)" in text
    assert "hours     had nothing to say" in text
    assert "as of 18:00" in text
    assert (told(decision), told(decision, "es")) == (GONE.en, GONE.es)
    assert told(decide(call(), {})) == ""


def test_the_gateways_own_rules_hold() -> None:
    denied = decide(call(attorney()), {"objector": Objector})
    assert (denied.call_class, denied.denial) == (CallClass.PRIVILEGED, None)
    pending = decide(call(attorney(state=RelationshipState.PENDING)), {})
    assert pending.denial is not None
    assert pending.denial.code == "counsel_not_approved"
    assert decide(call(route=Route.EMERGENCY), {"broken": Broken}).denial is None


def test_a_plugin_that_raises_denies_and_says_where() -> None:
    with SampleFacility() as facility:
        decision = facility.decide(call(), {"broken": Broken})
        assert decision.denial is not None
        assert decision.denial.code == "policy_failed"
        assert "RuntimeError: no licence at vendor_samples.py" in explain(decision)
        assert [each.code for each in facility.alerts] == ["plugin_failed"]


def test_a_plugin_that_is_late_denies() -> None:
    decision = decide(call(), {"sleeper": Sleeper}, deadline=0.05)
    assert "FAILED, late" in explain(decision)


def test_the_legal_cap_is_the_facilitys() -> None:
    with SampleFacility(ceiling=120_000) as facility:
        decision = facility.decide(facility.call(), {"pricey": Pricey})
    assert decision.rate == (RateStep(0, 120_000),)


def test_what_does_not_fit_is_refused_as_by_the_gateway() -> None:
    with pytest.raises(PluginErrors, match="no such plugin is installed"):
        decide(call(), {"nothing-of-that-name": {}})
    with pytest.raises(PluginErrors, match="closses: unknown key, did you mean 'closes'"):
        decide(call(), {"hours": (QuietHours, {"closses": 21})})


def test_a_visits_call_has_its_people_phone_and_start() -> None:
    booked = visit(attorney(), start=local("2026-03-08 15:00"), station="pod-b-1", unit="B")
    of_visit = call(visit=booked)
    assert (of_visit.visitors, of_visit.station, of_visit.unit) == (booked.visitors, "pod-b-1", "B")
    assert of_visit.at == booked.start
    assert decide(of_visit, {}).limit_seconds == 30 * 60


def test_wall_clock_times_are_those_of_the_zone() -> None:
    assert local("2026-03-04 12:00") == NOON
    assert local("2026-03-08 12:00") - local("2026-03-07 12:00") == timedelta(hours=23)
    assert local("2026-03-04 12:00", "Europe/Madrid") - NOON == -timedelta(hours=7)


def test_the_clock_stands_until_it_is_set(facility: SampleFacility, clock: Clock) -> None:
    clock.advance(hours=2, minutes=30)
    assert facility.facility.now() == NOON + timedelta(hours=2, minutes=30)
    assert facility.call().at == facility.facility.now()
    clock.set(local("2026-07-01 08:00"))
    assert "as of 13:00" in explain(facility.decide(facility.call(), {"objector": Objector}))


def test_visits_on_record_are_counted(facility: SampleFacility) -> None:
    with facility.trial({"desk": Desk}) as policies:
        assert policies.authorize_visit(facility.visit(id=None)).allowed
        facility.records.remember(facility.visit())
        ruling = policies.authorize_visit(facility.visit(id=None))
    assert "weekly_quota" in explain(ruling)
    assert told(ruling).startswith("The number of visits for this week")


def test_every_question_beside_a_call_can_be_asked(facility: SampleFacility) -> None:
    application = Application(
        facility="north",
        resident=resident(),
        visitor=visitor(),
        relationship=relationship(state=RelationshipState.PENDING),
    )
    search = SlotSearch(
        facility="north",
        resident=resident(),
        visitors=(visitor(),),
        stations=("pod-a-1",),
        after=NOON,
        before=NOON + timedelta(hours=1),
        minutes=30,
    )
    recording = Recording(
        id="rec",
        call="call-1",
        facility="north",
        call_class=CallClass.ORDINARY,
        media=(Medium.AUDIO,),
        made=NOON,
        seconds=9,
    )
    ordinary = facility.call(call_class=CallClass.ORDINARY)
    facility.records.relate(visitor("v7"), visitor("v8", relationship(resident="r2")))
    with facility.trial({"desk": Desk}) as policies:
        assert policies.approve_relationship(application).pending
        assert policies.approve_relationship(replace(application, bar_id="TX 1")).allowed
        assert [each.station for each in policies.open_slots(search)] == ["pod-a-1"]
        assert [each.visitor for each in policies.contacts_of(resident())] == ["v7"]
        assert policies.may_act(ordinary, Action.LISTEN, Actor(user="a", roles=("officer",))).allowed
        assert not policies.may_act(ordinary, Action.LISTEN, Actor(user="a", roles=("auditor",))).allowed
        assert policies.retain_recording(recording).days == 90
        assert policies.health() == {"desk": True}
        decision = policies.decide(ordinary)
        assert policies.limit_again(ordinary, decision).trail[-1].question == "limit_call"


def rows(facility: SampleFacility) -> int:
    query = select(func.count()).select_from(told_table)
    count: int = facility.store.run_now(lambda connection: connection.execute(query).scalar_one())
    return count


def test_tables_outlive_the_plugin_but_not_the_facility(facility: SampleFacility) -> None:
    with facility.trial({"desk": Desk}) as policies:
        policies.tell(call(), "ended", reason="limit")
    with facility.trial({"desk": Desk}):
        assert rows(facility) == 1
    with SampleFacility() as other, other.trial({"desk": Desk}):
        assert rows(other) == 0


def test_news_that_is_not_taken_fails_the_test(facility: SampleFacility) -> None:
    with facility.trial({"desk": Desk}) as policies, pytest.raises(PluginFailed, match="desk: RuntimeError: hot"):
        policies.tell(Alert(severity=Severity.NOTICE, code="hot", text="listed"), "alert")


@pytest.fixture
def busy(facility: SampleFacility) -> SampleFacility:
    """A live call in each unit, a hotline call, and two visits at one station a day apart."""
    live = facility.call(id="in-a"), facility.call(id="in-b", unit="B"), facility.call(id="hot", route=Route.HOTLINE)
    first, second = (facility.visit(id=f"visit-{n}", start=NOON + timedelta(days=n)) for n in (1, 2))
    facility.records.remember(*live, first, second)
    return facility


def test_a_task_acts_and_its_deeds_are_remembered(busy: SampleFacility) -> None:
    with busy.trial({"desk": Desk}) as policies:
        policies.run_task("desk", "lock")
    assert [each.id for each in busy.records.live] == ["in-b", "hot"]
    assert [(each.what, each.subject, each.by) for each in busy.actions.deeds] == [
        ("end", "in-a", "task"),
        ("move", "visit-1", "task"),
        ("move", "visit-2", "task"),
    ]


def test_a_place_that_is_taken_takes_no_other_visit(busy: SampleFacility) -> None:
    taken = busy.visit(id="taken", start=NOON + timedelta(days=2, minutes=-5), minutes=60)
    busy.records.remember(taken)
    with busy.trial({"desk": Desk}) as policies:
        assert policies.request("desk", "POST", "/lock", Request("jdoe", ("officer",))).body == {"by": "jdoe"}
    assert ("release", "visit-1") in [(each.what, each.subject) for each in busy.actions.deeds]


def test_notes_are_kept_of_the_calls_that_are_remembered(busy: SampleFacility) -> None:
    with busy.trial({"monitoring": {}}) as policies:
        for id, status in (("in-a", 201), ("hot", 404), ("none", 404)):
            request = Request("jdoe", ("officer",), {}, {"call": id, "text": "They spoke of money."})
            assert policies.request("monitoring", "POST", "notes", request).status == status
    (deed,) = busy.actions.deeds
    assert (deed.what, deed.subject, deed.words.en, deed.by) == ("note", "in-a", "They spoke of money.", "jdoe")


class Suspender(Bare):
    @hookimpl
    async def authorize_call(self, call: Call) -> Deny | None:
        resident = call.resident.id if call.resident else None
        ends = call.at + timedelta(minutes=1)
        found = await self.facility.records.suspended(resident=resident, visitors=["v1"], after=call.at, before=ends)
        apart = await self.facility.records.separated(resident or "")
        earlier = await self.facility.records.calls(visitor="v1", before=call.at)
        return Deny(DenialKind.SUSPENSION, "suspended", staff=f"{len(found)} {apart} {len(earlier)}")


def test_suspensions_separations_and_calls_are_found(facility: SampleFacility) -> None:
    over = Suspension(resident="r1", start=NOON - timedelta(days=9), finish=NOON - timedelta(days=1))
    facility.records.remember(over, Suspension(visitor="v1", start=NOON - timedelta(days=1)))
    facility.records.remember(facility.call(at=NOON - timedelta(days=1)))
    facility.records.separate("r1", "r5")
    decision = facility.decide(facility.call(id="next"), {"suspender": Suspender})
    assert decision.denial is not None
    assert decision.denial.staff == "1 ('r5',) 1"


def test_nothing_of_it_needs_pytest_or_starts_a_reactor() -> None:
    program = (
        "import sys\n"
        "from parloir.testing import call, decide\n"
        "assert decide(call(), {}).denial is None\n"
        "print('pytest' in sys.modules, 'twisted.internet.reactor' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "False False\n"
