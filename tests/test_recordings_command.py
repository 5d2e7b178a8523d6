"""`parloir recordings`: what staff of the gateway's host do with recordings, without the gateway."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from parloir import cli
from parloir.config import loader
from parloir.export.verify import verify
from parloir.offline import opened
from parloir.relay.journal import JournalWriter, packed
from parloir.store import audit, calls, recording_holds, recordings, vault
from parloir.store.calls import Call, CallClass, WayIn
from parloir.store.recordings import Ending, State
from parloir.store.vault import Vault

from . import recorded_call
from .recorded_call import Network

NOW = datetime(2030, 5, 1, 12, tzinfo=UTC)
CONFIG = """
gateway: {data_dir: ./data}
recording: {key_file: keys.json}
facilities:
  north:
    name: North County Jail
    timezone: America/Chicago
    stations: {pod-a-1: {address: "sip:1001@127.0.0.1:5090"}}
"""


@pytest.fixture(name="config")
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A gateway's data with one recording of four seconds, `r1`."""
    config = tmp_path / "parloir.yaml"
    config.write_text(CONFIG)
    vault.create(tmp_path / "keys.json", "first")
    folder = tmp_path / "data" / "recordings"
    key = Vault.open(tmp_path / "keys.json", folder).make("r1")
    monkeypatch.setattr(recorded_call, "KEY", key)
    end = recorded_call.call(folder / "r1.journal", 4, Network(), Network())
    with opened(loader.load(config).gateway) as store, store.transaction() as connection:
        call = Call("c1", None, "north", "pod-a-1", WayIn.SCHEDULED, CallClass.ORDINARY, NOW, NOW, "VisitorLeft")
        calls.add(connection, call)
        recordings.add(connection, "r1", "c1", "north", NOW)
        audit.append(connection, "parloir", "recording.begun", "recording r1")
        recordings.end(connection, "r1", NOW, Ending(State.WHOLE, *end))
    return config


def run(config: Path, *words: str) -> int:
    return cli.main(["recordings", words[0], "--config", str(config), *words[1:]])


def test_recordings_are_listed(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(config, "list") == 0
    assert "r1 2030-05-01T12:00:00Z" in capsys.readouterr().out
    for words in (("--station", "other"), ("--person", "ann"), ("--note", "x"), ("--class", "privileged")):
        assert run(config, "list", *words) == 0
        assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("--from", "2030-05-01", "--to", "2030-05-02"), True),
        (
            (
                "--from",
                "2030-05-02",
            ),
            False,
        ),
        (("--to", "2030-05-01"), False),
        (("--facility", "north", "--from", "2030-05-01", "--to", "2030-05-02"), True),
    ],
)
def test_recordings_are_found_by_their_day(
    config: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], found: bool
) -> None:
    assert run(config, "list", *words) == 0
    assert ("r1 " in capsys.readouterr().out) is found


def test_bundle_is_made_audited_and_verified(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = config.parent / "r1.parloir"
    assert run(config, "export", "r1", str(bundle), "--reason", "subpoena 12") == 0
    key = re.findall("[0-9a-f]{64}", capsys.readouterr().out)[-1]
    assert cli.main(["recordings", "verify", str(bundle), "--key", key]) == 0
    assert cli.main(["recordings", "verify", str(bundle), "--key", "0" * 64]) == 1
    manifest = verify(bundle).manifest
    assert (manifest.recording["id"], manifest.recording["seconds"] > 3.5) == ("r1", True)
    with opened(loader.load(config).gateway) as found, found.reading() as connection:
        last = audit.list(connection, subject="recording r1")[-1]
        assert (last.action, last.facts["why"]) == ("recording.exported", "subpoena 12")
    data = bytearray(bundle.read_bytes())
    data[len(data) // 2] ^= 1
    bundle.write_bytes(data)
    capsys.readouterr()
    assert cli.main(["recordings", "verify", str(bundle)]) == 1
    start, stop = map(int, re.findall(r"octets (\d+) to (\d+)", capsys.readouterr().err)[0])
    assert start <= len(data) // 2 <= stop


def test_no_bundle_is_made_without_its_audit_record(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("the store is gone")

    monkeypatch.setattr("parloir.store.audit.append", fail)
    bundle = config.parent / "r1.parloir"
    with pytest.raises(OSError, match="the store is gone"):
        run(config, "export", "r1", str(bundle), "--reason", "subpoena 12")
    assert not bundle.exists()


@pytest.mark.parametrize("part", [0.0, 0.3, 0.999])
def test_flipped_byte_in_a_journal_is_found_and_located(
    config: Path, capsys: pytest.CaptureFixture[str], part: float
) -> None:
    assert run(config, "verify") == 0
    journal = config.parent / "data" / "recordings" / "r1.journal"
    data = bytearray(journal.read_bytes())
    at = int(len(data) * part)
    data[at] ^= 1
    journal.write_bytes(data)
    assert run(config, "verify") == 1
    start, stop = map(int, re.findall(r"octets (\d+) to (\d+)", capsys.readouterr().err)[0])
    assert start <= at <= stop


def test_journal_that_was_cut_or_made_anew_is_found(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = config.parent / "data" / "recordings" / "r1.journal"
    whole = journal.read_bytes()
    journal.write_bytes(whole[: whole.rindex(b"PLRC")])
    assert run(config, "verify") == 1
    journal.unlink()
    writer = JournalWriter(journal, "r1", recorded_call.KEY)
    writer.append(packed(recorded_call.codecs(1.0)))
    writer.close()
    assert run(config, "verify") == 1
    journal.unlink()
    assert run(config, "verify") == 1
    assert "gone" in capsys.readouterr().err


def test_hold_is_placed_and_lifted_on_record(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(config, "hold", "r1", "--reason", "case 5") == 0
    assert run(config, "list") == 0
    assert " held " in capsys.readouterr().out
    assert run(config, "hold", "r1", "--lift", "--reason", "closed") == 0
    with opened(loader.load(config).gateway) as found, found.reading() as connection:
        assert recording_holds.in_force(connection, ["r1"]) == []
        acts = [act.action for act in audit.list(connection, subject="recording r1")]
        assert acts[-2:] == ["recording.held", "recording.released"]


def test_keys_are_rotated_and_the_recording_still_opens(config: Path) -> None:
    keys = config.parent / "keys.json"
    assert cli.main(["recordings", "keys", str(keys), "--rotate", "--name", "second"]) == 0
    assert run(config, "rewrap") == 0
    assert cli.main(["recordings", "keys", str(keys), "--forget"]) == 0
    assert run(config, "export", "r1", str(config.parent / "b"), "--reason", "after") == 0


def test_key_file_is_made_once_and_shows_no_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "new.keys"
    assert cli.main(["recordings", "keys", str(file), "--name", "n1"]) == 0
    assert cli.main(["recordings", "keys", str(file)]) == 1
    assert cli.main(["recordings", "keys", str(file), "--show"]) == 0
    said = capsys.readouterr().out
    assert "n1 (current)" in said
    for secret in re.findall(r"[A-Za-z0-9+/]{43}=", file.read_text()):
        assert secret not in said


EXPORT = ("export", "r9", "x", "--reason", "a")


@pytest.mark.parametrize("words", [EXPORT, ("hold", "r9", "--reason", "a"), ("expire", "--facility", "north")])
def test_what_cannot_be_done_says_why(config: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    assert run(config, *words) == 1
    assert capsys.readouterr().err
