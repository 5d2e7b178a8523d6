"""Several settling nodes as processes of their own, and what must be true when they have settled."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from parloir.calls import reconciliation
from parloir.policy.price import Charge, charge
from parloir.store import ledger, ledger_balances, ledger_proof
from parloir.store.ledger import Kind
from tests.settling_node import CAPS, DEPOSIT, FACILITY, PAYERS, QUOTE, payer_of, seconds_of

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Work:
    """What the nodes are to do together."""

    url: str
    nodes: int
    calls: int
    rate: float
    shared: int


def start(work: Work, index: int) -> "subprocess.Popen[str]":
    """A node; wait for its `ready`."""
    words = (work.url, index, work.nodes, work.calls, work.rate, work.shared)
    return subprocess.Popen(
        [sys.executable, "-m", "tests.settling_node", *map(str, words)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def ready(node: "subprocess.Popen[str]") -> None:
    """Wait until a node has made its calls."""
    assert node.stdout is not None
    assert node.stdout.readline() == "ready\n"


def go(node: "subprocess.Popen[str]") -> None:
    """Give the word."""
    assert node.stdin is not None
    node.stdin.write("go\n")
    node.stdin.flush()


def run(work: Work) -> Sequence[dict[str, Any]]:
    """Have all nodes settle at once; what each says of it."""
    nodes = [start(work, index) for index in range(work.nodes)]
    try:
        for node in nodes:
            ready(node)
        for node in nodes:
            go(node)
        said = [node.communicate()[0] for node in nodes]
        assert all(node.returncode == 0 for node in nodes)
        return [json.loads(each) for each in said]
    finally:
        for node in nodes:
            node.kill()
            node.communicate()


def due(number: int) -> Charge:
    """What a call comes to."""
    return charge(QUOTE.steps, QUOTE.cap, QUOTE.taxes, seconds_of(number))


def wrong(connection: Connection, calls: int) -> list[str]:
    """All that is not as it must be when so many calls have been settled, each once."""
    faults = [*ledger_proof.verify(connection, datetime.now(UTC)).faults, *reconciliation.faults(connection, CAPS)]
    said = [str(fault) for fault in faults]
    settled = sum(1 for entry in ledger.walk(connection) if entry.kind in (Kind.CHARGE, Kind.RELEASE))
    if settled != calls:
        said.append(f"{settled} settlements of {calls} calls")
    for account, expected in balances(calls).items():
        found = ledger_balances.of(connection, FACILITY, account)
        if (found.available, found.held) != (expected, 0):
            said.append(f"{account} has {found}, not {expected}")
    return said


def balances(calls: int) -> dict[str, int]:
    """What accounts come to when so many calls are settled."""
    expected = {payer_of(number): DEPOSIT for number in range(PAYERS)} | {"revenue": 0, "tax:city": 0}
    for number in range(calls):
        charged = due(number)
        expected[payer_of(number)] -= charged.total
        expected["revenue"] += charged.amount
        expected["tax:city"] += charged.total - charged.amount
    return expected
