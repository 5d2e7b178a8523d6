"""Loading a facility's plugins: what fits is enabled, all that does not is said at once with its place and remedy."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field, field_validator
from pytest_twisted import ensureDeferred
from sqlalchemy import Column, Integer, MetaData, Table
from twisted.internet import reactor

from parloir.api import Allow, Call, DenialKind, Deny, Facility, Settings, Task, Unfit, hookimpl
from parloir.config.document import Place
from parloir.config.errors import Key
from parloir.policy import hookspecs
from parloir.policy.discovery import Installed, installed
from parloir.policy.errors import PluginErrors
from parloir.policy.inspection import HOOKS
from parloir.policy.loader import Patience, Surroundings, load, tables
from tests.policy_plugins import ClassItself, House, a_call, answering, offered


class Hours(Settings):
    """When visits are held."""

    first: int = Field(ge=0, le=23)
    last: int = Field(default=20, ge=0, le=23)

    @field_validator("last")
    @classmethod
    def _not_noon(cls, value: int) -> int:
        if value == 12:
            raise Unfit("noon is when residents are counted", "write another hour")
        return value


class Plain:
    """A plugin that fits."""

    api = 1

    def __init__(self, settings: Settings, facility: Facility) -> None:
        self.settings = settings
        self.facility = facility

    @hookimpl
    def authorize_call(self, call: Call) -> Allow | Deny | None:
        return None


class Schedule(Plain):
    Settings = Hours

    @hookimpl
    def authorize_call(self, call: Call) -> Deny | None:
        assert isinstance(self.settings, Hours)
        late = call.at.astimezone(self.facility.timezone).hour >= self.settings.last
        return Deny(DenialKind.SCHEDULE, "outside_hours") if late else None


def written(path: Key) -> Place:
    return Place(Path("site.yaml"), 30 + len(path))


def problems(
    plugins: dict[str, Any], given: dict[str, dict[str, Any]] | None = None, /, **patience: float
) -> list[str]:
    """What is said of these plugins, each line without its place."""
    around = Surroundings(House().facility, reactor, places=written, patience=Patience(**patience))  # type: ignore[arg-type]
    with pytest.raises(PluginErrors) as caught:
        load(given or {name: {} for name in plugins}, around, offered(plugins))
    return [f"{each.path}: {each.message}, {each.remedy}" for each in caught.value.problems]


def one(plugin: Any, **patience: float) -> str:
    """The one problem with a plugin's class, without its path."""
    [problem] = problems({"vendor": plugin}, **patience)
    return problem.removeprefix("facilities.north.plugins.vendor: ")


@ensureDeferred
async def test_a_plugin_gets_its_settings_and_its_facility() -> None:
    policies = House().load({"schedule": Schedule}, settings={"schedule": {"first": 8, "last": 11}})
    decision = await policies.decide(a_call())
    assert decision.denial is not None
    assert decision.denial.code == "outside_hours"
    await policies.close()


def test_only_plugins_that_the_configuration_names_are_loaded() -> None:
    class Untouched:
        def load(self) -> Any:
            raise AssertionError("imported")

    found = offered({"plain": Plain}) | {"other": (Installed("other", "other", "1", Untouched()),)}
    policies = load({"plain": {}}, Surroundings(House().facility, reactor), found)
    assert policies.names == ("plain",)


def test_all_that_is_wrong_with_settings_is_said_with_its_path() -> None:
    given = {"schedule": {"frist": 8, "last": 12}, "plain": {"speed": 1}}
    assert problems({"schedule": Schedule, "plain": Plain}, given) == [
        "facilities.north.plugins.schedule.first: missing, add 'first: ...'",
        "facilities.north.plugins.schedule.last: noon is when residents are counted, write another hour",
        "facilities.north.plugins.schedule.frist: unknown key, did you mean 'first'?",
        "facilities.north.plugins.plain.speed: unknown key, remove it",
    ]


def test_a_problem_says_the_line_it_was_written_on() -> None:
    around = Surroundings(House().facility, reactor, places=written)
    with pytest.raises(PluginErrors, match=r"site\.yaml:35: facilities\.north\.plugins\.schedule\.first: too large"):
        load({"schedule": {"first": 99}}, around, offered({"schedule": Schedule}))


def test_a_misspelt_plugin_is_met_with_the_right_name() -> None:
    said = problems({"scheduling": Plain, "billing": Plain}, {"schedulling": {}, "weather": {}})
    assert said == [
        "facilities.north.plugins.schedulling: no such plugin is installed, did you mean 'scheduling'?",
        "facilities.north.plugins.weather: no such plugin is installed, use one of billing, scheduling",
    ]


def test_two_distributions_under_one_name_are_refused() -> None:
    offers = tuple(Installed("pay", name, "1", ClassItself(Plain)) for name in ("acme", "other"))
    with pytest.raises(PluginErrors, match="acme and other both bring a plugin of this name"):
        load({"pay": {}}, Surroundings(House().facility, reactor), {"pay": offers})


def test_a_plugin_that_cannot_be_imported_is_said_so() -> None:
    class Missing:
        def load(self) -> Any:
            raise SystemExit("no licence")

    with pytest.raises(PluginErrors, match="could not be imported: SystemExit: no licence"):
        load({"x": {}}, Surroundings(House().facility, reactor), {"x": (Installed("x", "x", "1", Missing()),)})


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"api": None}, "it does not say which API it is written for, add 'api = 1' to the class"),
        ({"api": 2}, "it is written for API 2, and this is 1, install a version of it that fits"),
        ({"api": True}, "it is written for API True, and this is 1, install a version of it that fits"),
        ({"remote": "yes"}, "its 'remote' is neither True nor False, write 'remote = True' or remove it"),
        ({"Settings": dict}, "its 'Settings' is not a model, make it a subclass of parloir.api.Settings"),
    ],
)
def test_a_class_that_declares_the_wrong_things_is_refused(body: dict[str, Any], said: str) -> None:
    assert one(type("Vendor", (Plain,), body)) == said


