"""`parloir recordings keys` and `rewrap`: the master keys of recordings, made, changed and forgotten."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from parloir.config import loader
from parloir.config.schema import Config
from parloir.offline import opened
from parloir.store import audit
from parloir.store import vault as vaults
from parloir.store.errors import BadKeyFile
from parloir.store.vault import Vault
from parloir.verbs import Verbs, verb


def add(verbs: "Verbs[argparse.ArgumentParser]") -> None:
    """What `parloir recordings keys` takes."""
    what = "make the file of the master keys, or change it"
    parser = verb(verbs, "keys", what)
    parser.add_argument("file", type=Path, metavar="FILE", help="the file that recording.key_file names")
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--rotate", action="store_true", help="add a master key for new recordings")
    way.add_argument("--forget", action="store_true", help="remove older master keys; run 'rewrap' before")
    way.add_argument("--show", action="store_true", help="print the keys' names and the public key of bundles")
    parser.add_argument("--name", default=f"{datetime.now(UTC):%Y-%m-%d}", help="of the new key (default: today)")
    parser.set_defaults(verb=_keys)


def folder(config: Config) -> Path:
    """Where recordings lie. Raises BadKeyFile where the configuration has none."""
    if config.recording is None:
        raise BadKeyFile(Path("recording.key_file"), "the configuration names no keys for recordings")
    return config.recording.folder or config.gateway.data_dir / "recordings"


def vault(config: Config) -> Vault:
    """The keys. Raises BadKeyFile."""
    where = folder(config)
    assert config.recording is not None
    return Vault.open(config.recording.key_file, where)


def rewrap(options: argparse.Namespace) -> int:
    """Put every recording's key under the current master key."""
    config = loader.load(options.config)
    keys = vault(config)
    count = keys.rewrap()
    with opened(config.gateway) as store, store.transaction() as connection:
        facts = {"count": count, "master": keys.masters.current}
        audit.append(connection, store.actor, "recordings.rewrapped", "recordings", facts)
    print(f"{count} keys put under {keys.masters.current}")
    return 0


def _keys(options: argparse.Namespace) -> int:
    if options.rotate:
        vaults.rotate(options.file, options.name)
    elif options.forget:
        vaults.forget(options.file)
    elif not options.show:
        try:
            vaults.create(options.file, options.name)
        except OSError as error:
            raise BadKeyFile(options.file, (error.strerror or str(error)).lower()) from error
        print(f"{options.file}: written; keep a copy where neither the gateway's data nor its backups are")
    keys = Vault.open(options.file, options.file.parent)
    for name in keys.masters.keys:
        print(f"{name}{' (current)' if name == keys.masters.current else ''}")
    print(f"bundles are signed with {keys.signing.public_key().public_bytes_raw().hex()}")
    return 0
