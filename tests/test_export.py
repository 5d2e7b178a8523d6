"""From a journal to Matroska: all four streams, whole, at their own times, together as they were."""

from functools import partial
from pathlib import Path

import pytest

from parloir.export import mp4, preview
from parloir.export.errors import NothingRecorded
from parloir.export.mkv import make
from parloir.relay.journal import RecordKind, fact

from . import recorded_call
from .recorded_call import EVERY, KEY, Network, beeps, call, flashes, party, spans

OFFSET = 0.08
"""By how many seconds sound and picture may be apart."""


def exported(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "r1.journal", tmp_path / "r1.mkv"


def assert_together(mkv: Path, times: int) -> None:
    for number in (0, 1):
        light, sound = flashes(mkv, number), beeps(mkv, number)
        assert len(light) == len(sound) == times
        assert max(abs(seen - heard) for seen, heard in zip(light, sound, strict=True)) < OFFSET


def test_minute_s_call_has_four_streams_as_long_as_the_talk(tmp_path: Path) -> None:
    journal, mkv = exported(tmp_path)
    call(journal, 60, Network(), Network(0.12, 0.05))
    found = make(journal, KEY, mkv)
    assert found.faults == ()
    tracks = spans(mkv)
    assert [codec for codec, _, _ in tracks] == ["pcm_mulaw", "h264", "pcm_mulaw", "h264"]
    for _, first, last in tracks:
        assert first == pytest.approx(0.0, abs=0.15)  # the way from the party to the relay is part of it
        assert last - first == pytest.approx(60.0, abs=0.1)


def test_sound_and_picture_are_together_though_they_came_by_unlike_ways(tmp_path: Path) -> None:
    journal, mkv = exported(tmp_path)
    call(journal, 20, Network(0.02, 0.28, jitter=0.02), Network(0.3, 0.05, jitter=0.02))
    make(journal, KEY, mkv)
    assert_together(mkv, 5)


def test_without_reports_the_arrivals_tell(tmp_path: Path) -> None:
    journal, mkv = exported(tmp_path)
    call(journal, 12, Network(jitter=0.04, reports=False), Network(0.06, 0.06, jitter=0.04, reports=False))
    make(journal, KEY, mkv)
    assert_together(mkv, 3)


def test_loss_and_reordering_leave_it_whole(tmp_path: Path) -> None:
    journal, mkv = exported(tmp_path)
    bad = partial(Network, jitter=0.03, loss=0.02, reordered=0.05)
    call(journal, 20, bad(seed=3), bad(0.1, 0.15, seed=4))
    found = make(journal, KEY, mkv)
    assert len(found.tracks) == 4
    for _, first, last in spans(mkv):
        assert last - first == pytest.approx(20.0, abs=0.15)
    assert_together(mkv, 5)


def test_gap_stays_a_gap(tmp_path: Path) -> None:
    journal, mkv = exported(tmp_path)
    before, after = party(1, 6, Network(), 5000.0), party(1, 6, Network(), 5016.0)
    after = [record._replace(epoch=2) for record in after]
    recorded_call.write(journal, before + after)
    make(journal, KEY, mkv)
    assert beeps(mkv, 0) == pytest.approx([2.03, 18.03], abs=0.05)
    assert flashes(mkv, 0) == pytest.approx([2.03, 18.03], abs=0.08)
    for _, _, last in spans(mkv):
        assert last == pytest.approx(22.0, abs=0.1)


def test_codec_that_changed_gets_a_track_of_its_own(tmp_path: Path) -> None:
    journal, mkv = exported(tmp_path)
    sound = [record for record in party(1, 4, Network(), 5000.0) if record.stream == 1]
    middle = int(5002.0 * 1e9)
    told = fact(middle, 1, "codec", codec="PCMA", clock=8000, parameter_sets=[])
    recorded_call.write(journal, [*sound, told])
    assert [track.codec for track in make(journal, KEY, mkv).tracks.values()] == ["PCMA", "PCMU"]


def test_officer_who_spoke_has_a_track_of_their_own_and_is_in_the_mix(tmp_path: Path) -> None:
    journal, mkv = exported(tmp_path)
    spoken = [each for each in party(5, 4, Network(), 5003.0) if each.stream == 5 and each.kind is RecordKind.RTP]
    told = fact(5_002_900_000_000, 5, "codec", codec="PCMU", clock=8000, parameter_sets=[])
    recorded_call.write(journal, [*party(1, 8, Network(), 5000.0), *party(3, 8, Network(), 5000.0), told, *spoken])
    tracks = make(journal, KEY, mkv).tracks.values()
    assert [track.name for track in tracks][:-1] == ["inside audio", "inside video", "visitor audio", "visitor video"]
    assert [track.name for track in tracks][-1] == "officer audio"
    assert beeps(mkv, 2) == pytest.approx([5.03], abs=0.05)
    assert spans(mkv)[-1][1] == pytest.approx(3.03, abs=0.05)
    mp4.make(mkv, tmp_path / "r1.mp4")
    assert beeps(tmp_path / "r1.mp4", 0) == pytest.approx([2.03, 5.03, 6.03], abs=0.1)
    loud = [index for index, value in enumerate(preview.waveform(mkv)["officer"]) if value > 8000]
    assert loud
    assert all(50 <= index <= 53 for index in loud)


def test_clock_that_runs_wrong_does_not_part_them(tmp_path: Path) -> None:
    journal, mkv = exported(tmp_path)
    records = party(1, 40, Network(), 5000.0)
    slow = [record._replace(arrival=int(5000e9 + (record.arrival - 5000e9) * 1.002)) for record in records]
    recorded_call.write(journal, slow)
    make(journal, KEY, mkv)
    light, sound = flashes(mkv, 0), beeps(mkv, 0)
    assert len(light) == len(sound) == 10
    assert max(abs(a - b) for a, b in zip(light, sound, strict=True)) < OFFSET
    assert sound[-1] == pytest.approx((38.0) * 1.002 + 0.03, abs=0.05)


def test_journal_that_was_cut_is_exported_as_far_as_it_goes(tmp_path: Path) -> None:
    journal, mkv = exported(tmp_path)
    call(journal, 20, Network(), Network())
    whole = journal.read_bytes()
    journal.write_bytes(whole[: len(whole) * 3 // 5])
    make(journal, KEY, mkv)
    for _, _, last in spans(mkv):
        assert 10 < last < 14
    assert_together(mkv, int((12 - EVERY / 2) // EVERY) + 1)


def test_spoilt_chunk_is_left_out_and_told(tmp_path: Path) -> None:
    journal, mkv = exported(tmp_path)
    call(journal, 8, Network(), Network())
    data = bytearray(journal.read_bytes())
    data[len(data) // 2] ^= 1
    journal.write_bytes(data)
    found = make(journal, KEY, mkv)
    assert len(found.faults) == 1
    (fault,) = found.faults
    assert fault.start <= len(data) // 2 < fault.stop
    assert len(spans(mkv)) == 4


def test_journal_in_which_nobody_is_heard_is_not_exported(tmp_path: Path) -> None:
    journal, mkv = exported(tmp_path)
    recorded_call.write(journal, [fact(5_001_000_000_000, 0, "joined")])
    with pytest.raises(NothingRecorded):
        make(journal, KEY, mkv)
