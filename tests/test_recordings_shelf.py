"""Recordings afterwards: erased with proof, held, played and marked with an audit record before each."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from parloir.calls.shelf import MayNotPlay, NotPlayable
from parloir.store import audit
from parloir.store.errors import KeyGone
from parloir.store.recordings import State

from .live_scene import START
from .recorded_scene import KIM, Make, finished, staged


@pytest.fixture(name="make")
def scenes(tmp_path: Path) -> Iterator[Make]:
    yield from staged(tmp_path)


def test_recording_is_erased_when_its_time_is_over_with_proof(make: Make) -> None:
    scene = make(days=30)
    id = finished(scene)
    assert scene.do(scene.desk.expiry.expire("north", "kim")) == ()
    scene.reactor.advance(31 * 86_400)
    (proof,) = scene.do(scene.desk.expiry.expire("north", "kim"))
    assert (proof.id, proof.master, proof.hash) == (id, "first", scene.recording().hash)
    assert scene.recording().state is State.ERASED
    assert not scene.place.journal(id).exists()
    with pytest.raises(KeyGone):
        scene.place.vault.key(id)
    assert scene.acts(f"recording {id}")[-2:] == ["recording.erasing", "recording.erased"]
    last = scene.do(scene.desk.shelf.custody(id))[-1]
    assert last.facts["key_sha256"] == proof.key_sha256
    with pytest.raises(NotPlayable):
        scene.do(scene.desk.shelf.play(KIM, id, "late"))


def test_recording_is_erased_on_record_or_not_at_all(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    scene, append = make(days=1), audit.append
    id = finished(scene)

    def fail(connection: Any, by: str, act: str, *more: Any) -> Any:
        if act == "recording.erased":
            raise OSError("the disk is full")
        return append(connection, by, act, *more)

    scene.reactor.advance(2 * 86_400)
    with monkeypatch.context() as broken:
        broken.setattr(audit, "append", fail)
        assert scene.do(scene.desk.expiry.expire("north", "kim")) == ()
    assert scene.recording().state is not State.ERASED
    assert scene.acts(f"recording {id}")[-1] == "recording.erasing"
    (proof,) = scene.do(scene.desk.expiry.expire("north", "kim"))
    assert scene.recording().state is State.ERASED
    assert scene.do(scene.desk.shelf.custody(id))[-1].facts["key_sha256"] == proof.key_sha256
    assert list(scene.place.folder.iterdir()) == []


@pytest.mark.parametrize("days", [None, 30])
def test_held_recording_and_one_without_retention_stay(make: Make, days: int | None) -> None:
    scene = make(days=days)
    id = finished(scene)
    scene.do(scene.desk.shelf.hold(KIM, id, "case 5"))
    scene.reactor.advance(31 * 86_400)
    assert scene.do(scene.desk.expiry.expire("north", "kim")) == ()
    assert scene.place.vault.key(id)
    scene.do(scene.desk.shelf.release(KIM, id, "closed"))
    assert len(scene.do(scene.desk.expiry.expire("north", "kim"))) == (days is not None)


def test_playback_is_refused_unaudited_to_whom_policies_refuse_it(make: Make) -> None:
    scene = make(permitted=False)
    id = finished(scene)
    with pytest.raises(MayNotPlay, match="not today"):
        scene.do(scene.desk.shelf.play(KIM, id, "curious"))
    assert "recording.played" not in scene.acts(f"recording {id}")
    assert scene.desk.shelf.making(KIM, id, "playback") is None


def test_without_an_audit_record_nothing_is_played_or_erased(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = make(days=1)
    id = finished(scene)

    def fail(*_: Any) -> None:
        raise OSError("the store is gone")

    monkeypatch.setattr("parloir.store.audit.append", fail)
    for what in (scene.desk.shelf.play, scene.desk.shelf.export):
        with pytest.raises(OSError, match="the store is gone"):
            scene.do(what(KIM, id, "a tip"))
    assert not (scene.place.folder / "made").exists()
    scene.reactor.advance(2 * 86_400)
    assert scene.do(scene.desk.expiry.expire("north", "kim")) == ()
    assert scene.place.vault.has(id)


def test_each_playback_is_on_record_and_its_file_for_those_who_asked(make: Make) -> None:
    scene, other = make(), replace(KIM, id="2", user="lee")
    id, shelf = finished(scene), scene.desk.shelf
    made = scene.do(shelf.play(KIM, id, "a tip"))
    assert shelf.making(KIM, id, "playback") is made
    assert shelf.making(other, id, "playback") is None
    for who, why in ((other, "the same tip"), (KIM, "once more")):
        scene.do(shelf.play(who, id, why))
        last = scene.do(shelf.custody(id))[-1]
        assert (last.action, last.actor, last.facts["why"]) == ("recording.played", who.user, why)
    assert shelf.making(other, id, "playback") is not None
    assert shelf.making(other, id, "bundle") is None


def test_marks_are_on_record(make: Make) -> None:
    scene = make()
    id = finished(scene)
    mark = scene.do(scene.desk.shelf.mark(KIM, id, 1500, "here"))
    assert scene.do(scene.desk.shelf.get(id)).marks == [mark]
    scene.do(scene.desk.shelf.unmark(KIM, id, mark.id))
    assert scene.acts(f"recording {id}")[-2:] == ["recording.marked", "recording.unmarked"]
    assert mark.made >= START
