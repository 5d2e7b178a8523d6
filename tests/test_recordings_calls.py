"""Recording as calls do it: keys, audit record and notice before media, and the books closed after."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from parloir.calls.call import Recorded
from parloir.policy import notices
from parloir.policy.answers import CallClass
from parloir.relay.journal import CHUNK, HEAD, End
from parloir.store import audit
from parloir.store.recordings import State, Wanted
from parloir.webrtc.signalling import Leave, Notice

from .recorded_scene import Make, staged


@pytest.fixture(name="make")
def scenes(tmp_path: Path) -> Iterator[Make]:
    yield from staged(tmp_path)


def full(*_: Any, **__: Any) -> None:
    raise OSError("the disk is full")


def test_key_and_audit_record_come_before_media(make: Make) -> None:
    scene = make()
    scene.talk_recorded()
    (started,) = scene.told("StartRecording")
    id = started["terms"].recording
    done = scene.relay.done
    assert done.index("Announce") < done.index("StartRecording") < done.index("Join")
    assert scene.told("Announce")[-1]["told"] == "monitor record"
    assert started["terms"].key == scene.place.vault.key(id)
    assert scene.acts(f"recording {id}") == ["recording.begun"]
    assert scene.recording().state is State.RECORDING


def test_both_hear_and_read_that_they_are_recorded_before_they_hear_each_other(make: Make) -> None:
    scene = make()
    page, _ = scene.talk_recorded()
    assert [(each["prompt"], each["to"]) for each in scene.told("Play")] == [("en/recorded", "both")]
    assert scene.relay.done.index("Play") < scene.relay.done.index("Announce")
    assert page.last(Notice).text == " ".join(each.words.en for each in (notices.RECORDED, notices.NOTICE))


@pytest.mark.parametrize(
    ("record", "monitor", "told"), [(False, False, ""), (True, False, "record"), (False, True, "monitor")]
)
def test_relay_is_told_no_more_than_the_parties(make: Make, record: bool, monitor: bool, told: str) -> None:
    scene = make(record=record, monitor=monitor)
    scene.talk_recorded()
    assert [each["told"] for each in scene.told("Announce")] == [told]


@pytest.mark.parametrize(
    "rules",
    [
        {"record": False},
        {"call_class": CallClass.PRIVILEGED},
        {"call_class": CallClass.PRIVILEGED, "record": True, "monitor": True},
    ],
)
def test_nothing_is_recorded_that_must_not_be(make: Make, rules: dict[str, Any]) -> None:
    scene = make(**rules)
    scene.talk_recorded()
    assert scene.told("StartRecording") == []
    assert not scene.place.folder.exists()
    assert scene.do(scene.desk.shelf.search(Wanted())) == []


def test_end_of_a_recording_is_stored_with_its_last_hash(make: Make) -> None:
    scene = make()
    _, presence = scene.talk_recorded()
    id = scene.recording().id
    presence.receive(Leave())
    scene.desk.recordings.over(id, End(7, 900, "ab" * 32), "")
    found = scene.recording()
    assert (found.state, found.chunks, found.octets, found.hash) == (State.WHOLE, 7, 900, "ab" * 32)
    assert scene.acts(f"recording {id}") == ["recording.begun", "recording.whole"]
    assert not scene.desk.live


def test_lost_relay_leaves_what_the_disk_has(make: Make) -> None:
    scene = make()
    scene.talk_recorded()
    id = scene.recording().id
    end = scene.write_journal(id)
    scene.relays.went_down(0)
    found = scene.recording()
    assert (found.state, found.hash, found.chunks) == (State.RECOVERED, end.hash, end.chunks)
    assert scene.acts(f"recording {id}") == ["recording.begun", "recording.recovered"]


def test_chunk_that_a_crash_cut_off_is_no_part_of_what_is_recovered(make: Make) -> None:
    scene = make()
    scene.talk_recorded()
    id = scene.recording().id
    end = scene.write_journal(id)
    with scene.place.journal(id).open("ab") as journal:
        journal.write(HEAD.pack(CHUNK, end.chunks + 1, 100, bytes(32)) + bytes(60))
    scene.relays.went_down(0)
    found = scene.recording()
    assert (found.state, found.chunks, found.octets, found.hash) == (State.RECOVERED, *end)


def test_nothing_is_recorded_whose_audit_record_is_not_stored(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = make()
    monkeypatch.setattr(audit, "append", full)
    scene.talk_recorded()
    assert scene.told("StartRecording") == []
    assert scene.do(scene.desk.shelf.search(Wanted())) == []
    assert scene.call.recorded is Recorded.FAILED


def test_end_of_a_recording_and_its_audit_record_are_stored_together_or_not(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = make()
    scene.talk_recorded()
    id = scene.recording().id
    end = scene.write_journal(id)
    with monkeypatch.context() as broken:
        broken.setattr(audit, "append", full)
        scene.desk.recordings.over(id, end, "")
    assert (scene.recording().state, scene.acts(f"recording {id}")) == (State.RECORDING, ["recording.begun"])
    scene.desk.live.clear()
    scene.do(scene.desk.start())
    assert scene.recording().hash == end.hash
    assert scene.acts(f"recording {id}") == ["recording.begun", "recording.recovered"]


def test_gateway_that_starts_again_closes_the_books(make: Make) -> None:
    scene = make()
    scene.talk_recorded()
    id = scene.recording().id
    end = scene.write_journal(id)
    scene.desk.recordings._going.clear()  # as after a crash
    scene.desk.live.clear()
    scene.do(scene.desk.start())
    assert (scene.recording().state, scene.recording().hash) == (State.RECOVERED, end.hash)


def test_recording_whose_journal_was_never_begun_is_closed_as_failed(make: Make) -> None:
    scene = make()
    scene.talk_recorded()
    scene.desk.recordings._going.clear()  # as after a crash
    scene.do(scene.desk.recordings.start("gateway"))
    assert scene.recording().state is State.FAILED
    assert not scene.recording().can_be_played
