"""Every recipe of docs/cookbook.md does what it says: the tests run the document's own code with its own settings."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from parloir.api import (
    Action,
    Actor,
    Application,
    Call,
    CallClass,
    DenialKind,
    Medium,
    PayerKind,
    RateStep,
    Recording,
    RelationshipKind,
    RelationshipState,
    Request,
    Route,
    SlotSearch,
    Yes,
)
from parloir.testing import (
    NOON,
    Decision,
    Plugins,
    Ruling,
    SampleFacility,
    attorney,
    explain,
    local,
    relationship,
    resident,
    told,
    visitor,
)
from parloir.testing_fixtures import facility

from .policy_plugins import answering
from .recipes import Recipe, sections

__all__ = ["facility"]

COOKBOOK = {title: recipe for title, recipe in sections("cookbook.md").items() if recipe.blocks}
YES = answering(may_record=Yes(), may_monitor=Yes())


@pytest.fixture
def cook(tmp_path: Path) -> Callable[..., Plugins]:
    """Gives the plugins of recipes by their titles, with the document's settings or others."""

    def plugins(*titles: str, **settings: Any) -> Plugins:
        made = dict(COOKBOOK[title].plugin(tmp_path) for title in titles)
        return {name: (kind, given | settings) for name, (kind, given) in made.items()}

    return plugins


def code(decided: Decision | Ruling) -> str | None:
    """Why it is denied, in a word."""
    return decided.denial.code if decided.denial else None


Cook = Callable[..., Plugins]


def test_visiting_hours_of_each_unit(cook: Cook, facility: SampleFacility) -> None:
    with facility.trial(cook("Visiting hours of each unit")) as policies:
        for day in ("2026-03-07", "2026-03-08", "2026-11-01"):
            early, morning = local(f"{day} 07:59"), local(f"{day} 08:00")
            assert code(policies.decide(facility.call(at=early))) == "outside_hours"
            assert code(policies.decide(facility.call(at=morning))) is None
            assert code(policies.decide(facility.call(at=morning, unit="B"))) == "outside_hours"
            assert code(policies.authorize_visit(facility.visit(start=local(f"{day} 20:00")))) is None
            assert code(policies.authorize_visit(facility.visit(start=local(f"{day} 20:15")))) == "outside_hours"
        assert code(policies.decide(facility.call(unit="unheard of"))) == "outside_hours"


def test_two_visits_a_week(cook: Cook, facility: SampleFacility) -> None:
    # A week with the change to summer time in it: its last hour, and the first of the next.
    starts = [local(f"2026-03-{day}") for day in ("02 00:00", "08 23:00", "09 00:00")]
    first, last, next_week = [facility.visit(id=f"visit-{n}", start=start) for n, start in enumerate(starts)]
    facility.records.remember(first, last, replace(first, id="gone", state="cancelled"))
    with facility.trial(cook("Two visits a week")) as policies:
        third = facility.visit(id=None, start=local("2026-03-05 10:00"))
        assert code(policies.authorize_visit(third)) == "weekly_quota"
        assert code(policies.authorize_visit(next_week)) is None
        assert code(policies.authorize_visit(last)) is None, "moving one of them is not a third"
        counsel = facility.visit(attorney(), id=None, start=third.start)
        ruling = policies.authorize_visit(counsel)
    assert ruling.allowed
    assert "does not hold: the call is privileged" in explain(ruling)


def test_a_child_comes_with_an_adult(cook: Cook, facility: SampleFacility) -> None:
    child, adult = visitor("child", minor=True), visitor("adult")
    with facility.trial(cook("A child comes with an adult")) as policies:
        alone = policies.authorize_visit(facility.visit(child))
        assert told(alone, "es").startswith("Un menor solo puede visitar")
        assert code(policies.decide(facility.call(child))) == "minor_without_adult"
        assert code(policies.decide(facility.call(child, adult))) is None
        assert policies.authorize_visit(facility.visit(adult)).allowed


def test_only_residents_who_are_in_custody(cook: Cook, facility: SampleFacility) -> None:
    plugins = cook("Only residents who are in custody")
    assert code(facility.decide(facility.call(), plugins)) is None
    assert code(facility.decide(facility.call(resident=resident(status="work release")), plugins)) is None
    released = facility.decide(facility.call(resident=resident(status="released")), plugins)
    assert told(released, "es").startswith("Esta persona no puede recibir")
    assert "status: released" in explain(released)
    unknown = facility.call(visitor("v1", relationship(resident=None)), resident=None)
    assert code(facility.decide(unknown, plugins)) == "not_in_custody"


