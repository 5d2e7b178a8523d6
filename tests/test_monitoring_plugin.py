"""What the monitoring plugin lets staff do, whom it has present, and whom it tells them of."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from parloir.api import Action, Actor, CallClass, Happening, No, Reply, Request, Resident, Severity, Yes
from parloir.plugins.monitoring.plugin import Monitoring
from parloir.plugins.monitoring.settings import LIVE
from tests.plugin_facility import NOON, Institution, TablesInMemory, a_call, a_visitor, answer


@pytest.fixture
def north() -> Iterator[Institution]:
    store = TablesInMemory(Monitoring)
    yield Institution(store)
    store.close()


def plugin(north: Institution, **settings: Any) -> Monitoring:
    return Monitoring(Monitoring.Settings.model_validate(settings), north.facility)


def actor(*roles: str, why: str = "a reason") -> Actor:
    return Actor(user="jdoe", roles=roles, why=why)


def decided(position: int = 1) -> Happening:
    return Happening(position=position, kind="decided", at=NOON, facts={})


def test_without_settings_officers_do_everything_and_nobody_else_anything(north: Institution) -> None:
    monitoring = plugin(north)
    for action in LIVE:
        assert isinstance(monitoring.may_act(a_call(), action, actor("officer")), Yes)
        for role in ("auditor", "technician", "scheduler", "administrator"):
            assert monitoring.may_act(a_call(), action, actor(role)) == No("no_rule_allows_it")
    for action in (Action.PLAY, Action.EXPORT, Action.DELETE, Action.RECORD):
        assert monitoring.may_act(a_call(), action, actor("officer")) is None


def test_rules_hold_by_role_unit_and_act(north: Institution) -> None:
    rules = [
        {"roles": ["officer"], "acts": ["listen", "watch"], "units": ["A"], "class": "ordinary"},
        {"roles": ["administrator"]},
    ]
    monitoring = plugin(north, rules=rules)
    elsewhere = a_call(resident=Resident(id="r2", name="Resident Two", unit="B"))
    visiting = a_call(resident=None, unit="A")
    for call, action, role, allowed in (
        (a_call(), Action.LISTEN, "officer", True),
        (a_call(), Action.BARGE, "officer", False),
        (elsewhere, Action.LISTEN, "officer", False),
        (visiting, Action.WATCH, "officer", True),
        (elsewhere, Action.BARGE, "administrator", True),
    ):
        assert isinstance(monitoring.may_act(call, action, actor(role)), Yes) is allowed


def test_nobody_speaks_without_a_reason(north: Institution) -> None:
    monitoring = plugin(north)
    for action in (Action.BARGE, Action.WHISPER):
        assert monitoring.may_act(a_call(), action, actor("officer", why=" ")) == No("reason_required")
    assert isinstance(monitoring.may_act(a_call(), Action.LISTEN, actor("officer", why="")), Yes)
    strict = plugin(north, reasons=["listen"])
    assert strict.may_act(a_call(), Action.LISTEN, actor("officer", why="")) == No("reason_required")


def test_units_where_a_monitor_must_be_present_are_said_so(north: Institution) -> None:
    monitoring = plugin(north, present=["A"])
    assert monitoring.may_monitor(a_call()) == Yes("monitor_must_be_present", present=True)
    assert monitoring.may_monitor(a_call(resident=None, unit="B")) == Yes("ordinary_calls")
    assert plugin(north, monitor="nothing").may_monitor(a_call()) == No("nothing_is_monitored")


@pytest.mark.parametrize(
    "settings",
    [
        {"rules": [{"roles": ["officer"], "class": "privileged"}]},
        {"rules": [{"roles": ["officer"], "acts": ["play"]}]},
        {"rules": [{"roles": []}]},
        {"present": ["A"], "monitor": "nothing"},
        {"present": ["A"], "rules": [{"roles": ["officer"], "units": ["B"]}]},
        {"hot": {"numbers": ["not a number"]}},
    ],
)
def test_settings_that_cannot_be_are_refused(north: Institution, settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        plugin(north, **settings)


def test_staff_are_told_once_of_a_call_with_somebody_of_the_hot_list(north: Institution) -> None:
    monitoring = plugin(north, hot={"residents": ["r1"], "visitors": ["v9"], "numbers": ["+1 555 010-0199"]})
    visitor = replace(a_visitor("v9"), phone="+1 (555) 010 0199")
    call = a_call(visitors=(visitor,))
    for position in (1, 2):
        answer(monitoring.call_event(call, decided(position)))
    (alert,) = north.alerts
    assert (alert.code, alert.severity, alert.subject) == ("hot_list", Severity.URGENT, "c1")
    for said in ("resident r1", "visitor v9", "number 15550100199", "pod-a-1"):
        assert said in alert.text


def test_nothing_is_told_of_others_or_of_confidential_calls(north: Institution) -> None:
    monitoring = plugin(north, hot={"residents": ["r1"]})
    answer(monitoring.call_event(a_call(call_class=CallClass.PRIVILEGED), decided()))
    answer(monitoring.call_event(a_call(resident=None), decided()))
    answer(monitoring.call_event(a_call(), replace(decided(), kind="opened")))
    assert north.alerts == []


def ask(north: Institution, method: str, path: str, body: Any = None, roles: Any = ("officer",), **query: str) -> Reply:
    (route,) = [r for r in plugin(north).register_routes() if (r.method, r.path) == (method, path)]
    if not set(route.roles) & set(roles):
        return Reply(None, 403)
    work: Any = route.answer(Request("jdoe", roles, query, body))
    reply: Reply = answer(work)
    return reply


def test_staff_keep_the_hot_list(north: Institution) -> None:
    entered = ask(north, "POST", "hot", {"kind": "number", "value": "555 0123", "why": "threats"})
    assert entered.status == 201
    assert ask(north, "GET", "hot").body["entries"] == [entered.body]
    assert entered.body["value"] == "5550123"
    visitor = replace(a_visitor("v1"), phone="555-0123")
    answer(plugin(north).call_event(a_call(visitors=(visitor,)), decided()))
    assert len(north.alerts) == 1
    assert ask(north, "POST", "hot/lift", {"id": entered.body["id"]}).status == 200
    assert ask(north, "POST", "hot/lift", {"id": entered.body["id"]}).status == 404
    assert ask(north, "GET", "hot").body["entries"] == []
    answer(plugin(north).call_event(a_call(id="c2", visitors=(visitor,)), decided()))
    assert len(north.alerts) == 1
    for body in ({"kind": "number", "value": "x", "why": "y"}, {"kind": "house", "value": "x", "why": "y"}, {}, None):
        assert ask(north, "POST", "hot", body).status == 422
    assert ask(north, "POST", "hot", {}, roles=("auditor",)).status == 403


def test_notes_on_a_call_stay(north: Institution) -> None:
    north.records.known_calls.append(a_call())
    for text in ("They spoke of money.", "And again."):
        assert ask(north, "POST", "notes", {"call": "c1", "text": text}).status == 201
    found = ask(north, "GET", "notes", roles=("auditor",), call="c1").body["notes"]
    assert [(each["text"], each["entered_by"]) for each in found] == [
        ("They spoke of money.", "jdoe"),
        ("And again.", "jdoe"),
    ]
    assert ask(north, "GET", "notes", call="c2").body["notes"] == []
    for text in (" ", "\0", "x" * 1001):
        assert ask(north, "POST", "notes", {"call": "c1", "text": text}).status == 422


def test_notes_are_handed_to_the_gateway(north: Institution) -> None:
    north.records.known_calls.append(a_call(call_class=CallClass.PRIVILEGED))
    assert ask(north, "POST", "notes", {"call": "c1", "text": " One was ill. "}).status == 201
    assert north.deeds.noted == [("c1", "One was ill.", "jdoe")]


def test_no_note_is_kept_of_a_call_that_the_facility_never_had(north: Institution) -> None:
    assert ask(north, "POST", "notes", {"call": "c1", "text": "They spoke of money."}).status == 404
    assert ask(north, "GET", "notes", call="c1").body["notes"] == []
