"""The keys of recordings: wrapped, rotated, and destroyed for good."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from parloir.store import vault
from parloir.store.errors import BadKeyFile, KeyGone
from parloir.store.vault import Vault


@pytest.fixture(name="file")
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "keys" / "master.json"
    file.parent.mkdir()
    vault.create(file, "first")
    return file


def opened(file: Path) -> Vault:
    return Vault.open(file, file.parent.parent / "recordings")


def test_key_is_found_again_and_lies_nowhere_in_the_open(file: Path) -> None:
    made = opened(file).make("r1")
    assert opened(file).key("r1") == made
    (stored,) = opened(file).folder.iterdir()
    assert made not in stored.read_bytes()
    assert stored.stat().st_mode & 0o777 == 0o600
    assert opened(file).make("r2") != made


def test_no_recording_gets_another_key_than_its_own(file: Path) -> None:
    keys = opened(file)
    keys.make("r1")
    with pytest.raises(FileExistsError):
        keys.make("r1")
    keys.make("r2")
    (keys.folder / "r1.key").write_bytes((keys.folder / "r2.key").read_bytes())
    with pytest.raises(KeyGone):
        keys.key("r1")


def test_destroyed_key_is_gone_and_what_it_was_is_proven(file: Path) -> None:
    keys = opened(file)
    keys.make("r1")
    proof = keys.destroy("r1")
    assert (proof.recording, proof.master, len(proof.sha256)) == ("r1", "first", 64)
    with pytest.raises(KeyGone, match="destroyed"):
        keys.key("r1")
    assert (keys.destroy("r1"), keys.is_destroying("r1")) == (proof, True)
    keys.forget_proof("r1")
    with pytest.raises(KeyGone):
        keys.destroy("r1")
    assert not keys.is_destroying("r1")
    assert list(keys.folder.iterdir()) == []


@pytest.mark.parametrize("call", ["write", "unlink"])
def test_destruction_that_was_cut_off_is_ended_with_the_same_proof(
    file: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    keys = opened(file)
    keys.make("r1")
    was = sha256((keys.folder / "r1.key").read_bytes()).hexdigest()

    def fail(*_: object) -> bytes:
        raise OSError("the power is gone")

    with monkeypatch.context() as broken:
        if call == "write":
            broken.setattr("parloir.store.vault.secrets.token_bytes", fail)
        else:
            broken.setattr(Path, "unlink", fail)
        with pytest.raises(OSError, match="the power is gone"):
            keys.destroy("r1")
    assert keys.is_destroying("r1")
    assert opened(file).destroy("r1") == vault.Destroyed("r1", "first", was)
    assert not keys.has("r1")


def test_rotation_rewraps_all_and_leaves_old_copies_worthless(file: Path) -> None:
    keys = opened(file)
    made = {name: keys.make(name) for name in ("r1", "r2")}
    copy = (keys.folder / "r1.key").read_bytes()
    vault.rotate(file, "second")
    keys = opened(file)
    assert keys.key("r1") == made["r1"]  # the old master key is still there
    assert keys.rewrap() == 2
    assert keys.rewrap() == 0
    vault.forget(file)
    keys = opened(file)
    assert {name: keys.key(name) for name in made} == made
    keys.destroy("r1")
    (keys.folder / "r1.key").write_bytes(copy)
    with pytest.raises(KeyGone, match="'first' is not in"):
        keys.key("r1")


def test_key_file_is_never_written_over(file: Path) -> None:
    with pytest.raises(FileExistsError):
        vault.create(file, "another")
    with pytest.raises(BadKeyFile, match="already"):
        vault.rotate(file, "first")


def test_key_file_that_others_may_read_is_refused(file: Path) -> None:
    file.chmod(0o640)
    with pytest.raises(BadKeyFile, match="chmod 600"):
        opened(file)


@pytest.mark.parametrize(
    "change", [{"current": "third"}, {"keys": {"first": "AAAA"}}, {"more": 1}, {"signing": None}], ids=str
)
def test_key_file_that_is_wrong_is_refused_without_showing_it(file: Path, change: dict[str, object]) -> None:
    said = json.loads(file.read_text())
    file.write_text(json.dumps(said | change))
    with pytest.raises(BadKeyFile) as refused:
        opened(file)
    assert said["signing"] not in str(refused.value)


def test_missing_key_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(BadKeyFile, match="parloir recordings keys"):
        Vault.open(tmp_path / "none", tmp_path)
