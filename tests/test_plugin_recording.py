"""The recording plugin: the facility chooses what is recorded, how long it is kept, and who may play it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from parloir.api import Action, Actor, CallClass, Keep, LegalHold, Medium, No, Recording, Yes
from parloir.plugins.recording.plugin import Recordings
from parloir.plugins.recording.settings import RecordingSettings
from parloir.testing import SampleFacility, attorney, call, resident, visitor

RECORDING = Recording(
    id="r1",
    call="c1",
    facility="north",
    call_class=CallClass.ORDINARY,
    media=(Medium.AUDIO, Medium.VIDEO),
    made=datetime(2030, 1, 1, tzinfo=UTC),
    seconds=600,
)


@pytest.fixture(name="north")
def sample() -> Iterator[SampleFacility]:
    with SampleFacility() as facility:
        yield facility


def plugin(north: SampleFacility, **settings: Any) -> Recordings:
    return Recordings(RecordingSettings.model_validate(settings), north.facility)


def test_what_is_recorded_has_no_default() -> None:
    with pytest.raises(ValidationError, match="record"):
        RecordingSettings.model_validate({})


def test_all_ordinary_calls_or_none_are_recorded(north: SampleFacility) -> None:
    assert plugin(north, record="ordinary").may_record(call()) == Yes("ordinary_calls")
    assert plugin(north, record="nothing").may_record(call()) == No("nothing_is_recorded")


@pytest.mark.parametrize(
    "watch",
    [{"residents": ["r7"]}, {"visitors": ["v7"]}, {"stations": ["pod-b-1"]}, {"units": ["B"]}],
    ids=str,
)
def test_those_of_the_watch_list_are_recorded(north: SampleFacility, watch: dict[str, Any]) -> None:
    recorder = plugin(north, record="watched", watch=watch)
    there = call(station="pod-b-1", unit="B", resident=resident(id="r7", unit="B"), visitors=(visitor(id="v7"),))
    other = call(station="pod-a-1", unit="A", resident=resident(id="r1", unit="A"), visitors=(visitor(id="v1"),))
    assert recorder.may_record(there) == Yes("watch_list")
    assert recorder.may_record(other) == No("not_on_watch_list")


@pytest.mark.parametrize(
    "settings",
    [
        {"record": "watched"},
        {"record": "ordinary", "watch": {"units": ["A"]}},
        {"record": "sometimes"},
        {"record": "ordinary", "keep": [{"days": 0}]},
        {"record": "ordinary", "keep": [{"days": 5, "medium": "smell"}]},
    ],
    ids=str,
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RecordingSettings.model_validate(settings)


def test_privileged_call_is_not_recorded_whatever_the_plugin_says(north: SampleFacility) -> None:
    lawyer = call(visitors=(attorney(),))
    decision = north.decide(lawyer, {"recording": (Recordings, {"record": "ordinary"})})
    assert (decision.call_class, decision.record) == (CallClass.PRIVILEGED, False)
    assert north.decide(call(), {"recording": (Recordings, {"record": "ordinary"})}).record


def test_first_rule_that_fits_says_how_long_it_is_kept(north: SampleFacility) -> None:
    keeper = plugin(north, record="ordinary", keep=[{"days": 90, "medium": "video"}, {"days": 730}])
    assert keeper.retain_recording(RECORDING) == Keep(90, "retention")
    assert keeper.retain_recording(replace(RECORDING, media=(Medium.AUDIO,))) == Keep(730, "retention")
    by_class = plugin(north, record="ordinary", keep=[{"days": 90, "class": "privileged"}])
    assert by_class.retain_recording(RECORDING) is None
    assert plugin(north, record="ordinary").retain_recording(RECORDING) is None


def test_held_call_is_kept(north: SampleFacility) -> None:
    keeper = plugin(north, record="ordinary", keep=[{"days": 1}], holds=["c1"])
    assert keeper.retain_recording(RECORDING) == LegalHold("held_by_configuration")


@pytest.mark.parametrize(
    ("action", "roles", "expected"),
    [
        (Action.PLAY, ("officer",), Yes("role")),
        (Action.PLAY, ("technician",), No("role_may_not")),
        (Action.EXPORT, ("officer",), No("role_may_not")),
        (Action.EXPORT, ("officer", "administrator"), Yes("role")),
        (Action.LISTEN, ("officer",), None),
    ],
)
def test_playing_and_handing_on_are_for_the_roles_that_are_named(
    north: SampleFacility, action: Action, roles: tuple[str, ...], expected: object
) -> None:
    keeper = plugin(north, record="ordinary", play=["officer"], export=["administrator"])
    assert keeper.may_act(call(), action, Actor(user="kim", roles=roles)) == expected


def test_expiry_is_done_every_day(north: SampleFacility) -> None:
    (task,) = plugin(north, record="ordinary").register_tasks()
    assert (task.name, task.every) == ("expire", 86_400.0)
