"""One of several gateways that settle calls at once: `python -m tests.settling_node URL INDEX OF CALLS RATE SHARED`.

It makes its share of the calls, held for and ended, says `ready`, waits for a line, then settles them at the rate, and
every call whose number SHARED divides beside the other nodes, so that those are settled by all of them. It says how it
went in one line of JSON. Calls that are there already are not made again.
"""

import json
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, insert, select, update
from twisted.internet.defer import Deferred, ensureDeferred, gatherResults
from twisted.internet.task import deferLater, react
from twisted.internet.threads import deferToThread

from parloir.calls.quote import Quote
from parloir.calls.till import Till
from parloir.calls.timeline import Clock, Timelines
from parloir.config.caps import Caps, Row, Status
from parloir.policy.answers import RateStep, Tax
from parloir.store import calls, happenings, ledger_holds, ledger_payments, locks
from parloir.store.calls import Call, CallClass, WayIn
from parloir.store.database import Database
from parloir.store.ledger_holds import Wanted
from parloir.store.ledger_payments import Occasion
from parloir.store.tables import calls as calls_table
from parloir.store.tables import events

FACILITY = "north"
OPENED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PAYERS = 50
DEPOSIT = 10**12
AT_ONCE = 100
QUOTE = Quote((RateStep(0, 120_000),), 110_000, (Tax("city", 100_000),), (), 600, "jail", "America/Chicago")
CAPS = Caps(
    (Row("jail", "audio", date(2026, 1, 1), None, 110_000, 0, Status.IN_FORCE, "a test", date(2026, 1, 1), ""),)
)


def id_of(number: int) -> str:
    """A call's id."""
    return f"c{number:06}"


def seconds_of(number: int) -> int:
    """How long the parties of a call talked."""
    return 30 + number * 7 % 500


def payer_of(number: int) -> str:
    """Who pays for it."""
    return f"resident:r{number % PAYERS}"


def fund(connection: Connection) -> None:
    """Money for everyone; done again it changes nothing."""
    for number in range(PAYERS):
        occasion = Occasion(facility=FACILITY, event=f"fund {number}", by="clerk", at=OPENED)
        ledger_payments.deposit(connection, occasion, account=payer_of(number), amount=DEPOSIT, provider="kiosk")


def make(connection: Connection, numbers: list[int]) -> None:
    """Calls that have ended and are not settled."""
    known = calls.several(connection, map(id_of, numbers))
    fresh = [number for number in sorted(numbers, key=lambda each: each % PAYERS) if id_of(number) not in known]
    if not fresh:
        return
    for number in fresh:
        row = Call(id_of(number), None, FACILITY, "pod-a-1", WayIn.INSIDE, CallClass.UNKNOWN, OPENED)
        calls.add(connection, row)
        calls.classify(connection, row.id, CallClass.ORDINARY)
    for number in fresh:
        wanted = Wanted(
            facility=FACILITY,
            call=id_of(number),
            payer=payer_of(number),
            amount=QUOTE.most.total,
            expires=OPENED + timedelta(days=36_500),
            facts=QUOTE.facts(),
        )
        ledger_holds.place(connection, wanted, at=OPENED, monotonic=0)
    _talk(connection, fresh)


def _talk(connection: Connection, numbers: list[int]) -> None:
    locks.hold(connection, locks.TIMELINE)
    sequence, rows = happenings.last(connection), []
    for number in numbers:
        told: tuple[tuple[str, dict[str, Any]], ...] = (
            ("phone_answered", {}),
            ("report", {"flowing": seconds_of(number) * 1000}),
            ("ended", {"reason": "PhoneHungUp"}),
        )
        for place, (kind, data) in enumerate(told, 2):
            sequence += 1
            rows.append(
                {
                    "call": id_of(number),
                    "number": place,
                    "wall": OPENED,
                    "monotonic": 0,
                    "kind": kind,
                    "data": data,
                    "sequence": sequence,
                }
            )
    connection.execute(insert(events), rows)
    theirs = calls_table.c.id.in_([id_of(number) for number in numbers])
    connection.execute(update(calls_table).where(theirs).values(ended=OPENED, reason="PhoneHungUp"))


@dataclass
class Node:
    """This gateway's share of the work."""

    reactor: Any
    database: Database
    index: int
    of: int
    count: int
    rate: float
    shared: int
    late: list[float] = field(default_factory=list)
    fresh: int = 0
    failed: int = 0

    async def prepare(self) -> None:
        """Make this node's calls."""
        if self.index == 0:
            await self.database.run(fund)
        else:
            while not await self.database.run(lambda c: c.execute(select(events.c.call)).first()):
                await deferLater(self.reactor, 0.1)
        mine = [number for number in range(self.count) if number % self.of == self.index]
        for start in range(0, len(mine), AT_ONCE):
            some = mine[start : start + AT_ONCE]
            await self.database.run(partial(make, numbers=some))

    async def settle(self) -> dict[str, Any]:
        """Settle this node's calls and the shared ones, each at its time."""
        clock = Clock(lambda: datetime.now(UTC), time.monotonic_ns)
        till = Till(Timelines(self.database, clock, lambda event, /, **fields: None), lambda: CAPS, lambda call: False)
        begun, used = time.monotonic(), time.process_time()
        waiting: list[Deferred[None]] = []
        for number in range(self.count):
            if number % self.of != self.index and number % self.shared:
                continue
            due = begun + number / self.rate
            if (early := due - time.monotonic()) > 0:
                await deferLater(self.reactor, early)
            waiting.append(ensureDeferred(self._one(till, number, due)))
        await gatherResults(waiting)
        late = sorted(self.late)
        return {
            "settled": self.fresh,
            "tried": len(waiting),
            "failed": self.failed,
            "seconds": round(time.monotonic() - begun, 2),
            "cpu_ms_each": round((time.process_time() - used) * 1000 / len(waiting), 2),
            "median_ms": round(late[len(late) // 2] * 1000, 1),
            "p99_ms": round(late[len(late) * 99 // 100] * 1000, 1),
        }

    async def _one(self, till: Till, number: int, due: float) -> None:
        settled = await till.settle(id_of(number))
        self.late.append(time.monotonic() - due)
        if settled is None:
            self.failed += 1
        elif settled.fresh:
            self.fresh += 1


async def main(reactor: Any, url: str, index: str, of: str, count: str, rate: str, shared: str) -> None:
    """Prepare, wait for the word, settle."""
    database = Database.open(url, reactor)
    node = Node(reactor, database, int(index), int(of), int(count), float(rate), int(shared))
    await node.prepare()
    print("ready", flush=True)
    await deferToThread(sys.stdin.readline)
    print(json.dumps(await node.settle()), flush=True)
    await database.close()


if __name__ == "__main__":
    react(lambda reactor, *words: ensureDeferred(main(reactor, *words)), sys.argv[1:])