@contextmanager
def custody_system(residents: dict[str, bool]) -> Iterator[str]:
    """A system that says of each resident whether they may call; its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"may_call": residents[self.path.rpartition("/")[2]]}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_ask_the_jail_s_own_system(cook: Cook, facility: SampleFacility) -> None:
    with custody_system({"r1": True, "r2": False}) as url:
        plugins = cook("Ask the jail's own system", url=url)
        assert code(facility.decide(facility.call(), plugins)) is None
        suspended = facility.call(visitor("v2", relationship(resident="r2")), resident=resident("r2"))
        assert code(facility.decide(suspended, plugins)) == "suspended"
        unknown = facility.call(visitor("v1", relationship(resident=None)), resident=None)
        assert code(facility.decide(unknown, plugins)) == "wrong_pin"
    assert code(facility.decide(facility.call(), plugins)) == "policy_failed", "nobody answers any more"


def test_the_public_defender_s_office_is_privileged(cook: Cook, facility: SampleFacility) -> None:
    clerk = visitor("v-2041", relationship(RelationshipKind.OTHER))
    plugins = {**cook("The public defender's office is privileged"), "recorder": YES}
    decision = facility.decide(facility.call(visitor("v1"), clerk), plugins)
    assert (decision.call_class, decision.record, decision.monitor) == (CallClass.PRIVILEGED, False, False)
    assert "defenders" in decision.class_reason
    assert facility.decide(facility.call(), plugins).record
    lying = {"liar": answering(classify_call=CallClass.ORDINARY), **plugins}
    assert facility.decide(facility.call(clerk), lying).call_class is CallClass.PRIVILEGED


def test_an_attorney_gives_a_bar_number(cook: Cook, facility: SampleFacility) -> None:
    asked = Application(
        facility="north",
        resident=resident(),
        visitor=visitor("counsel", relationship()),
        relationship=relationship(RelationshipKind.ATTORNEY, RelationshipState.PENDING),
        bar_id=" ",
    )
    with facility.trial(cook("An attorney gives a bar number")) as policies:
        assert told(policies.approve_relationship(asked)) == "Please give your bar number."
        assert policies.approve_relationship(replace(asked, bar_id="TX 12345")).pending
        family = replace(asked, relationship=relationship(state=RelationshipState.PENDING))
        assert policies.approve_relationship(family).pending


def test_residents_of_one_case_stay_apart(cook: Cook, facility: SampleFacility) -> None:
    facility.records.separate("r1", "r2")
    between = visitor("v1", relationship(), relationship(resident="r2"))
    plugins = cook("Residents of one case stay apart")
    decision = facility.decide(facility.call(between), plugins)
    assert code(decision) == "separation"
    assert "resident" not in told(decision).lower()
    assert code(facility.decide(facility.call(), plugins)) is None


def test_a_pause_between_calls(cook: Cook, facility: SampleFacility) -> None:
    ended = NOON - timedelta(minutes=29)
    earlier = facility.call(id="c0", at=ended - timedelta(minutes=10))
    plugins = cook("A pause between calls")
    facility.records.remember(replace(earlier, ended=ended))
    assert code(facility.decide(facility.call(), plugins)) is None, "nobody talked"
    facility.records.remember(replace(earlier, ended=ended, talked=60))
    assert code(facility.decide(facility.call(), plugins)) == "too_soon_after_last"
    assert code(facility.decide(facility.call(attorney()), plugins)) is None
    facility.clock.advance(minutes=1)
    assert code(facility.decide(facility.call(), plugins)) is None


def test_legal_calls_are_free_and_so_are_those_of_the_poor(cook: Cook, facility: SampleFacility) -> None:
    plugins = cook("Legal calls are free, and so are those of the poor", "A price for sound and another for pictures")
    legal = facility.decide(facility.call(attorney()), plugins)
    assert (legal.payer and legal.payer.kind, legal.rate) == (PayerKind.NOBODY, (RateStep(0, 0),))
    assert "free: nobody pays" in explain(legal)
    poor = facility.decide(facility.call(resident=resident(status="indigent")), plugins)
    assert (poor.payer and poor.payer.kind, poor.rate) == (PayerKind.FACILITY, (RateStep(0, 60_000),))
    assert facility.decide(facility.call(), plugins).payer is None


def test_a_price_for_sound_and_another_for_pictures(cook: Cook) -> None:
    plugins = cook("A price for sound and another for pictures")
    with SampleFacility(ceiling=110_000) as capped:
        assert capped.decide(capped.call(), plugins).rate == (RateStep(0, 60_000),)
        seen = capped.decide(capped.call(media=(Medium.AUDIO, Medium.VIDEO)), plugins)
    assert seen.rate == (RateStep(0, 110_000),)
    assert "the legal cap lowered $0.16 a minute" in explain(seen)


def test_the_first_five_minutes_are_free(cook: Cook, facility: SampleFacility) -> None:
    plugins = cook("The first five minutes are free", "A price for sound and another for pictures")
    assert facility.decide(facility.call(), plugins).rate == (RateStep(0, 0), RateStep(300, 60_000))
    alone = facility.decide(facility.call(), cook("The first five minutes are free"))
    assert code(alone) == "no_tariff", "silence is not zero"


def test_fifteen_minutes_and_three_times_that_for_those_who_sign(cook: Cook, facility: SampleFacility) -> None:
    plugins = cook("Fifteen minutes, and three times that for those who sign")
    deaf = resident(accommodations=("deaf",))
    plain = facility.decide(facility.call(), plugins)
    assert (plain.limit_seconds, plain.limit.warnings) == (900, (60, 10))
    assert facility.decide(facility.call(resident=deaf), plugins).limit_seconds == 2700
    booked = facility.visit(start=NOON, resident=deaf)
    assert facility.decide(facility.call(visit=booked), plugins).limit_seconds == 1800, "the slot's end is hard"


def test_record_all_but_a_few(cook: Cook, facility: SampleFacility) -> None:
    plugins = {**cook("Record all but a few"), "other": YES}

    def kept(call: Call) -> tuple[bool, bool]:
        decision = facility.decide(call, plugins)
        return decision.record, decision.monitor

    assert kept(facility.call()) == (True, True)
    assert kept(facility.call(visitor("v1"), visitor("v-300"))) == (False, False)
    assert kept(facility.call(attorney())) == (False, False)


def test_an_announcement_of_the_facility_s_own(cook: Cook, facility: SampleFacility) -> None:
    plugins = {**cook("An announcement of the facility's own"), "recorder": YES}
    announced = facility.decide(facility.call(), plugins).announcements
    assert [each.code for each in announced] == ["recorded", "notice", "three_way"]
    private = facility.decide(facility.call(attorney()), plugins).announcements
    assert [each.code for each in private] == ["private", "notice"]


def test_who_may_listen_and_who_may_barge_in(cook: Cook, facility: SampleFacility) -> None:
    officer = Actor(user="jdoe", roles=("officer",), why="tip from the chaplain")
    chief = replace(officer, roles=("administrator",))
    live, legal = facility.call(call_class=CallClass.ORDINARY), facility.call(attorney())
    with facility.trial(cook("Who may listen, and who may barge in")) as policies:
        assert policies.may_act(live, Action.LISTEN, officer).allowed
        assert not policies.may_act(live, Action.LISTEN, replace(officer, why=" ")).allowed
        assert not policies.may_act(live, Action.BARGE, officer).allowed
        assert policies.may_act(live, Action.BARGE, chief).allowed
        assert not policies.may_act(legal, Action.LISTEN, chief).allowed
        assert policies.may_act(legal, Action.END, officer).allowed


def test_keep_sound_for_two_years_pictures_for_ninety_days(cook: Cook, facility: SampleFacility) -> None:
    sound = Recording(
        id="rec-1",
        call="call-1",
        facility="north",
        call_class=CallClass.ORDINARY,
        media=(Medium.AUDIO,),
        made=NOON,
        seconds=900,
    )
    with facility.trial(cook("Keep sound for two years, pictures for ninety days")) as policies:
        assert policies.retain_recording(sound).days == 730
        assert policies.retain_recording(replace(sound, media=(Medium.AUDIO, Medium.VIDEO))).days == 90
        assert policies.retain_recording(replace(sound, call="call-77")).legal_hold


def test_a_hot_list(cook: Cook, facility: SampleFacility) -> None:
    plugins = cook("A hot list")
    hot = facility.call(visitor("v-900"))
    for _ in range(2):  # told again after a restart
        with facility.trial(plugins) as policies:
            policies.tell(hot, "opened")
            policies.tell(hot, "phone_answered")
            policies.tell(facility.call(id="call-2"), "phone_answered")
    assert [(each.code, each.subject) for each in facility.alerts] == [("hot_list", "call-1")]
    assert facility.alerts[0].text == "Visitor v-900 is on a call at pod-a-1"


def test_a_button_that_locks_a_unit_down(cook: Cook, facility: SampleFacility) -> None:
    plugins, asked = cook("A button that locks a unit down"), Request("jdoe", ("officer",), body={"unit": "A"})
    facility.records.remember(facility.call(id="a"), facility.call(id="b", unit="B"))
    facility.records.remember(facility.call(id="help", route=Route.HOTLINE))
    with facility.trial(plugins) as policies:
        for _ in range(2):
            reply = policies.request("unit-lock", "POST", "/close", asked)
        assert reply.body == {"ended": []}
        assert [(each.subject, each.by) for each in facility.actions.deeds] == [("a", "jdoe")]
    decision = facility.decide(facility.call(), plugins)
    assert decision.denial is not None
    assert (decision.denial.kind, decision.denial.code) == (DenialKind.SCHEDULE, "lockdown")
    assert code(facility.decide(facility.call(unit="B"), plugins)) is None
    assert code(facility.decide(facility.call(route=Route.EMERGENCY), plugins)) is None
    with facility.trial(plugins) as policies:
        policies.request("unit-lock", "POST", "/open", asked)
        assert code(policies.decide(facility.call())) is None


def test_offer_family_first(cook: Cook, facility: SampleFacility) -> None:
    pending = visitor("hopeful", relationship(state=RelationshipState.PENDING))
    facility.records.relate(visitor("friend", relationship(RelationshipKind.FRIEND)), pending, visitor("mother"))
    with facility.trial(cook("Offer family first")) as policies:
        assert [each.visitor for each in policies.contacts_of(resident())] == ["mother", "friend"]


def test_half_hour_slots_at_free_phones(cook: Cook, facility: SampleFacility) -> None:
    search = SlotSearch(
        facility="north",
        resident=resident(),
        visitors=(visitor(),),
        stations=("pod-a-1", "pod-a-2"),
        after=NOON + timedelta(minutes=1),
        before=NOON + timedelta(hours=1, minutes=30),
        minutes=30,
    )
    facility.records.remember(facility.visit(start=NOON + timedelta(minutes=45)))
    with facility.trial(cook("Half-hour slots at free phones")) as policies:
        slots = policies.open_slots(search)
    half_past, one = NOON + timedelta(minutes=30), NOON + timedelta(hours=1)
    assert [(each.station, each.start) for each in slots] == [("pod-a-2", half_past), ("pod-a-2", one)]


def test_every_recipe_has_its_test() -> None:
    tests = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert {recipe.slug for recipe in COOKBOOK.values()} - tests == set()


@pytest.mark.parametrize("recipe", COOKBOOK.values(), ids=lambda recipe: recipe.slug)
def test_a_recipe_names_the_hooks_it_has(recipe: Recipe) -> None:
    named = next(line for line in recipe.text.splitlines() if line.startswith("Hooks: ")).partition(".")[0]
    marked = re.findall(r"@hookimpl\n +(?:async )?def (\w+)", recipe.block("python"))
    assert named == f"Hooks: {', '.join(f'`{hook}`' for hook in marked)}"


def test_the_recipes_are_in_good_style(tmp_path: Path) -> None:
    for recipe in COOKBOOK.values():
        (tmp_path / f"{recipe.slug}.py").write_text(recipe.block("python"))
    config = Path(__file__).parents[1] / "pyproject.toml"
    for words in (["check"], ["format", "--check", "--diff"]):
        ruff = [sys.executable, "-m", "ruff", *words, "--no-cache", "--config", str(config), str(tmp_path)]
        done = subprocess.run(ruff, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
