"""What the calls of a visit have cost, for its page: read from the ledger and the timelines after they were settled."""

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Connection

from parloir.calls.facilities import Facilities
from parloir.calls.quote import Bill
from parloir.calls.room import Room
from parloir.calls.talk import Talk
from parloir.log import Log
from parloir.policy.collections import REFUND_REQUESTS, VISIT
from parloir.store import calls, ledger_holds, ledger_payments, participants, timeline
from parloir.store.calls import Call
from parloir.store.database import Database
from parloir.store.ledger_holds import CHARGED, RELEASED
from parloir.store.timeline import Entry
from parloir.store.visits import Visit
from parloir.webrtc.signalling import CallCost, Cost, TaxPaid, ToPage

LANE = "receipts"
MOST = 1000
"""How many pages are remembered that wait to be told."""


class Receipts:
    """Reads what was charged; asks no plugin."""

    def __init__(self, database: Database, facilities: Facilities, log: Log) -> None:
        self._database = database
        self._facilities = facilities
        self._log = log
        self._waiting: dict[str, tuple[Visit, Room]] = {}

    async def tell(self, visit: Visit, say: Callable[[ToPage], None]) -> None:
        """Tell a page what the visit's calls have cost, if they have; never raises."""
        cost = await self._known(visit)
        if isinstance(cost, Cost):
            say(cost)

    async def tell_room(self, visit: Visit, room: Room) -> None:
        """Tell a room's page, and again by `catch_up` where not all is settled yet; never raises."""
        cost = await self._known(visit)
        if isinstance(cost, Cost):
            room.say(cost)
        if cost is not None and (isinstance(cost, Exception) or cost.settling) and len(self._waiting) < MOST:
            self._waiting[visit.id] = (visit, room)

    async def catch_up(self) -> None:
        """Tell the pages that wait for a settlement, whoever has made up for it."""
        for id, (visit, room) in list(self._waiting.items()):
            cost = await self._known(visit) if room.page is not None else None
            if cost is None or (isinstance(cost, Cost) and not cost.settling):
                del self._waiting[id]
            if isinstance(cost, Cost) and not cost.settling:
                room.say(cost)

    async def _known(self, visit: Visit) -> Cost | Exception | None:
        try:
            return await self.of(visit)
        except Exception as error:
            self._log("receipt.failed", visit=visit.id, error=f"{type(error).__name__}: {error}")
            return error

    async def of(self, visit: Visit) -> Cost | None:
        """What the visit's ended calls have cost; None while it had none that has, or will have, a cost known here."""
        cost, on_record = await self._database.run(lambda connection: _read(connection, visit), LANE)
        if not cost.calls and not cost.settling:
            return None
        charged = any(each.total for each in cost.calls)
        return cost.model_copy(update={"refunds": self._refunds(visit.facility)}) if charged and on_record else cost

    def _refunds(self, facility: str) -> str:
        """Where the page asks for a refund: the first plugin's route that takes such requests from pages."""
        try:
            policies = self._facilities.get(facility).policies
        except KeyError:
            return ""
        for each in policies.additions:
            for route in each.routes:
                asked = (route.method.upper(), route.path.strip("/"))
                if asked == ("POST", REFUND_REQUESTS) and VISIT in route.roles:
                    return f"plugins/{facility}/{each.plugin}/{REFUND_REQUESTS}"
        return ""


def _read(connection: Connection, visit: Visit) -> tuple[Cost, bool]:
    """The costs, and whether the page asks for somebody on record."""
    ended = calls.list(connection, live=False, visit=visit.id)
    ended.reverse()
    told = timeline.of_calls(connection, [each.id for each in ended], last_of="quality")
    found = [_cost(connection, each, told[each.id]) for each in ended]
    open_ones = any(ledger_holds.of(connection, each.id) for each in ended)
    on_record = bool(participants.of_visit(connection, visit.id))
    return Cost(calls=tuple(each for each in found if each is not None), settling=open_ones), on_record


def _cost(connection: Connection, call: Call, told: Sequence[Entry]) -> CallCost | None:
    """What a call has cost; None where it is not settled, was denied, or has no price here."""
    facts = {each.kind: each.data for each in told}
    settled = ledger_holds.settlement(connection, call.facility, call.id)
    if settled is None:
        if not _is_free(facts.get("decided", {})):
            return None
        return CallCost(call=call.id, began=call.opened, seconds=Talk.of(told).seconds, charge=0, total=0)
    event = facts.get(CHARGED) or facts.get(RELEASED) or {}
    return CallCost(
        call=call.id,
        began=call.opened,
        seconds=Bill.of(event).seconds,
        charge=settled.charge,
        taxes=tuple(TaxPaid(code=code, amount=amount) for code, amount in sorted(settled.taxes.items()) if amount),
        total=settled.total,
        refunded=ledger_payments.refunded(connection, call.facility, call.id) if settled.total else 0,
    )


def _is_free(decided: Mapping[str, object]) -> bool:
    """Whether it was decided that the call costs nothing at any second."""
    rate = decided.get("rate")
    return decided.get("denied") is None and isinstance(rate, list) and not any(step["per_minute"] for step in rate)