def with_method(function: Any) -> type:
    return type("Vendor", (Plain,), {function.__name__: function})


def test_a_marked_method_that_is_no_hook_is_refused() -> None:
    @hookimpl
    def autorize_call(self: Any, call: Call) -> None: ...

    assert one(with_method(autorize_call)) == "autorize_call is no hook, did you mean 'authorize_call'?"


def test_a_method_named_like_a_hook_must_be_marked() -> None:
    def rate_call(self: Any, call: Call) -> None: ...

    said = "rate_call has the name of a hook but is not marked, mark it with @hookimpl or rename it"
    assert one(with_method(rate_call)) == said


@pytest.mark.parametrize("option", ["wrapper", "hookwrapper", "tryfirst", "trylast", "optionalhook"])
def test_wrappers_and_other_ways_to_answer_for_others_are_refused(option: str) -> None:
    def rate_call(self: Any, call: Call) -> None: ...

    assert f"rate_call is marked with {option}" in one(with_method(hookimpl(**{option: True})(rate_call)))  # type: ignore[call-overload]


def test_a_hook_under_another_name_is_refused() -> None:
    @hookimpl(specname="rate_call")
    def my_rate(self: Any, call: Call) -> None: ...

    assert "my_rate is no hook" in one(with_method(my_rate))


def test_unknown_arguments_are_met_with_the_right_name() -> None:
    @hookimpl
    def may_act(self: Any, call: Call, acter: Any) -> None: ...

    @hookimpl
    def rate_call(self: Any, *given: Any) -> None: ...

    assert one(with_method(may_act)) == "may_act has an unknown argument 'acter', did you mean 'actor'?"
    assert one(with_method(rate_call)) == "rate_call takes *given, name what it uses of call"


def test_a_hook_that_yields_is_refused() -> None:
    @hookimpl
    def rate_call(self: Any, call: Call) -> Any:
        yield

    assert one(with_method(rate_call)) == "rate_call yields, return the answer instead"


def test_what_is_asked_of_the_class_must_be_a_class_method() -> None:
    @hookimpl
    def register_tables(self: Any, metadata: MetaData) -> None: ...

    assert "register_tables is asked of the class" in one(with_method(register_tables))


def test_a_constructor_that_raises_exits_or_hangs_is_said_so() -> None:
    def failing(make: Any) -> type:
        return type("Vendor", (Plain,), {"__init__": lambda self, settings, facility: make()})

    def leave() -> None:
        raise SystemExit(3)

    assert one(failing(leave)).startswith("it could not be made: SystemExit: 3 at test_policy_loader.py")
    hung = one(failing(lambda: time.sleep(0.2)), comes_up=0.05)
    assert hung == "it could not be made: it took over 0.05 s, mend or remove it"


def test_a_plugin_brings_its_tasks() -> None:
    task = Task("sweep", 60.0, lambda: None)
    [added] = House().load({"a": answering(register_tasks=(task,))}).additions
    assert (added.plugin, added.tasks, added.routes) == ("a", (task,), ())
    assert one(answering(register_tasks=(lambda: ("sweep",)))).startswith("register_tasks failed")


class Tables(Plain):
    name = "vendor_visits"

    @classmethod
    @hookimpl
    def register_tables(cls, metadata: MetaData) -> None:
        Table(cls.name, metadata, Column("id", Integer, primary_key=True))


def test_a_plugins_tables_are_named_after_it() -> None:
    assert list(tables("vendor", Tables).tables) == ["vendor_visits"]
    assert "table 'visits' must begin with 'vendor'" in one(type("Foreign", (Tables,), {"name": "visits"}))


@ensureDeferred
async def test_a_plugin_is_taken_down_with_its_policies() -> None:
    closed = []

    class Holds(Plain):
        @hookimpl
        async def close(self) -> None:
            await asyncio.sleep(0)
            closed.append(self)

    policies = House().load({"a": Holds, "b": answering(close=lambda: time.sleep(0.01))})
    await policies.close()
    assert len(closed) == 1
    assert (await policies.decide(a_call())).denial is not None


@ensureDeferred
async def test_two_facilities_have_plugins_of_their_own() -> None:
    made = []

    class Counts(Plain):
        def __init__(self, settings: Settings, facility: Facility) -> None:
            made.append(self)

        @hookimpl
        def authorize_call(self, call: Call) -> Allow:
            return Allow()

    first, second = House().load({"a": Counts}), House().load({"a": Counts})
    assert len(made) == 2
    assert (await first.decide(a_call())).denial is None
    await first.close()
    assert (await second.decide(a_call())).denial is None
    await second.close()


def test_the_installed_plugins_are_found_by_their_entry_points() -> None:
    for name, offers in installed().items():
        assert [each.name for each in offers] == [name] * len(offers)


@pytest.mark.parametrize("hook", sorted(HOOKS))
def test_every_hook_says_when_what_how_and_what_if(hook: str) -> None:
    lines = [line.strip() for line in (getattr(hookspecs, hook).__doc__ or "").splitlines()]
    for start in ("Asked when: ", "Return: ", "If several answer: ", "If it fails: "):
        news = {"Asked when: ": "Told when: ", "If several answer: ": "If several listen: "}.get(start, start)
        assert any(line.startswith((start, news)) for line in lines), start
