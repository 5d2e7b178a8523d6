"""`parloir restore`: puts a gateway's data back from a backup."""

import argparse
import os
import sys
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy import inspect

from parloir.backup import DATABASE, MANIFEST, TOKEN, Manifest, digest
from parloir.config import loader
from parloir.config.schema import Gateway
from parloir.errors import ParloirError
from parloir.offline import Store, bare
from parloir.store import anchor, audit, schema, snapshot
from parloir.store.anchor import Anchor, Head
from parloir.store.audit import Fault
from parloir.store.errors import BadAnchor


class NoBackup(ParloirError):
    """A folder is not a whole backup; take another one."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(f"{folder} is not a whole backup: {why}")
        self.folder = folder


class OtherKind(ParloirError):
    """A backup of SQLite does not go into PostgreSQL, nor the other way round; see gateway.database."""

    def __init__(self, found: str, wanted: str) -> None:
        super().__init__(f"this is a backup of {found}, and gateway.database is {wanted}")
        self.found = found
        self.wanted = wanted


class WouldReplace(ParloirError):
    """There is data where the backup would go; back that up first, then give --replace."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is there already: back it up, then give --replace to lose it")
        self.what = what


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `parloir restore` takes."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the gateway's configuration, of which nothing changes")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the backup")
    parser.add_argument("--replace", action="store_true", help="lose the data that is there now")


def main(options: argparse.Namespace) -> int:
    """Restore while no gateway runs, and prove the audit chain; 0, 1 where it is broken, or an error is raised."""
    gateway = loader.load(options.file).gateway
    manifest = examine(options.folder)
    with bare(gateway) as store:
        faults = bring_back(store, gateway, options.folder, manifest, replace=options.replace)
    print(f"restored what was taken {manifest.taken:%Y-%m-%d %H:%M} UTC by version {manifest.version}")
    if manifest.revision != schema.newest():
        print(f"its schema is {manifest.revision}: run `parloir db upgrade {options.file}`")
    for fault in faults:
        print(f"the audit chain was already broken when the backup was taken: {fault}", file=sys.stderr)
    return 1 if faults else 0


def examine(folder: Path) -> Manifest:
    """What is in a backup, after comparing every file with what was written; raises NoBackup."""
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
        for name, wanted in manifest.files.items():
            if Path(name).name != name or digest(folder / name) != wanted:
                raise NoBackup(folder, f"{name} was changed")
    except OSError as error:
        raise NoBackup(folder, f"{error.filename}: {(error.strerror or 'error').lower()}") from error
    except ValidationError as error:
        raise NoBackup(folder, f"{MANIFEST} cannot be read") from error
    if DATABASE not in manifest.files:
        raise NoBackup(folder, "it has no database")
    return manifest


def bring_back(store: Store, gateway: Gateway, folder: Path, manifest: Manifest, *, replace: bool) -> list[Fault]:
    """Put everything in its place, and add that to the audit chain; answers what was wrong with the chain before.

    Raises OtherKind, WouldReplace, InUse, NoTool, SnapshotFailed, BadAnchor.
    """
    kind = store.engine.dialect.name
    if manifest.kind != kind:
        raise OtherKind(manifest.kind, kind)
    lost = _lost(store)
    if not replace:
        _refuse_to_replace(store, gateway, folder, manifest)
    known = Anchor(folder / anchor.FILE).read()
    snapshot.bring_back(store.engine, folder / DATABASE)
    store.anchor.replace(known)
    if TOKEN in manifest.files:
        _put_token(gateway.token_file, (folder / TOKEN).read_bytes())
    if not inspect(store.engine).has_table("audit"):
        return []
    with store.transaction() as connection:
        faults = audit.verify(connection, known)
        facts = {"taken": manifest.taken.isoformat(), "replaced": {"count": lost.count, "hash": lost.hash}}
        audit.append(connection, store.actor, "backup.restored", str(folder.absolute())[:200], facts)
    return faults


def _lost(store: Store) -> Head:
    """How far the audit chain went that is being replaced."""
    try:
        return store.anchor.read() or Head(0, audit.START)
    except BadAnchor:
        return Head(0, audit.START)


def _refuse_to_replace(store: Store, gateway: Gateway, folder: Path, manifest: Manifest) -> None:
    if not snapshot.is_empty(store.engine):
        raise WouldReplace(schema.name(store.engine))
    token = gateway.token_file
    if TOKEN in manifest.files and token.exists() and token.read_bytes() != (folder / TOKEN).read_bytes():
        raise WouldReplace(str(token))


def _put_token(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = file.with_name(f"{file.name}.restored")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
    fresh.rename(file)
