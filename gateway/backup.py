"""`parloir backup`: all that a gateway cannot be set up again without, in one folder."""

import argparse
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from parloir import __version__
from parloir.config import loader
from parloir.config.schema import Gateway
from parloir.errors import ParloirError
from parloir.offline import Store, opened
from parloir.store import anchor, audit, schema, snapshot

MANIFEST = "backup.json"
DATABASE = "database"
TOKEN = "api.token"
CONFIGURATION = "parloir.yaml"


class NotEmpty(ParloirError):
    """The folder for a backup has something in it; name a new one."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} is not an empty folder: name a new one for each backup")
        self.folder = folder


class CannotBackUp(ParloirError):
    """A file of the backup cannot be written or read; see that there is space and that you may write there."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"{error.filename}: {(error.strerror or 'error').lower()}")
        self.file = error.filename


class Manifest(BaseModel):
    """What a backup holds: the kind of database, its schema, when it was taken (UTC), and each file's SHA-256."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: str
    taken: datetime
    kind: str
    revision: str
    records: int
    last_hash: str
    files: dict[str, str]


@dataclass(frozen=True)
class Taken:
    """A backup that was taken: its folder and what is in it."""

    folder: Path
    manifest: Manifest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `parloir backup` takes."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the gateway's configuration")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a new folder for the backup")


def main(options: argparse.Namespace) -> int:
    """Back up while the gateway runs; 0, or an error is raised and nothing is left behind."""
    gateway = loader.load(options.file).gateway
    with opened(gateway) as store:
        taken = take(store, gateway, options.file, options.folder)
    manifest = taken.manifest
    print(f"{taken.folder}: {len(manifest.files)} files, audit chain of {manifest.records} records")
    print("It holds names, links and the API's token: keep it as safe as the gateway itself.")
    return 0


def take(store: Store, gateway: Gateway, configuration: Path, folder: Path) -> Taken:
    """Back up into a new folder, readable by its owner alone. It goes into the audit chain first.

    Raises NotEmpty, CannotBackUp, NoTool and SnapshotFailed.
    """
    try:
        folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        if any(folder.iterdir()):
            raise NotEmpty(folder)
        with store.transaction() as connection:
            audit.append(connection, store.actor, "backup.begun", str(folder.absolute())[:200])
        try:
            return _fill(store, gateway, configuration, folder)
        except BaseException:
            for file in folder.iterdir():
                file.unlink()
            raise
    except OSError as error:
        raise CannotBackUp(error) from error


def _fill(store: Store, gateway: Gateway, configuration: Path, folder: Path) -> Taken:
    known = store.anchor.read()
    snapshot.take(store.engine, folder / DATABASE)
    copies = {TOKEN: gateway.token_file, CONFIGURATION: configuration}
    for name, file in copies.items():
        if file.exists():
            _copy(file, folder / name)
    if known is not None:
        _write(folder / anchor.FILE, anchor.text(known).encode())
    with store.reading() as connection:
        revision = schema.revision(connection)
    manifest = Manifest(
        version=__version__,
        taken=datetime.now(UTC),
        kind=store.engine.dialect.name,
        revision=str(revision),
        records=known.count if known else 0,
        last_hash=known.hash if known else "",
        files={file.name: digest(file) for file in sorted(folder.iterdir())},
    )
    _write(folder / MANIFEST, manifest.model_dump_json(indent=2).encode() + b"\n")
    return Taken(folder, manifest)


def digest(file: Path) -> str:
    """The SHA-256 of a file, hex."""
    with file.open("rb") as stream:
        hash = sha256()
        while block := stream.read(1 << 20):
            hash.update(block)
        return hash.hexdigest()


def _copy(source: Path, target: Path) -> None:
    _write(target, b"")
    shutil.copyfile(source, target)


def _write(file: Path, content: bytes) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
