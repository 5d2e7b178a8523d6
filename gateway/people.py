"""`parloir people`: the residents, visitors and relationships of a facility."""

import argparse
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from parloir.config import loader
from parloir.config.schema import Config, Facility
from parloir.errors import ParloirError
from parloir.offline import opened
from parloir.people_changes import Terms
from parloir.people_import import Outcome, run
from parloir.store import visitor_links, visitors
from parloir.store.errors import NoSuch
from parloir.verbs import take_config, verb


class UnknownFacility(ParloirError):
    """The configuration has no facility of that name; take one of those it has."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"--facility {name}: there is none of that name, only {', '.join(known)}")
        self.name = name


class ForceWithoutReason(ParloirError):
    """--force needs --reason, and the other way round; the audit chain keeps it."""

    def __init__(self) -> None:
        super().__init__("give --force and --reason TEXT together: the reason goes into the audit chain")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `parloir people` takes."""
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    what = "take residents, visitors and relationships from CSV files, all or nothing"
    taking = verb(verbs, "import", what)
    taking.add_argument("files", nargs="+", type=Path, metavar="FILE", help="the first line names the columns")
    take_config(taking)
    taking.add_argument("--facility", required=True, help="its name in the configuration")
    taking.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
    taking.add_argument("--complete", action="store_true", help="the files name all there are: end those left out")
    taking.add_argument("--force", action="store_true", help="even if many privileged relationships are weakened")
    taking.add_argument("--reason", metavar="TEXT", help="why --force is right, for the audit chain")
    taking.set_defaults(verb=take)
    what = "make a visitor's own link, where residents can call them; the one before ends"
    linking = verb(verbs, "link", what)
    linking.add_argument("reference", metavar="REFERENCE", help="the visitor's, as in the file that named them")
    take_config(linking)
    linking.add_argument("--facility", required=True, help="its name in the configuration")
    linking.set_defaults(verb=link)


def main(options: argparse.Namespace) -> int:
    """Carry out one of the commands; 0, or an error is raised and nothing was changed."""
    carried_out: int = options.verb(options)
    return carried_out


def link(options: argparse.Namespace) -> int:
    """Make a visitor's link and print it."""
    config = loader.load(options.config)
    _facility(config, options.facility)
    with opened(config.gateway) as store, store.transaction() as connection:
        visitor = visitors.by_reference(connection, options.facility, options.reference)
        if visitor is None:
            raise NoSuch("visitor", options.reference)
        token = visitor_links.make(connection, visitor.id, by=store.actor, now=datetime.now(UTC))
    print(f"{config.gateway.public_url.rstrip('/')}/visit/{token}")
    return 0


def take(options: argparse.Namespace) -> int:
    """Import, and say what came of it."""
    if options.force != bool(options.reason and options.reason.strip()):
        raise ForceWithoutReason
    config = loader.load(options.config)
    facility = _facility(config, options.facility)
    with opened(config.gateway) as store:
        zone, now = ZoneInfo(facility.timezone), datetime.now(UTC)
        terms = Terms(options.facility, zone, now, store.actor, options.complete)
        outcome = run(store, options.files, terms, dry=options.dry_run, forced=options.reason)
    if options.dry_run:
        for change in outcome.plan.changes:
            print(change)
        for number in outcome.pins:
            print(f"resident {number} gets another PIN")
        if outcome.needs_force:
            print("this would be refused without --force:", *outcome.plan.weakened, sep="\n  ")
    print(_summary(outcome, options.dry_run))
    return 0


def _facility(config: Config, name: str) -> Facility:
    if name not in config.facilities:
        raise UnknownFacility(name, [*config.facilities])
    return config.facilities[name]


def _summary(outcome: Outcome, dry: bool) -> str:
    whats = [change.what for change in outcome.plan.changes]
    counts = ", ".join(f"{whats.count(what)} {what}" for what in ("added", "changed", "ended"))
    weakened = len(outcome.plan.weakened)
    rest = f", {len(outcome.pins)} PINs, {weakened} of {outcome.plan.privileged} privileged relationships weakened"
    return f"{'nothing written; it would be ' if dry else ''}{counts}{rest}"
