"""The HTTP API under /api/v1: JSON in and out, for the bearer token's holder and for staff by their roles."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from parloir.calls.bookings import Search, Wish
from parloir.calls.trace import Seen
from parloir.policy import answers as policy
from parloir.store.staff import Staff
from parloir.web import reach
from parloir.web.alerts import Alerts
from parloir.web.answer import write
from parloir.web.desk import Board, Desk
from parloir.web.door import Door
from parloir.web.errors import Refused
from parloir.web.intake import taken as read
from parloir.web.models import (
    AlertBody,
    AlertList,
    AlertQuery,
    Body,
    CallBody,
    CallDetail,
    CallList,
    CallQuery,
    Me,
    MessageBody,
    NewVisit,
    PageLink,
    Reason,
    SlotBody,
    SlotList,
    SlotQuery,
    TraceBody,
    TraceQuery,
    VisitBody,
    VisitList,
    VisitQuery,
)
from parloir.web.office import Office
from parloir.web.operations import BOOKERS, Operation
from parloir.web.phone_models import BanBody, BanList, StationBody, StationList, StationQuery
from parloir.web.request import WebRequest


class Api:
    """The operations, each a method of its name: who asks and models in, models out.

    That they have the role for it is seen to before; here it is looked at whether they work at that facility.
    """

    def __init__(
        self,
        desk: Desk,
        public_url: str,
        office: Office | None = None,
        pages: Callable[[Staff], list[PageLink]] = lambda who: [],
        trace: Callable[[str, str, int], Sequence[Seen]] = lambda facility, station, after: (),
        board: Board | None = None,
    ) -> None:
        self._desk = desk
        self._public_url = public_url
        self._office = office
        self._alerts = Alerts(office.database) if office else None
        self._pages = pages
        self._trace = trace
        self._board = board

    async def add_visit(self, who: Staff, taken: NewVisit) -> VisitBody:
        reach.require(who, taken.facility)
        start = datetime.now(UTC) if taken.start == "now" else taken.start.astimezone(UTC)
        wish = Wish(
            facility=taken.facility,
            station=taken.station,
            visitor=taken.visitor,
            start=start,
            minutes=taken.minutes,
            rings=taken.rings,
            resident=taken.resident,
            visitors=taken.visitors,
            booked_by=taken.booked_by,
            call_class=policy.CallClass(taken.call_class.value) if taken.call_class else None,
        )
        return VisitBody.of(await self._desk.add_visit(wish), self._public_url)

    async def list_visits(self, who: Staff, taken: VisitQuery) -> VisitList:
        states = None if taken.state is None else [taken.state]
        visits = await self._desk.list_visits(taken.facility, taken.station, states)
        secrets = who.may(*BOOKERS)
        seen = [visit for visit in visits if reach.has(who, visit.facility)]
        return VisitList(visits=[VisitBody.of(visit, self._public_url, secrets) for visit in seen])

    async def cancel_visit(self, who: Staff, id: str, taken: Reason) -> VisitBody:
        reach.require(who, (await self._desk.get_visit(id)).facility)
        return VisitBody.of(await self._desk.cancel_visit(id, taken.reason), self._public_url)

    async def list_slots(self, who: Staff, taken: SlotQuery) -> SlotList:
        reach.require(who, taken.facility)
        search = Search(taken.facility, taken.after, taken.before, taken.minutes, taken.resident, taken.visitor_ids)
        return SlotList(slots=[SlotBody.of(slot) for slot in await self._desk.open_slots(search)])

    async def list_calls(self, who: Staff, taken: CallQuery) -> CallList:
        views = await self._desk.list_calls(taken.live)
        return CallList(calls=[CallBody.of(view) for view in views if reach.has(who, view.call.facility)])

    async def get_call(self, who: Staff, id: str) -> CallDetail:
        view = await self._desk.get_call(id)
        reach.require(who, view.call.facility)
        return CallDetail.with_timeline(view, await self._desk.timeline(id))

    async def end_call(self, who: Staff, id: str, taken: Reason) -> None:
        reach.require(who, (await self._desk.get_call(id)).call.facility)
        await self._desk.end_call(id, taken.reason, who.user)

    async def list_alerts(self, who: Staff, taken: AlertQuery) -> AlertList:
        if taken.facility is not None:
            reach.require(who, taken.facility)
        found = await self._kept.list(who, taken.facility, taken.waiting, taken.after)
        return AlertList(alerts=[AlertBody.of(alert) for alert in found])

    async def acknowledge_alert(self, who: Staff, id: str) -> AlertBody:
        return AlertBody.of(await self._kept.acknowledge(who, id))

    async def list_stations(self, who: Staff, taken: StationQuery) -> StationList:
        if taken.facility is not None:
            reach.require(who, taken.facility)
        seen = [phone for phone in self._phones.phones() if reach.has(who, phone.facility)]
        wanted = [phone for phone in seen if taken.facility in (None, phone.facility)]
        return StationList(stations=[StationBody.of(phone) for phone in wanted])

    async def list_bans(self, who: Staff) -> BanList:
        return BanList(bans=[BanBody.of(barred) for barred in self._phones.bans()])

    async def lift_ban(self, who: Staff, address: str) -> None:
        self._phones.lift(address)

    async def show_trace(self, who: Staff, facility: str, station: str, taken: TraceQuery) -> TraceBody:
        reach.require(who, facility)
        seen = self._trace(facility, station, taken.after)
        return TraceBody(messages=[MessageBody.of(each) for each in seen])

    async def show_me(self, who: Staff) -> Me:
        return Me.of(who, self._pages(who), self._office.zones(who) if self._office else {})

    @property
    def _phones(self) -> Board:
        if self._board is None:
            raise Refused(404, "no_phones", "no phones are served here")
        return self._board

    @property
    def _kept(self) -> Alerts:
        if self._alerts is None:
            raise Refused(404, "no_alerts", "no alerts are kept here")
        return self._alerts


class Endpoint:
    """Serves operations over HTTP: sees who asks, reads what the operation takes, writes what it answers."""

    def __init__(self, api: object, door: Door) -> None:
        self._api = api
        self._door = door

    async def serve(self, operation: Operation, request: WebRequest, **path: str) -> bytes:
        """Do the operation; raises Refused, Forbidden or the desk's own errors."""
        who = await self._door.admit(request)
        who.require(*operation.roles)
        arguments: dict[str, Any] = dict(path)
        if operation.takes:
            arguments["taken"] = read(request, operation, operation.takes)
        do: Callable[..., Awaitable[Body | None]] = getattr(self._api, operation.name)
        answer = await do(who, **arguments)
        request.say("cache-control", "no-store")
        return write(request, operation.status, answer)
