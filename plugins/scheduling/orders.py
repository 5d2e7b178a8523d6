"""What staff ask of scheduling over HTTP."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import AwareDatetime, Field, ValidationError

from parloir.api import BookedBy, HttpRoute, Reply, Request, Settings, Visit, to_json

from . import tables
from .booking import cancelling
from .closure import Closure, ClosureKind
from .enforcement import Enforcement
from .invitation import Mailbox, Method, calendar
from .letter import letter
from .reasons import CALLED_OFF
from .span import Span

OFFICERS = ("officer", "scheduler", "administrator")
SCHEDULERS = ("scheduler", "administrator")
VISITOR = "visitor"
Why = Annotated[str, Field(min_length=1, max_length=500)]
Asked = TypeVar("Asked", bound=Settings)


class Lockdown(Settings):
    """Close the facility, or one unit, from now on; without `until`, until it is lifted."""

    unit: str | None = None
    until: AwareDatetime | None = None
    why: Why


class Closing(Settings):
    """Close the facility, or one unit, for a time to come."""

    unit: str | None = None
    start: AwareDatetime
    end: AwareDatetime
    why: Why


class Lifting(Settings):
    """End a closure now."""

    id: Annotated[str, Field(min_length=1, max_length=64)]


class Excuse(Settings):
    """Count a missed visit no longer."""

    visit: Annotated[str, Field(min_length=1, max_length=64)]
    why: Why


class Cancelling(Settings):
    """A visitor calls their own visit off."""

    visit: Annotated[str, Field(min_length=1, max_length=64)]


class Refused(Exception):
    """What was asked cannot be done; the text says what to change."""


@dataclass(frozen=True)
class Orders:
    """The routes of scheduling."""

    enforcement: Enforcement

    def routes(self) -> tuple[HttpRoute, ...]:
        """All of them."""
        return (
            HttpRoute("GET", "closures", OFFICERS, self.closures),
            HttpRoute("POST", "lockdown", OFFICERS, _reading(Lockdown, self.lockdown)),
            HttpRoute("POST", "closures", SCHEDULERS, _reading(Closing, self.close)),
            HttpRoute("POST", "lift", OFFICERS, _reading(Lifting, self.lift)),
            HttpRoute("POST", "excuse", SCHEDULERS, _reading(Excuse, self.excuse)),
            HttpRoute("GET", "invitation", SCHEDULERS, self.invitation),
            HttpRoute("POST", "cancel", (VISITOR,), _reading(Cancelling, self.cancel)),
        )

    async def closures(self, request: Request) -> Reply:
        """The closures that hold or are to come."""
        now = self.enforcement.desk.facility.now()
        return Reply([_shown(closure) for closure in await self.enforcement.desk.closures(Span(now, now))])

    async def lockdown(self, asked: Lockdown, request: Request) -> Reply:
        """Begin a lockdown: live calls end, visits are moved or released."""
        now = self.enforcement.desk.facility.now()
        if asked.until is not None and asked.until <= now:
            raise Refused("until: this time is over")
        return await self._close(ClosureKind.LOCKDOWN, asked, now, asked.until, request)

    async def close(self, asked: Closing, request: Request) -> Reply:
        """Plan a blackout; visits booked in it are moved or released."""
        if asked.end <= max(asked.start, self.enforcement.desk.facility.now()):
            raise Refused("end: this is before the start, or over")
        return await self._close(ClosureKind.BLACKOUT, asked, asked.start, asked.end, request)

    async def lift(self, asked: Lifting, request: Request) -> Reply:
        """End a closure."""
        facility = self.enforcement.desk.facility
        now = facility.now()
        found = await facility.store.run(
            lambda connection: tables.lift_closure(connection, facility.id, asked.id, request.user, now)
        )
        return Reply({"id": asked.id}) if found else _no(404, "no_closure", "no closure of this id holds")

    async def excuse(self, asked: Excuse, request: Request) -> Reply:
        """Excuse a missed visit."""
        facility = self.enforcement.desk.facility
        now = facility.now()
        await facility.store.run(
            lambda connection: tables.excuse(connection, facility.id, asked.visit, asked.why, request.user, now)
        )
        return Reply({"visit": asked.visit})

    async def cancel(self, asked: Cancelling, request: Request) -> Reply:
        """Call off a visit of the visitor who asks, if it is not too late for that."""
        facility, now = self.enforcement.desk.facility, self.enforcement.desk.facility.now()
        theirs = await facility.records.visits(visitor=request.user, after=now)
        visit = next((each for each in theirs if each.id == asked.visit and each.state == "scheduled"), None)
        if visit is None:
            return _no(404, "no_visit", "you have no visit of this id to come")
        denial = cancelling(self.enforcement.desk.settings, visit.start, now, BookedBy.VISITOR)
        if denial is not None:
            return Reply({"code": denial.code, "message": "too late to cancel", "words": to_json(denial.words)}, 409)
        words = CALLED_OFF.words()
        await facility.actions.release_visit(asked.visit, code=CALLED_OFF.code, words=words, by=request.user)
        return Reply({"visit": asked.visit})

    async def invitation(self, request: Request) -> Reply:
        """A visit as iCalendar text: `visit`, and if they are known `link`, `to` (an address) and `language`."""
        facility, settings = self.enforcement.desk.facility, self.enforcement.desk.settings
        now = facility.now()
        id = request.query.get("visit", "")
        visit = next((each for each in await facility.records.visits(after=now) if each.id == id), None)
        if visit is None:
            return _no(404, "no_visit", "no visit of this id is to come")
        told = letter(
            visit,
            facility,
            now,
            sender=settings.invitations_from,
            to=request.query.get("to", ""),
            link=request.query.get("link", ""),
            language=request.query.get("language", facility.language),
        )
        try:
            return Reply({"calendar": calendar(told, _method(visit, told.attendees))})
        except ValueError as error:
            return _no(422, "invalid", str(error))

    async def _close(
        self, kind: ClosureKind, asked: Lockdown | Closing, start: datetime, finish: datetime | None, request: Request
    ) -> Reply:
        units = set(self.enforcement.desk.facility.stations.values())
        if asked.unit is not None and asked.unit not in units:
            known = ", ".join(sorted(units - {""})) or "no units"
            raise Refused(f"unit: no station is in {asked.unit!r}; there are {known}")
        closure, effect = await self.enforcement.close(kind, asked.unit, start, finish, asked.why, request.user)
        return Reply({**_shown(closure), **asdict(effect)}, 201)


def _reading(
    model: type[Asked], answer: Callable[[Asked, Request], Awaitable[Reply]]
) -> Callable[[Request], Awaitable[Reply]]:
    """A route's answer that is given its body read as `model`, or says what is wrong with it."""

    async def read(request: Request) -> Reply:
        try:
            return await answer(model.model_validate(request.body), request)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_input=False, include_context=False)
            said = (f"{'.'.join(map(str, each['loc'])) or 'body'}: {each['msg']}" for each in faults)
            return _no(422, "invalid", "; ".join(said))
        except Refused as refused:
            return _no(422, "invalid", str(refused))

    return read


def _no(status: int, code: str, message: str) -> Reply:
    return Reply({"code": code, "message": message}, status)


def _method(visit: Visit, attendees: tuple[Mailbox, ...]) -> Method:
    if not attendees:
        return Method.PUBLISH
    return Method.CANCEL if visit.state == "cancelled" else Method.REQUEST


def _shown(closure: Closure) -> dict[str, Any]:
    return {
        "id": closure.id,
        "kind": closure.kind.value,
        "unit": closure.unit,
        "start": closure.start.isoformat(),
        "end": closure.finish.isoformat() if closure.finish else None,
        "why": closure.why,
        "by": closure.by,
    }
