"""Whether a bundle is what was signed, octet by octet; needs nothing but the file."""

import tarfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError

from parloir.export.bundle import (
    BLOCK,
    END,
    MANIFEST,
    PIECE,
    SIGNATURE,
    SIGNED,
    Manifest,
    Member,
    Signature,
    header,
    padding,
)
from parloir.export.errors import NotABundle
from parloir.relay.journal_reader import Fault

LARGEST = 64 << 20
"""Octets of a manifest at most."""


@dataclass(frozen=True)
class Verdict:
    """What came of it. `key` is the signer's public key (hex); `faults` all that is not what was signed."""

    manifest: Manifest
    key: str
    faults: tuple[Fault, ...]


def verify(path: Path) -> Verdict:
    """Look at every octet of a bundle. Raises NotABundle where there is no manifest to go by, and OSError."""
    with path.open("rb") as file:
        return _Examination(file, path.stat().st_size).run()


class _Examination:
    def __init__(self, file: BinaryIO, octets: int) -> None:
        self._file = file
        self._octets = octets
        self._faults: list[Fault] = []

    def run(self) -> Verdict:
        said = self._read_small(MANIFEST)
        signed = self._read_small(SIGNATURE)
        start = self._file.tell()
        manifest = self._judge(said, signed)
        self._file.seek(start)
        for member in manifest.members:
            self._check(member)
        self._expect(END, "the end of the file")
        if self._file.tell() < self._octets:
            self._blame(self._file.tell(), self._octets, "more than was signed")
        return Verdict(manifest, self._key, tuple(self._faults))

    def _read_small(self, name: str) -> bytes:
        """A file of which only the tar header says how large it is."""
        start = self._file.tell()
        head = self._file.read(BLOCK)
        try:
            octets = tarfile.TarInfo.frombuf(head, "utf-8", "strict").size
        except (tarfile.HeaderError, UnicodeDecodeError):
            octets = 0
        if not 0 < octets <= LARGEST:
            raise NotABundle(f"octets {start} to {start + BLOCK - 1}: this is not the header of {name}")
        if head != header(name, octets):
            self._blame(start, start + BLOCK, f"the header of {name} is not what was written")
        content = self._file.read(octets)
        self._expect(padding(octets), f"what fills up {name}")
        return content

    def _judge(self, said: bytes, signed: bytes) -> Manifest:
        """Which of the two, manifest and signature, is not what was written."""
        after = BLOCK + len(said)
        place = after + -len(said) % BLOCK + BLOCK
        digest = sha256(said).hexdigest()
        signature = _signature(signed)
        self._key = signature.key if signature else ""
        genuine = signature is not None and _is_genuine(signature, said)
        if not genuine and digest.encode() not in signed:
            self._blame(BLOCK, after, "the manifest is not what was signed")
        elif not genuine or signature is None or signature.manifest_sha256 != digest:
            self._blame(place, place + len(signed), "the signature is not what was written")
        if signature is None or signed != signature.model_dump_json(indent=1).encode() + b"\n":
            self._blame(place, place + len(signed), "the signature is not written as it should be")
        try:
            return Manifest.model_validate_json(said)
        except ValidationError:
            raise NotABundle(f"octets {BLOCK} to {after - 1}: the manifest is not what was signed") from None

    def _check(self, member: Member) -> None:
        self._expect(header(member.name, member.octets), f"the header of {member.name}")
        left = member.octets
        for number, known in enumerate(member.pieces):
            start, size = self._file.tell(), min(PIECE, left)
            piece = self._file.read(size)
            if len(piece) < size or sha256(piece).hexdigest() != known:
                what = f"{member.name}, from its octet {number * PIECE} on, is not what was signed"
                self._blame(start, start + size, what)
            left -= size
        if left:
            self._blame(self._file.tell(), self._file.tell() + left, f"no hash covers the end of {member.name}")
            self._file.seek(left, 1)
        self._expect(padding(member.octets), f"what fills up {member.name}")

    def _expect(self, wanted: bytes, what: str) -> None:
        start = self._file.tell()
        if wanted and self._file.read(len(wanted)) != wanted:
            self._blame(start, start + len(wanted), f"{what} is not what was written")

    def _blame(self, start: int, stop: int, what: str) -> None:
        self._faults.append(Fault(start, stop, what))


def _signature(signed: bytes) -> Signature | None:
    try:
        return Signature.model_validate_json(signed)
    except ValidationError:
        return None


def _is_genuine(signature: Signature, said: bytes) -> bool:
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signature.key))
        public.verify(bytes.fromhex(signature.signature), SIGNED + said)
    except (ValueError, InvalidSignature):
        return False
    return signature.algorithm == "Ed25519"
