"""The scheduling plugin as the gateway runs it: loaded like a vendor's, asked through the policies, on real tables."""

import inspect
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_twisted import ensureDeferred
from sqlalchemy import Connection, MetaData
from twisted.internet import reactor

from parloir.api import CallClass, DenialKind, SlotSearch
from parloir.config import document
from parloir.plugins.scheduling import reasons, tables
from parloir.plugins.scheduling.closure import ClosureKind
from parloir.plugins.scheduling.plugin import Scheduling
from parloir.plugins.scheduling.settings import SchedulingSettings, Times
from parloir.policy.errors import PluginErrors
from parloir.policy.loader import Patience, Surroundings, load
from parloir.policy.policies import Policies
from parloir.store import plugin_tables
from tests.plugin_facility import NOON, Institution, a_call
from tests.policy_plugins import counsel, offered
from tests.scheduling_desk import ANN, RESIDENT, a_visit, booked, local, north

__all__ = ["north"]

DOCUMENTATION = (Path(__file__).parents[1] / "docs/plugins/scheduling.md").read_text(encoding="utf-8")
CALM = Patience(deadline=5.0)


def policies(north: Institution, **settings: Any) -> Policies:
    around = Surroundings(north.facility, reactor, patience=CALM)
    return load({"scheduling": settings}, around, offered({"scheduling": Scheduling}))


@ensureDeferred
async def test_the_third_visit_of_the_week_is_refused_and_an_attorneys_is_not(north: Institution) -> None:
    here = policies(north, weekly_visits=2)
    for number in range(2):
        booked(north, f"v{number}", f"2026-03-0{5 + number} 14:00")
    third = await here.authorize_visit(a_visit("2026-03-06 10:00"))
    assert third.denial is not None
    assert (third.denial.plugin, third.denial.kind, third.denial.code) == (
        "scheduling",
        DenialKind.QUOTA,
        "weekly_quota",
    )
    assert (await here.authorize_visit(a_visit("2026-03-06 10:00", visitors=(counsel(),)))).denial is None
    assert north.alerts == []
    await here.close()


@ensureDeferred
async def test_slots_calls_and_limits_come_through_the_policies(north: Institution) -> None:
    here = policies(north, hours=[{"times": ["11:00-13:00"]}])
    search = SlotSearch(
        facility="north",
        resident=RESIDENT,
        visitors=(ANN,),
        stations=("pod-a-1",),
        after=NOON,
        before=NOON + timedelta(days=1),
        minutes=30,
    )
    slots = await here.open_slots(search)
    assert [slot.start for slot in slots] == [
        local(f"2026-03-0{time}") for time in ("4 12:00", "4 12:30", "5 11:00", "5 11:30")
    ]
    visit = booked(north, "v1", "2026-03-04 12:00")
    decision = await here.decide(a_call(visit=visit, visitors=(ANN,), unit="A"))
    assert decision.call_class is CallClass.ORDINARY
    assert decision.denials == ()
    late = await here.decide(a_call(visit=visit, visitors=(ANN,), unit="A", at=local("2026-03-04 13:00")))
    assert [denial.code for denial in late.denials] == ["outside_hours"]
    assert north.alerts == []
    await here.close()


def test_a_wrong_setting_is_told_by_its_path(north: Institution) -> None:
    with pytest.raises(PluginErrors) as raised:
        policies(north, hours=[{"times": ["9-10"], "day": ["monday"]}], weekly_visit=2, week_begins="mon")
    said = str(raised.value)
    assert "hours.0.times.0: '9-10' is not a stretch of time, write it like 09:00-11:30" in said
    assert "hours.0.day: unknown key, did you mean 'days'?" in said
    assert "weekly_visit: unknown key, did you mean 'weekly_visits'?" in said


def test_closures_and_excuses_are_kept_on_every_database(connection: Connection) -> None:
    metadata = MetaData()
    Scheduling.register_tables(metadata)
    plugin_tables.prepare(connection, "scheduling", metadata)
    later = NOON + timedelta(hours=1)
    facts: dict[str, Any] = {"kind": ClosureKind.LOCKDOWN, "unit": None, "why": "why", "by": "lee"}
    endless = tables.add_closure(connection, "north", start=NOON, finish=None, **facts)
    tables.add_closure(connection, "north", start=NOON, finish=later, **facts)
    tables.add_closure(connection, "south", start=NOON, finish=None, **facts)
    assert len(tables.closures_after(connection, "north", NOON)) == 2
    assert tables.closures_after(connection, "north", later) == (endless,)
    assert not tables.lift_closure(connection, "south", endless.id, "lee", later)
    assert tables.lift_closure(connection, "north", endless.id, "lee", later)
    assert tables.closures_after(connection, "north", later) == ()
    assert [tables.excuse(connection, "north", "v1", "snow", "lee", NOON) for _ in range(2)] == [True, False]
    assert tables.excused(connection, "north") == {"v1"}
    assert tables.excused(connection, "south") == frozenset()


def test_the_example_in_the_documentation_is_accepted(north: Institution, tmp_path: Path) -> None:
    (tmp_path / "example.yaml").write_text(DOCUMENTATION.partition("```yaml\n")[2].partition("```")[0])
    data: Any = document.read(tmp_path / "example.yaml").data
    settings = SchedulingSettings.model_validate(data["facilities"]["north"]["plugins"]["scheduling"])
    assert settings.hours[0].times[1] == Times(13 * 60, 20 * 60)
    assert settings.blackouts[1].first == date(2030, 7, 4)


def test_the_documentation_names_every_setting_code_and_route(north: Institution) -> None:
    codes = [each.code for _, each in inspect.getmembers(reasons) if isinstance(each, reasons.Reason)]
    told_when_it_happens = {"visit_moved", "called_off_by_visitor"}
    for name in (*SchedulingSettings.model_fields, *(set(codes) - told_when_it_happens)):
        assert f"`{name}`" in DOCUMENTATION
    for route in Scheduling(SchedulingSettings(), north.facility).register_routes():
        assert f"`{route.method} {route.path}" in DOCUMENTATION
