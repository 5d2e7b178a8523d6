"""Several gateways settling at once, and one that is killed: nothing is lost, nothing is done twice."""

import time

import pytest

from parloir.store import ledger_holds
from parloir.store.database import connect, transaction
from tests import settling_nodes
from tests.databases import Server
from tests.settling_nodes import Work

FAST = 100_000.0
"""A rate that makes every call due at once."""


def wrong(url: str, calls: int) -> list[str]:
    engine = connect(url)
    with transaction(engine, None) as connection:
        found = settling_nodes.wrong(connection, calls)
    engine.dispose()
    return found


@pytest.mark.parametrize("shared", [1, 3], ids=["the same calls", "some of the same calls"])
def test_two_nodes_settle_at_once_on_postgresql(postgresql: Server, shared: int) -> None:
    work = Work(postgresql.fresh(), nodes=2, calls=120, rate=FAST, shared=shared)
    said = settling_nodes.run(work)
    assert [each["failed"] for each in said] == [0, 0]
    assert sum(each["tried"] for each in said) > work.calls
    assert sum(each["settled"] for each in said) == work.calls
    assert wrong(work.url, work.calls) == []


@pytest.mark.parametrize("after", [0, 60])
def test_a_gateway_killed_while_it_settles_loses_and_doubles_nothing(where: str, after: int) -> None:
    """The next one settles what is left, and what was settled once more."""
    work = Work(where, nodes=1, calls=120, rate=FAST, shared=1)
    node = settling_nodes.start(work, 0)
    settling_nodes.ready(node)
    settling_nodes.go(node)
    left = work.calls
    engine = connect(where)
    while left > work.calls - after:
        time.sleep(0.005)
        with transaction(engine, None) as connection:
            left = len(ledger_holds.list(connection))
    node.kill()
    node.communicate()
    engine.dispose()
    (said,) = settling_nodes.run(work)
    assert said["failed"] == 0
    assert said["tried"] == work.calls
    assert said["settled"] <= left
    assert wrong(where, work.calls) == []
