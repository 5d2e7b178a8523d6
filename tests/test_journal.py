"""The journal's format: nothing of it can be changed unseen, and what is there can always be read."""

import os
import queue
from collections.abc import Callable
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parloir.relay import recorder as recorders
from parloir.relay.journal import End, JournalWriter, Record, RecordKind, fact, packed, title
from parloir.relay.journal_reader import Fault, Journal, facts, scan, scanned
from parloir.relay.recorder import Outcome, Recorder

KEY = bytes(range(32))
RECORDS = [Record(RecordKind.RTP, 1 + n % 4, n, n * 20_000_000, bytes([n]) * (n + 1)) for n in range(12)]


def write(path: Path, chunks: list[list[Record]], recording: str = "r1", key: bytes = KEY) -> End:
    writer = JournalWriter(path, recording, key)
    for each in chunks:
        writer.append(packed(each))
    writer.close()
    return writer.end


def read(path: Path, key: bytes = KEY) -> list[Record | Fault]:
    with Journal(path) as journal:
        return list(journal.records(journal.scan(), key))


@pytest.fixture(name="path")
def fresh(tmp_path: Path) -> Path:
    return tmp_path / "r1.journal"


def test_what_was_written_is_read_in_order(path: Path) -> None:
    end = write(path, [RECORDS[:5], RECORDS[5:]])
    assert read(path) == RECORDS
    found = scan(path)
    assert (found.recording, found.faults, found.end, found.cut) == ("r1", (), end, False)
    assert (end.chunks, end.octets) == (2, path.stat().st_size)


def test_facts_are_read_as_they_were_said(path: Path) -> None:
    write(path, [[fact(7, 2, "codec", codec="H264", clock=90_000)]])
    (record,) = read(path)
    assert isinstance(record, Record)
    assert facts(record) == {"fact": "codec", "codec": "H264", "clock": 90_000}


def test_nothing_that_was_said_lies_open_in_the_file(path: Path) -> None:
    write(path, [[Record(RecordKind.RTP, 1, 0, 0, b"a secret that was told" * 4)]])
    assert b"secret" not in path.read_bytes()


def test_every_flipped_byte_is_found_where_it_is(path: Path) -> None:
    write(path, [RECORDS[:3], RECORDS[3:6], RECORDS[6:]])
    whole = path.read_bytes()
    end = scanned(whole).end
    for at in range(len(whole)):
        changed = bytearray(whole)
        changed[at] ^= 0x40
        found = scanned(bytes(changed))
        located = any(fault.start <= at < fault.stop for fault in found.faults)
        # What was cut off is known by where the journal should end; the last hash is in the audit chain.
        cut = found.end != end and found.end.octets <= at
        last = found.end.hash != end.hash and found.end.octets == len(whole)
        assert located or cut or last, at


def test_chunks_after_a_spoilt_one_can_still_be_read(path: Path) -> None:
    write(path, [RECORDS[:3], RECORDS[3:6], RECORDS[6:]])
    spoilt = bytearray(path.read_bytes())
    second = scan(path).chunks[1]
    spoilt[second.start + 14] ^= 1  # its length
    path.write_bytes(spoilt)
    kept = [each for each in read(path) if isinstance(each, Record)]
    assert kept == RECORDS[:3] + RECORDS[6:]


def test_spoilt_ciphertext_is_told_and_the_rest_is_read(path: Path) -> None:
    write(path, [RECORDS[:3], RECORDS[3:6], RECORDS[6:]])
    spoilt = bytearray(path.read_bytes())
    second = scan(path).chunks[1]
    spoilt[second.sealed + 3] ^= 1
    path.write_bytes(spoilt)
    (fault,) = [each for each in read(path) if isinstance(each, Fault)]
    assert (fault.start, fault.stop) == (second.start, second.stop)
    (seen,) = scan(path).faults
    assert seen.start == second.start


@given(st.integers(0, 400))
def test_journal_cut_anywhere_gives_every_whole_chunk(size: int) -> None:
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"cut-{os.getpid()}-{size}.journal"
    try:
        write(path, [[record] for record in RECORDS[:4]])
        whole = path.read_bytes()
        left = scanned(whole).chunks
        path.write_bytes(whole[:size])
        if size > whole.index(b"\n"):
            found = scan(path)
            assert len(found.chunks) == sum(chunk.stop <= size for chunk in left)
            assert found.faults == ()
            assert found.end.octets == max([left[0].start, *(chunk.stop for chunk in left if chunk.stop <= size)])
            assert found.cut is (
                size < len(whole) and size not in {len(whole[: left[0].start]), *(c.stop for c in left)}
            )
    finally:
        path.unlink(missing_ok=True)


def test_chunks_of_another_recording_or_place_are_not_taken(path: Path, tmp_path: Path) -> None:
    write(path, [RECORDS[:3], RECORDS[3:6]])
    other = tmp_path / "r2.journal"
    write(other, [RECORDS[:3], RECORDS[3:6]], recording="r2")
    mine, theirs = scan(path), scan(other)
    mixed = path.read_bytes()[: mine.chunks[1].start] + other.read_bytes()[theirs.chunks[1].start :]
    assert scanned(mixed).faults
    swapped = path.read_bytes()
    first, second = mine.chunks
    swapped = swapped[: first.start] + swapped[second.start :] + swapped[first.start : second.start]
    assert scanned(swapped).faults


