"""A recording that fails: the facility's rule, and who is told."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from parloir.calls.call import Recorded as Recording
from parloir.relay.commands import Refused
from parloir.relay.journal import End
from parloir.store import alerts
from parloir.store.recordings import State
from parloir.webrtc.signalling import Ended, Leave, Warn

from .recorded_scene import Make, Recorded, staged


@pytest.fixture(name="make")
def scenes(tmp_path: Path) -> Iterator[Make]:
    yield from staged(tmp_path)


def spoken(scene: Recorded) -> list[tuple[str, str]]:
    """What the relay was told to play, and to whom."""
    return [(each["prompt"], each["to"]) for each in scene.told("Play")]


@pytest.mark.parametrize("ends", [True, False])
def test_failed_recording_ends_the_call_where_the_facility_says_so(make: Make, ends: bool) -> None:
    scene = make(ends_call=ends)
    scene.talk_recorded()
    id = scene.recording().id
    scene.desk.recordings.over(id, End(2, 90, "cd" * 32), "No space left on device")
    assert scene.recording().state is State.FAILED
    assert scene.relay.crossing is not ends, "what cannot be recorded is not said where the facility wants none of it"
    if ends:
        scene.relay.finish()
        scene.reactor.advance(6)
        assert scene.reason() == "RecordingFailed"


@pytest.mark.parametrize("ends", [True, False])
def test_recording_that_cannot_begin_is_a_failure_too(make: Make, ends: bool) -> None:
    scene = make(ends_call=ends)
    scene.relay.fail["StartRecording"] = Refused("no")
    scene.talk_recorded()
    assert scene.recording().state is State.FAILED
    assert ("Join" in scene.relay.done) is not ends
    wanted = [("en/cannot-record", "both")] if ends else [("en/not-recorded", "phone"), ("en/not-recorded", "browser")]
    assert spoken(scene)[-len(wanted) :] == wanted
    if ends:
        scene.relay.finish()
        scene.reactor.advance(6)
        assert scene.reason() == "RecordingFailed"
        assert "Join" not in scene.relay.done


def fail(scene: Recorded) -> Any:
    """A call both of whose parties talk, and whose recording then fails; its page."""
    page, _ = scene.talk_recorded()
    scene.desk.recordings.over(scene.recording().id, End(2, 90, "cd" * 32), "No space left on device")
    return page


def test_both_are_told_that_the_call_goes_on_unrecorded(make: Make) -> None:
    scene = make()
    page = fail(scene)
    assert page.last(Warn).text == "This visit is not being recorded."
    assert spoken(scene)[-2:] == [("en/not-recorded", "phone"), ("en/not-recorded", "browser")]
    assert scene.relay.crossing
    assert scene.desk.wall.tiles()[0].recorded is Recording.FAILED
    (alert,) = scene.do(scene.database.run(lambda connection: alerts.list(connection, waiting=True)))
    assert alert.text == f"call {scene.call.id} is not recorded: No space left on device"
    page.heard.clear()
    scene.call.page.show_again()
    assert page.last(Warn).text == "This visit is not being recorded.", "a page that comes back is told too"


def test_both_are_told_before_a_call_ends_that_cannot_be_recorded(make: Make) -> None:
    scene = make(ends_call=True)
    page = fail(scene)
    assert page.last(Warn).text == "The visit could not be recorded and had to end. You may try again."
    assert spoken(scene)[-1] == ("en/cannot-record", "both")
    assert page.states[-1] == "held"
    assert scene.desk.live, "it ends when they have heard why"
    scene.relay.finish()
    assert page.last(Ended).reason == "RecordingFailed"


def test_who_waits_for_a_lost_visitor_is_told_too(make: Make) -> None:
    scene = make(ends_call=True)
    scene.talk_recorded()
    scene.call.media.leg_lost("browser", "silence")
    scene.desk.recordings.over(scene.recording().id, End(2, 90, "cd" * 32), "No space left on device")
    assert spoken(scene)[-1] == ("en/cannot-record", "phone")
    scene.relay.finish()
    scene.reactor.advance(6)
    assert scene.reason() == "RecordingFailed"


def test_no_tone_says_that_a_call_is_recorded_whose_recording_failed(make: Make) -> None:
    scene = make()
    scene.talk_recorded()
    scene.call.terms = replace(scene.call.terms, tone=15.0)
    scene.call._remind_later()
    scene.reactor.advance(15)
    assert spoken(scene)[-1] == ("en/tone", "both")
    scene.desk.recordings.over(scene.recording().id, End(2, 90, "cd" * 32), "No space left on device")
    scene.reactor.advance(60)
    assert [name for name, _ in spoken(scene)].count("en/tone") == 1


def test_recording_that_fails_at_the_very_end_disturbs_nobody(make: Make) -> None:
    scene = make()
    page, presence = scene.talk_recorded()
    id, call = scene.recording().id, scene.call
    presence.receive(Leave())
    scene.desk.recordings.over(id, End(2, 90, "cd" * 32), "No space left on device")
    assert call.recorded is Recording.FAILED
    assert "en/not-recorded" not in [name for name, _ in spoken(scene)]
    assert page.last(Ended).reason == "VisitorLeft"
