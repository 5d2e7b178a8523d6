"""Where the keys of recordings are: each in a file of its own, wrapped by a master key that is kept elsewhere.

A recording is erased by destroying its key; when the master keys have been changed since, not even an old copy of the
wrapped key helps.
"""

import base64
import json
import os
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from parloir.store.errors import BadKeyFile, KeyGone

KEY = 32
NONCE = 12
Octets = Annotated[bytes, Field(min_length=KEY, max_length=KEY)]


class _Model(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, ser_json_bytes="base64", val_json_bytes="base64"
    )


class KeyFile(_Model):
    """What the key file holds: master keys by id, which of them new recordings use, and the key that signs bundles."""

    current: str
    keys: dict[str, Octets] = Field(repr=False)
    signing: Octets = Field(repr=False)


class Wrapped(_Model):
    """A recording's key as it lies in its file: wrapped by AES-256-GCM under the master key of that id."""

    recording: str
    master: str
    nonce: bytes
    key: bytes


@dataclass(frozen=True)
class Destroyed:
    """Proof of a key that is no more: under which master key it was, and the SHA-256 of its file (hex)."""

    recording: str
    master: str
    sha256: str


@dataclass(frozen=True)
class Vault:
    """The keys of all recordings, in `folder`. Everything here touches files: not for the reactor's thread."""

    folder: Path
    file: Path
    masters: KeyFile = field(repr=False)

    @classmethod
    def open(cls, file: Path, folder: Path) -> "Vault":
        """Read the key file. Raises BadKeyFile for one that is not there, not right, or readable by others."""
        return cls(folder, file, _read(file))

    @property
    def signing(self) -> Ed25519PrivateKey:
        """The key that signs bundles."""
        return Ed25519PrivateKey.from_private_bytes(self.masters.signing)

    def make(self, recording: str) -> bytes:
        """A new recording's key; it is on the disk before this returns. Raises OSError, FileExistsError too."""
        key = secrets.token_bytes(KEY)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(self._path(recording), self._wrap(recording, key), os.O_EXCL)
        return key

    def has(self, recording: str) -> bool:
        """Whether a recording's key is here, and not at another gateway or destroyed."""
        return self._path(recording).exists()

    def key(self, recording: str) -> bytes:
        """A recording's key. Raises KeyGone for one that was erased, or whose master key is not in the key file."""
        wrapped = self._wrapped(recording)
        master = self.masters.keys.get(wrapped.master)
        if master is None:
            raise KeyGone(recording, f"its master key {wrapped.master!r} is not in {self.file}")
        try:
            return AESGCM(master).decrypt(wrapped.nonce, wrapped.key, recording.encode())
        except InvalidTag:
            raise KeyGone(recording, "its key file is not what was written") from None

    def destroy(self, recording: str) -> Destroyed:
        """Overwrite and remove a recording's key, having left the proof beside it.

        The proof stays until `forget_proof`; until then what was cut off is ended by doing it again. Raises KeyGone if
        there is neither key nor proof, and OSError.
        """
        path, proof = self._path(recording), self._proof(recording)
        if not proof.exists():
            wrapped, content = self._wrapped(recording), path.read_bytes()
            known = Destroyed(recording, wrapped.master, sha256(content).hexdigest())
            fresh = proof.with_suffix(".proof.new")
            _write(fresh, json.dumps(vars(known)).encode(), os.O_TRUNC)
            fresh.replace(proof)
            _sync_folder(self.folder)
        if path.exists():
            with path.open("r+b") as file:
                file.write(secrets.token_bytes(path.stat().st_size))
                file.flush()
                os.fsync(file.fileno())
            path.unlink()
            _sync_folder(self.folder)
        return Destroyed(**json.loads(proof.read_bytes()))

    def is_destroying(self, recording: str) -> bool:
        """Whether a recording's key was destroyed, or was to be, and the proof is not forgotten."""
        return self._proof(recording).exists()

    def forget_proof(self, recording: str) -> None:
        """Remove the proof of a destroyed key, once it is kept elsewhere. Raises OSError."""
        self._proof(recording).unlink(missing_ok=True)

    def rewrap(self) -> int:
        """Put every recording's key under the current master key; how many were not yet. Raises KeyGone, OSError."""
        count = 0
        for path in sorted(self.folder.glob("*.key")):
            recording = path.stem
            if self._wrapped(recording).master != self.masters.current:
                fresh = path.with_suffix(".new")
                _write(fresh, self._wrap(recording, self.key(recording)), os.O_TRUNC)
                fresh.replace(path)
                count += 1
        if count:
            _sync_folder(self.folder)
        return count

    def _wrap(self, recording: str, key: bytes) -> bytes:
        nonce, current = secrets.token_bytes(NONCE), self.masters.current
        sealed = AESGCM(self.masters.keys[current]).encrypt(nonce, key, recording.encode())
        return Wrapped(recording=recording, master=current, nonce=nonce, key=sealed).model_dump_json().encode()

    def _wrapped(self, recording: str) -> Wrapped:
        try:
            return Wrapped.model_validate_json(self._path(recording).read_bytes())
        except FileNotFoundError:
            raise KeyGone(recording, "its key was destroyed") from None
        except ValidationError:
            raise KeyGone(recording, "its key file is not what was written") from None

    def _path(self, recording: str) -> Path:
        return self.folder / f"{recording}.key"

    def _proof(self, recording: str) -> Path:
        return self.folder / f"{recording}.proof"


def create(file: Path, name: str) -> None:
    """Write a first key file, for its owner's eyes alone. Raises FileExistsError where there is one."""
    _write(file, _dumped(KeyFile(current=name, keys={name: _random()}, signing=_random())), os.O_EXCL)


def rotate(file: Path, name: str) -> KeyFile:
    """Add a master key of that name, which new recordings use from now on. Raises BadKeyFile."""
    found = _read(file)
    if name in found.keys:
        raise BadKeyFile(file, f"it has a key {name!r} already")
    return _replaced(file, found.model_copy(update={"current": name, "keys": {**found.keys, name: _random()}}))


def forget(file: Path) -> KeyFile:
    """Remove every master key but the current one; to be done only when no recording's key is under another."""
    found = _read(file)
    return _replaced(file, found.model_copy(update={"keys": {found.current: found.keys[found.current]}}))


def _random() -> bytes:
    return secrets.token_bytes(KEY)


def _read(file: Path) -> KeyFile:
    try:
        mode = file.stat().st_mode
        found = KeyFile.model_validate_json(file.read_bytes())
    except OSError as error:
        raise BadKeyFile(file, f"{error.strerror}: make it with 'parloir recordings keys'") from error
    except ValidationError as error:
        raise BadKeyFile(file, f"it is not what was written: {error.errors()[0]['msg']}") from None
    if mode & 0o077:
        raise BadKeyFile(file, "others than its owner may read it: chmod 600")
    if found.current not in found.keys:
        raise BadKeyFile(file, f"its current key {found.current!r} is not in it")
    return found


def _dumped(keys: KeyFile) -> bytes:
    def text(key: bytes) -> str:
        return base64.b64encode(key).decode()

    plain = {"current": keys.current, "keys": {name: text(key) for name, key in keys.keys.items()}}
    return json.dumps({**plain, "signing": text(keys.signing)}, indent=1).encode() + b"\n"


def _replaced(file: Path, keys: KeyFile) -> KeyFile:
    fresh = file.with_name(f"{file.name}.new")
    _write(fresh, _dumped(keys), os.O_TRUNC)
    fresh.replace(file)
    _sync_folder(file.parent)
    return keys


def _write(path: Path, content: bytes, flag: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | flag, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