def test_wrong_key_opens_nothing(path: Path) -> None:
    write(path, [RECORDS])
    assert all(isinstance(each, Fault) for each in read(path, sha256(b"another").digest()))


def test_journal_is_for_its_owner_alone_and_never_written_over(path: Path) -> None:
    write(path, [RECORDS])
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        write(path, [RECORDS])


class Disk:
    """A recorder whose news are gathered here, and whose clock goes on by `step` seconds each time it is read."""

    def __init__(self, step: float = 0.0) -> None:
        self.news: queue.Queue[Outcome] = queue.Queue()
        times = count(1)
        self.recorder = Recorder(self.later, lambda: step * next(times))

    def later(self, call: Callable[..., object], *arguments: Any) -> None:
        call(*arguments)

    def outcome(self) -> Outcome:
        return self.news.get(timeout=10)


def test_full_disk_is_told_and_what_was_written_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk, room = Disk(), 700

    def write_while_there_is_room(file: int, data: bytes) -> int:
        if os.fstat(file).st_size + len(data) > room:
            raise OSError(28, "No space left on device")
        return os.pwrite(file, data, os.fstat(file).st_size)

    monkeypatch.setattr("parloir.relay.journal.os.write", write_while_there_is_room)
    writing = disk.recorder.begin("r1", path, KEY, disk.news.put)
    for record in RECORDS:
        disk.recorder.append(writing, [record])
    outcome = disk.outcome()
    disk.recorder.append(writing, RECORDS)
    disk.recorder.close(writing, RECORDS)
    disk.recorder.stop()
    assert outcome.failure == "No space left on device"
    assert outcome.end == scan(path).end
    assert 0 < outcome.end.chunks < len(RECORDS)
    assert disk.news.empty()


def test_chunk_of_which_a_part_was_written_fails_the_recording_and_is_not_counted(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, write, written = Disk(), os.write, count(1)

    def write_half_of_the_third(file: int, data: bytes) -> int:
        return write(file, data[: len(data) // 2] if next(written) == 3 else data)

    monkeypatch.setattr("parloir.relay.journal.os.write", write_half_of_the_third)
    writing = disk.recorder.begin("r1", path, KEY, disk.news.put)
    for record in RECORDS[:4]:
        disk.recorder.append(writing, [record])
    outcome = disk.outcome()
    disk.recorder.stop()
    found = scan(path)
    assert "only a part" in outcome.failure
    assert (outcome.end, outcome.end.chunks, found.cut) == (found.end, 1, True)
    assert read(path) == RECORDS[:1]


def test_disk_is_told_to_keep_what_it_was_given_while_the_recording_goes_on(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[int] = []

    def sync(file: int) -> None:
        kept.append(os.fstat(file).st_size)

    assert recorders.SYNC <= 1
    monkeypatch.setattr(recorders, "SYNC", -1.0)
    monkeypatch.setattr("parloir.relay.syncer.os.fdatasync", sync)
    disk = Disk()
    writing = disk.recorder.begin("r1", path, KEY, disk.news.put)
    for record in RECORDS:
        disk.recorder.append(writing, [record])
    disk.recorder.stop()
    assert kept[-1] == path.stat().st_size
    assert len(kept) > len(RECORDS)


def test_disk_that_is_more_than_two_seconds_behind_is_a_failure(path: Path) -> None:
    disk = Disk(step=2.01)
    disk.recorder.begin("r1", path, KEY, disk.news.put)
    assert "too slow" in disk.outcome().failure
    disk.recorder.stop()


def test_more_than_can_wait_is_a_failure_at_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parloir.relay.recorder.BACKLOG", 10)
    disk = Disk()
    writing = disk.recorder.begin("r1", path, KEY, disk.news.put)
    disk.recorder.append(writing, RECORDS)
    assert "too slow" in disk.outcome().failure
    disk.recorder.stop()


def test_closed_journal_tells_its_last_hash(path: Path) -> None:
    disk = Disk()
    writing = disk.recorder.begin("r1", path, KEY, disk.news.put)
    disk.recorder.append(writing, RECORDS[:6])
    disk.recorder.close(writing, RECORDS[6:])
    outcome = disk.outcome()
    disk.recorder.stop()
    assert (outcome.failure, outcome.end) == ("", scan(path).end)
    assert read(path) == RECORDS


@given(st.binary(max_size=400), st.binary(max_size=200))
def test_no_file_whatever_makes_the_scan_fail(one: bytes, other: bytes) -> None:
    for data in (one, b"parloir-journal 1 " + one, title("r1") + one + b"PLRC" + other + b"PLRC"):
        found = scanned(data)
        assert found.end.octets <= len(data)
        assert all(0 <= fault.start < fault.stop for fault in found.faults)
