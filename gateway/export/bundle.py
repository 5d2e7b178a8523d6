"""A recording to be handed on: media, hashes and chain of custody in one tar file, signed (docs/recording-format.md).

The file is laid out so that the manifest alone says what every octet of it must be.
"""

import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import BaseModel, ConfigDict, Field

BLOCK = 512
PIECE = 64 * 1024
"""Octets that one hash of the manifest covers: so near is a changed one located."""
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
SIGNED = b"parloir-bundle 1\n"
"""What is signed begins so, that no signature made for anything else can stand here."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Member(_Model):
    """One file of the bundle: its size in octets, its SHA-256, and that of each piece of it (hex)."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,90}$")
    octets: int = Field(ge=0, lt=1 << 62)
    sha256: str
    pieces: tuple[str, ...]


class Manifest(_Model):
    """What the bundle is. `recording` says what was recorded of whom; `journal` where its journal ends."""

    version: int = 1
    recording: dict[str, Any]
    journal: dict[str, Any]
    piece: int = PIECE
    members: tuple[Member, ...]


class Signature(_Model):
    """The Ed25519 signature over the manifest, the key it was made with (both hex), and the manifest's SHA-256."""

    algorithm: str = "Ed25519"
    key: str = Field(pattern="^[0-9a-f]{64}$")
    manifest_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    signature: str = Field(pattern="^[0-9a-f]{128}$")


@dataclass(frozen=True)
class Contents:
    """What goes into a bundle: facts about the recording and its journal, and files by name."""

    recording: Mapping[str, Any]
    journal: Mapping[str, Any]
    files: Mapping[str, Path]


def write(to: Path, contents: Contents, key: Ed25519PrivateKey) -> Manifest:
    """Write a signed bundle. Raises OSError."""
    members = tuple(_member(name, path) for name, path in contents.files.items())
    manifest = Manifest(recording=dict(contents.recording), journal=dict(contents.journal), members=members)
    said = manifest.model_dump_json(indent=1).encode() + b"\n"
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    signature = Signature(
        key=public.hex(), manifest_sha256=sha256(said).hexdigest(), signature=key.sign(SIGNED + said).hex()
    )
    with to.open("wb") as file:
        _add(file, MANIFEST, said)
        _add(file, SIGNATURE, signature.model_dump_json(indent=1).encode() + b"\n")
        for member in members:
            file.write(header(member.name, member.octets))
            with contents.files[member.name].open("rb") as source:
                for piece in pieces(source):
                    file.write(piece)
            file.write(padding(member.octets))
        file.write(END)
    return manifest


END = bytes(2 * BLOCK)
"""What a tar file ends with."""


def header(name: str, octets: int) -> bytes:
    """A member's tar header: the same for the same name and size, whenever and by whomever it is made."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = octets, 0o644
    return info.tobuf(tarfile.GNU_FORMAT)


def padding(octets: int) -> bytes:
    """What fills a member's last block."""
    return bytes(-octets % BLOCK)


def pieces(file: BinaryIO) -> Iterator[bytes]:
    """A file's pieces, as the manifest hashes them."""
    while piece := file.read(PIECE):
        yield piece


def custody(records: list[dict[str, Any]]) -> bytes:
    """The chain of custody as a file: every act on the recording, from the audit chain."""
    return json.dumps(records, indent=1, sort_keys=True).encode() + b"\n"


def _add(file: BinaryIO, name: str, content: bytes) -> None:
    file.write(header(name, len(content)) + content + padding(len(content)))


def _member(name: str, path: Path) -> Member:
    whole, hashes, octets = sha256(), [], 0
    with path.open("rb") as file:
        for piece in pieces(file):
            whole.update(piece)
            hashes.append(sha256(piece).hexdigest())
            octets += len(piece)
    return Member(name=name, octets=octets, sha256=whole.hexdigest(), pieces=tuple(hashes))
