"""Bundles: what is in one, and that no octet of it can be changed unseen."""

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from parloir.export import bundle
from parloir.export.bundle import PIECE, Contents
from parloir.export.errors import NotABundle
from parloir.export.verify import verify

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture(name="path")
def written(tmp_path: Path) -> Path:
    """A bundle of two files, one of several pieces."""
    (tmp_path / "media").write_bytes(bytes(range(256)) * 300)
    (tmp_path / "custody").write_bytes(bundle.custody([{"number": 1, "action": "recording.exported"}]))
    files = {"recording.mkv": tmp_path / "media", "custody.json": tmp_path / "custody"}
    path = tmp_path / "r1.parloir"
    bundle.write(path, Contents({"id": "r1", "call": "c1"}, {"chunks": 3, "hash": "ab"}, files), KEY)
    return path


def test_whole_bundle_is_as_it_was_signed(path: Path) -> None:
    verdict = verify(path)
    assert verdict.faults == ()
    assert verdict.key == KEY.public_key().public_bytes_raw().hex()
    assert verdict.manifest.recording == {"id": "r1", "call": "c1"}
    assert [member.name for member in verdict.manifest.members] == ["recording.mkv", "custody.json"]


def test_any_tool_can_open_it(path: Path) -> None:
    with tarfile.open(path) as tar:
        assert tar.getnames() == ["manifest.json", "manifest.sig", "recording.mkv", "custody.json"]
        media = tar.extractfile("recording.mkv")
        assert media is not None
        assert media.read() == bytes(range(256)) * 300
        said = tar.extractfile("manifest.json")
        assert said is not None
        assert json.load(said)["journal"] == {"chunks": 3, "hash": "ab"}


@pytest.mark.parametrize(("bit", "step"), [(0x01, 1), (0x20, 4)])
def test_every_flipped_byte_is_found_where_it_is(path: Path, tmp_path: Path, bit: int, step: int) -> None:
    whole, changed = path.read_bytes(), tmp_path / "changed"
    small = set(range(4 * 512 + len(verify(path).manifest.model_dump_json(indent=1)) + 1024))
    for at in sorted(small | set(range(0, len(whole), 997)) | {len(whole) - 1})[::step]:
        data = bytearray(whole)
        data[at] ^= bit
        changed.write_bytes(data)
        try:
            faults = verify(changed).faults
        except NotABundle as error:
            first, last = (int(word) for word in error.why.split(":")[0].split() if word.isdigit())
            assert first <= at <= last, at
            continue
        assert any(fault.start <= at < fault.stop for fault in faults), at


def test_place_in_the_media_is_named(path: Path) -> None:
    data = bytearray(path.read_bytes())
    at = data.index(bytes(range(256)) * 2) + PIECE + 17
    data[at] ^= 1
    path.write_bytes(data)
    (fault,) = verify(path).faults
    assert fault.start <= at < fault.stop
    assert fault.stop - fault.start <= PIECE
    assert f"recording.mkv, from its octet {PIECE} on" in fault.what


@pytest.mark.parametrize("cut", [1, 600, 1024, 30_000])
def test_what_is_missing_at_the_end_is_found(path: Path, cut: int) -> None:
    path.write_bytes(path.read_bytes()[:-cut])
    assert verify(path).faults


def test_what_was_added_is_found(path: Path) -> None:
    size = path.stat().st_size
    path.write_bytes(path.read_bytes() + b"more")
    (fault,) = verify(path).faults
    assert (fault.start, fault.stop) == (size, size + 4)


def test_bundle_signed_by_another_shows_another_key(path: Path, tmp_path: Path) -> None:
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    bundle.write(tmp_path / "forged", Contents({"id": "r1"}, {}, {}), other)
    assert verify(tmp_path / "forged").key != verify(path).key


@pytest.mark.parametrize("content", [b"", b"x" * 5000, bytes(5000)])
def test_what_is_no_bundle_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(NotABundle):
        verify(tmp_path / "file")


@given(st.binary(max_size=3000), st.integers(0, 3000))
def test_no_file_whatever_makes_verification_fail_otherwise(tmp_path_factory: Any, content: bytes, at: int) -> None:
    path = tmp_path_factory.mktemp("any") / "file"
    whole = bundle.header("manifest.json", len(content)) + content + bundle.padding(len(content))
    path.write_bytes(whole[:at] + content)
    with pytest.raises(NotABundle):
        verify(path)


def test_bundle_may_be_larger_than_a_plain_tar_header_can_say() -> None:
    assert tarfile.TarInfo.frombuf(bundle.header("recording.mkv", 20 << 30), "utf-8", "strict").size == 20 << 30
