"""`parloir ledger`: proves that no money is lost, made or moved without evidence; prints balances and entries."""

import argparse
import sys
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from parloir.calls import reconciliation
from parloir.config import caps, loader
from parloir.config.schema import Config, Facility
from parloir.errors import ParloirError
from parloir.offline import Store, opened
from parloir.store import audit, ledger, ledger_accounts, ledger_balances, ledger_proof
from parloir.store.ledger import Entry
from parloir.verbs import take_config, take_file, verb

SHOWN = 100
"""How many faults are printed."""


class UnknownFacility(ParloirError):
    """The configuration has no facility of that name; take one of those it has."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"--facility {name}: there is none of that name, only {', '.join(known)}")
        self.name = name


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `parloir ledger` takes."""
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, dest="verb")
    proving = verb(verbs, "verify", "prove that the ledger comes to 0 and each charge is what its call's timeline says")
    take_file(proving, to="config")
    balances = verb(verbs, "balance", "print what accounts may spend and what is held of them")
    balances.add_argument("account", nargs="*", metavar="ACCOUNT", help="as resident:ID; default: all holders")
    listing = verb(verbs, "entries", "print what moved money, in its order")
    listing.add_argument("--account", metavar="ACCOUNT", help="only a holder's, as resident:ID")
    listing.add_argument("--call", metavar="ID", help="only a call's")
    counting = verb(verbs, "reconcile", "count calls, talk and charges by the ledger, the timelines and the records")
    for each in (balances, listing, counting):
        take_config(each)
        each.add_argument("--facility", help="its name in the configuration; default: all")
    for each in (listing, counting):
        each.add_argument("--from", dest="after", type=date.fromisoformat, metavar="DATE", help="like 2030-01-31")
        each.add_argument("--to", dest="before", type=date.fromisoformat, metavar="DATE", help="not including that day")


def main(options: argparse.Namespace) -> int:
    """Do one of them; 1 where something is wrong with the ledger."""
    config = loader.load(options.config)
    verbs = {"verify": verify, "balance": balance, "entries": entries, "reconcile": reconcile}
    with opened(config.gateway) as store:
        return verbs[options.verb](store, config, options)


def verify(store: Store, config: Config, options: argparse.Namespace) -> int:
    """Prove the ledger, the audit chain that its checkpoints are in, and every charge."""
    anchor = store.anchor.read()
    with store.reading() as connection:
        chain = audit.verify(connection, anchor)
        proof = ledger_proof.verify(connection, datetime.now(UTC))
        wrong = [*reconciliation.faults(connection, caps.shipped())]
    faults = [*(f"audit {fault}" for fault in chain), *map(str, proof.faults), *map(str, wrong)]
    _complain(faults)
    print(
        f"{proof.entries} entries, {proof.checked} of them under {proof.checkpoints} checkpoints, "
        f"{proof.open_holds} open holds"
    )
    return 1 if faults else 0


def balance(store: Store, config: Config, options: argparse.Namespace) -> int:
    """Print each account's balance: what is available, what is held."""
    with store.reading() as connection:
        for name in _facilities(config, options):
            known = [account.id for account in ledger_accounts.list(connection, name)]
            for account in options.account or known:
                ledger_accounts.parse(account)
                found = ledger_balances.of(connection, name, account)
                print(f"{name}  {account}  available {dollars(found.available)}  held {dollars(found.held)}")
    return 0


def entries(store: Store, config: Config, options: argparse.Namespace) -> int:
    """Print entries, each with what it moves and what proves it."""
    with store.reading() as connection:
        for name, facility in _facilities(config, options).items():
            zone = ZoneInfo(facility.timezone)
            after, before = _span(options, zone)
            found = ledger.list(
                connection, name, account=options.account, call=options.call, after=after, before=before
            )
            for entry in found:
                print(_line(entry, zone))
    return 0


def reconcile(store: Store, config: Config, options: argparse.Namespace) -> int:
    """Print what each facility's calls came to; 1 where ledger, timelines and records do not agree."""
    wrong: list[str] = []
    with store.reading() as connection:
        for name, facility in _facilities(config, options).items():
            span = _span(options, ZoneInfo(facility.timezone))
            found = reconciliation.reconcile(connection, caps.shipped(), name, *span)
            wrong += map(str, found.faults)
            print(
                f"{name}: {found.calls} calls, {found.talked} s talked; {found.charged} charged for {found.paid} s: "
                f"{dollars(found.charge)}, taxes {dollars(found.taxes)}, refunded {dollars(found.refunded)}; "
                f"{found.open_holds} not settled yet"
            )
    _complain(wrong)
    return 1 if wrong else 0


def dollars(amount: int) -> str:
    """Micro-dollars as a decimal number of dollars: two decimals, more only where there is more."""
    whole, part = divmod(abs(amount), 1_000_000)
    digits = f"{part:06}"
    return f"{'-' if amount < 0 else ''}${whole}.{digits[:2]}{digits[2:].rstrip('0')}"


def _facilities(config: Config, options: argparse.Namespace) -> dict[str, Facility]:
    if options.facility is None:
        return dict(config.facilities)
    if options.facility not in config.facilities:
        raise UnknownFacility(options.facility, config.facilities)
    return {options.facility: config.facilities[options.facility]}


def _span(options: argparse.Namespace, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    """The days asked for, by the facility's clock: from the first one's midnight to that of the day after the last."""
    after, before = (
        None if day is None else datetime.combine(day, time(), zone).astimezone(UTC)
        for day in (options.after, options.before)
    )
    return after, before


def _line(entry: Entry, zone: ZoneInfo) -> str:
    moves = ", ".join(f"{account} {dollars(amount)}" for account, amount in entry.moves.items()) or "nothing moves"
    audited = f"audit record {entry.evidence.audit}"
    proof = audited if entry.evidence.timeline is None else f"call {entry.call} event {entry.evidence.timeline}"
    reason = f" ({entry.reason})" if entry.reason else ""
    return f"{entry.id}  {entry.at.astimezone(zone):%Y-%m-%d %H:%M:%S}  {entry.kind}{reason}: {moves}; {proof}"


def _complain(faults: list[str]) -> None:
    for fault in faults[:SHOWN]:
        print(fault, file=sys.stderr)
    if len(faults) > SHOWN:
        print(f"... and {len(faults) - SHOWN} more", file=sys.stderr)
    if faults:
        print(f"parloir: the ledger is not as it must be: {len(faults)} faults", file=sys.stderr)
