"""`parloir recordings`: find, hold, hand on, verify and expire recordings, and look after their keys."""

import argparse
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, date, datetime, time, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from parloir import recording_keys
from parloir.config import loader
from parloir.errors import ParloirError
from parloir.export.job import Job, do
from parloir.export.verify import verify
from parloir.offline import Store, opened
from parloir.relay.journal_reader import Fault, scan
from parloir.store import audit, recording_holds, recordings
from parloir.store.calls import CallClass
from parloir.store.recordings import Recording, State, Wanted
from parloir.store.vault import Vault
from parloir.verbs import Verbs, take_config, verb
from parloir.web.connection import Connection, NotRunning, Rejected

MOST = 100_000


class CannotExport(ParloirError):
    """The recording cannot be handed on: it is still being made, was erased, or its files are not here."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `parloir recordings` takes."""
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listing = _verb(verbs, "list", _list, "print recordings, the newest first")
    for name, what in (("facility", "of this facility"), ("station", "of this phone"), ("call", "of this call")):
        listing.add_argument(f"--{name}", help=f"only those {what}")
    listing.add_argument("--person", default="", help="only those with this in a name, or of this number")
    listing.add_argument(
        "--note", default="", help="only those with this in a note or bookmark, or in a note on the call"
    )
    listing.add_argument("--class", dest="call_class", type=CallClass, choices=[*CallClass], help="only of this class")
    listing.add_argument("--from", dest="after", type=date.fromisoformat, metavar="DATE", help="like 2030-01-31")
    listing.add_argument("--to", dest="before", type=date.fromisoformat, metavar="DATE", help="not including that day")
    export = _verb(verbs, "export", _export, "make a signed bundle of a recording")
    export.add_argument("recording", metavar="ID", help="as 'parloir recordings list' prints it")
    export.add_argument("to", type=Path, metavar="FILE", help="the bundle to write")
    export.add_argument("--reason", required=True, help="why; it goes into the audit chain")
    checking = _verb(verbs, "verify", _verify, "prove that a bundle, or the recordings here, are as they were made")
    checking.add_argument("bundle", nargs="?", type=Path, metavar="FILE", help="a bundle (default: all journals here)")
    checking.add_argument("--key", help="the signer's public key, as 'parloir recordings keys FILE --show' prints it")
    hold = _verb(verbs, "hold", _hold, "keep a recording whatever its retention says")
    hold.add_argument("recording", metavar="ID", help="as 'parloir recordings list' prints it")
    hold.add_argument("--reason", required=True, help="why; it goes into the audit chain")
    hold.add_argument("--lift", action="store_true", help="lift its holds instead")
    expire = _verb(verbs, "expire", _expire, "erase recordings whose time is over, on the running gateway")
    expire.add_argument("--facility", required=True, help="its name in the configuration")
    rewrap = "put the key of every recording under the current master key"
    _verb(verbs, "rewrap", recording_keys.rewrap, rewrap)
    recording_keys.add(verbs)


def main(options: argparse.Namespace) -> int:
    """Do what the verb says."""
    status: int = options.verb(options)
    return status


def _verb(
    verbs: "Verbs[argparse.ArgumentParser]", name: str, do: Callable[[argparse.Namespace], int], what: str
) -> argparse.ArgumentParser:
    parser = verb(verbs, name, what)
    take_config(parser)
    parser.set_defaults(verb=do)
    return parser


def _list(options: argparse.Namespace) -> int:
    config = loader.load(options.config)
    known = config.facilities.get(options.facility)
    zone = ZoneInfo(known.timezone) if known else UTC
    wanted = Wanted(
        options.facility,
        options.station,
        options.call,
        after=_midnight(options.after, zone),
        before=_midnight(options.before, zone),
        call_class=options.call_class,
        person=options.person,
        note=options.note,
        limit=MOST,
    )
    with opened(config.gateway) as store, store.reading() as connection:
        found = recordings.search(connection, wanted)
    for each in found:
        mark = " held" if each.held else ""
        seconds = int((each.ended - each.begun).total_seconds()) if each.ended else 0
        what = f"{each.state}{mark} {each.station} {', '.join(filter(None, (each.resident, each.visitor)))}"
        print(f"{each.id} {each.begun:%Y-%m-%dT%H:%M:%SZ} {seconds:6} s {what}")
    return 0


def _midnight(day: date | None, zone: tzinfo) -> datetime | None:
    """When a day begins by that clock, in UTC."""
    return None if day is None else datetime.combine(day, time(), zone).astimezone(UTC)


