"""`parloir audit`: proves that the audit chain is as it was written."""

import argparse
import sys

from parloir.config import loader
from parloir.offline import opened
from parloir.store import audit
from parloir.store.audit import Fault
from parloir.verbs import take_file, verb


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `parloir audit` takes."""
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    take_file(verb(verbs, "verify", "prove that no record of the audit chain was changed, removed, added or moved"))


def main(options: argparse.Namespace) -> int:
    """Print how many records there are and the last one's hash; 1 and what is wrong where, if anything is."""
    with opened(loader.load(options.file).gateway) as store:
        # Before the chain: what is added meanwhile only makes it longer than its anchor knows.
        anchor = store.anchor.read()
        with store.reading() as connection:
            faults = audit.verify(connection, anchor)
            head = audit.head(connection)
    if anchor is None and head.count:
        faults.append(Fault(head.count, f"no anchor at {store.anchor.file}: records after it may have been cut off"))
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{head.count} records, last hash {head.hash}")
    if faults:
        print(f"parloir: the audit chain is not as it was written: {len(faults)} faults", file=sys.stderr)
    return 1 if faults else 0
