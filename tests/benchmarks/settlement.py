"""How many calls a second can be settled: `python -m tests.benchmarks.settlement --database sqlite --rate 50`.

Gateway processes of their own settle calls at a steady rate, each as the gateway does after a call's end: read the
timeline, price it, post the charge. Every tenth call is settled by all of them. Then the whole ledger is proved.
`--database postgresql` starts a server of its own, with its durability on; a URL names a database that is there.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from parloir.store import schema
from parloir.store.database import connect, reading
from tests import settling_nodes
from tests.databases import running
from tests.settling_nodes import Work

DURABLE = ("fsync=on", "synchronous_commit=on", "full_page_writes=on")
EVERY = 10


def main() -> int:
    """Print what came of it; 1 where anything was lost, doubled or late."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", default="sqlite", help="sqlite, postgresql or a URL")
    parser.add_argument("--rate", type=float, default=50.0, help="settlements a second")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--nodes", type=int, default=0, help="gateways (default: 1 on sqlite, 2 on postgresql)")
    options = parser.parse_args()
    with place(options.database) as url:
        nodes = options.nodes or (1 if url.startswith("sqlite") else 2)
        work = Work(url, nodes, int(options.rate * options.seconds), options.rate, EVERY)
        print(
            f"{work.calls} calls, {nodes} nodes, {options.rate:g} a second, load {os.getloadavg()[0]:.1f}", flush=True
        )
        said = settling_nodes.run(work)
        for each in said:
            print(each, flush=True)
        begun = time.monotonic()
        engine = connect(url)
        with reading(engine) as connection:
            faults = settling_nodes.wrong(connection, work.calls)
        engine.dispose()
    took = max(each["seconds"] for each in said)
    settled = sum(each["settled"] for each in said)
    print(
        f"{settled} settled in {took:.1f} s: {settled / took:.1f} a second; proved in {time.monotonic() - begun:.1f} s"
    )
    for fault in faults:
        print(fault, file=sys.stderr)
    kept_up = took < options.seconds + 1 and not any(each["failed"] for each in said)
    return 0 if settled == work.calls and not faults and kept_up else 1


@contextmanager
def place(database: str) -> Iterator[str]:
    """The URL of an empty database of the newest schema."""
    if database == "postgresql":
        with running(DURABLE) as server:
            yield server.fresh()
        return
    with tempfile.TemporaryDirectory(prefix="parloir-settlement-") as folder:
        url = f"sqlite:///{Path(folder) / 'store.sqlite3'}" if database == "sqlite" else database
        engine = connect(url)
        schema.prepare(engine)
        engine.dispose()
        yield url


if __name__ == "__main__":
    sys.exit(main())