def _export(options: argparse.Namespace) -> int:
    config = loader.load(options.config)
    with opened(config.gateway) as store:
        with store.reading() as connection:
            recording = recordings.get(connection, options.recording)
        if not recording.can_be_played:
            raise CannotExport(f"recording {recording.id} is {recording.state}: there is nothing to hand on")
        vault, journal = recording_keys.vault(config), recording_keys.folder(config) / f"{recording.id}.journal"
        key = vault.key(recording.id)
        facts = {"why": options.reason, "call": recording.call}
        with store.transaction() as connection:
            audit.append(connection, store.actor, "recording.exported", f"recording {recording.id}", facts)
        with store.reading() as connection:
            acts = audit.list(connection, subject=f"recording {recording.id}", limit=MOST)
    with tempfile.TemporaryDirectory(prefix="parloir-") as folder:
        do(_job(recording, journal, key, vault, acts, Path(folder), options.to), _progress)
    print(f"{options.to}: signed with {vault.signing.public_key().public_bytes_raw().hex()}")
    return 0


def _job(
    recording: Recording, journal: Path, key: bytes, vault: Vault, acts: list[audit.Record], folder: Path, to: Path
) -> Job:
    return Job(
        what="bundle",
        journal=journal,
        folder=folder,
        key=key,
        signing=vault.masters.signing,
        to=to.absolute(),
        facts={
            "id": recording.id,
            "call": recording.call,
            "facility": recording.facility,
            "station": recording.station,
            "visitor": recording.visitor,
            "state": recording.state.value,
        },
        end={"chunks": recording.chunks, "octets": recording.octets, "hash": recording.hash},
        custody=[act.plain() for act in acts],
    )


def _progress(share: float) -> None:
    if sys.stderr.isatty():
        print(f"\r{share:4.0%}", end="" if share < 1 else "\n", file=sys.stderr, flush=True)


def _verify(options: argparse.Namespace) -> int:
    if options.bundle is not None:
        return _verify_bundle(options.bundle, options.key)
    config = loader.load(options.config)
    folder, wrong = recording_keys.folder(config), 0
    with opened(config.gateway) as store:
        with store.reading() as connection:
            found = recordings.search(connection, Wanted(limit=MOST))
        here = [each for each in found if each.state not in (State.RECORDING, State.ERASED) and each.chunks]
        for each in here:
            faults = _journal_faults(folder / f"{each.id}.journal", each)
            wrong += bool(faults)
            for fault in faults:
                print(f"{each.id}: {fault}", file=sys.stderr)
    print(f"{len(here)} recordings, {wrong} of them not as they were made")
    return 1 if wrong else 0


def _journal_faults(journal: Path, recording: Recording) -> list[Fault]:
    """What is wrong with a journal; its end is what the audit chain knows."""
    try:
        found = scan(journal)
    except FileNotFoundError:
        return [Fault(0, recording.octets, "the journal is gone")]
    faults = list(found.faults)
    if (found.end.octets, found.end.hash) != (recording.octets, recording.hash) and not faults:
        start = min(found.end.octets, recording.octets)
        stop = max(journal.stat().st_size, recording.octets, start + 1)
        faults.append(Fault(start, stop, f"the journal does not end with chunk {recording.chunks} as it was recorded"))
    return faults


def _verify_bundle(bundle: Path, key: str | None) -> int:
    try:
        verdict = verify(bundle)
    except OSError as error:
        print(f"parloir: {bundle}: {error.strerror}", file=sys.stderr)
        return 1
    for fault in verdict.faults:
        print(f"{bundle}: {fault}", file=sys.stderr)
    members = ", ".join(member.name for member in verdict.manifest.members)
    print(f"recording {verdict.manifest.recording.get('id')}: {members}")
    print(f"signed with {verdict.key or 'no key that can be read'}")
    if key is not None and key.lower() != verdict.key:
        print("parloir: this is not the key that was given: another has signed it", file=sys.stderr)
        return 1
    return 1 if verdict.faults else 0


def _hold(options: argparse.Namespace) -> int:
    with opened(loader.load(options.config).gateway) as store:
        return _hold_in(store, options.recording, options.reason, options.lift)


def _hold_in(store: Store, id: str, reason: str, lift: bool) -> int:
    now = datetime.now(UTC)
    with store.transaction() as connection:
        recordings.get(connection, id)
        act = "recording.released" if lift else "recording.held"
        audit.append(connection, store.actor, act, f"recording {id}", {"reason": reason})
        if lift:
            done = f"{len(recording_holds.lift(connection, id, now, store.actor))} holds lifted"
        else:
            recording_holds.place(connection, id, reason, now, store.actor)
            done = "held"
    print(f"{id}: {done}")
    return 0


def _expire(options: argparse.Namespace) -> int:
    try:
        connection = Connection.to(loader.load(options.config).gateway)
        answer = connection.ask("POST", "/api/v1/recordings/expire", {"facility": options.facility})
    except (NotRunning, Rejected) as error:
        print(f"parloir: {error}", file=sys.stderr)
        return 1
    for each in answer["erased"]:
        print(f"{each['id']}: erased; key file {each['key_sha256']}, journal {each['hash']}")
    print(f"{len(answer['erased'])} recordings erased")
    return 0
