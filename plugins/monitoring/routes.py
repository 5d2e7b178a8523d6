"""The plugin's HTTP routes: staff keep the hot list, and notes on calls."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, TypeAlias, TypeVar

from pydantic import StringConstraints, ValidationError

from parloir.api import Facility, HttpRoute, Reply, Request, Settings, to_json

from . import hotlist, notes
from .hotlist import HotKind
from .settings import digits

Answer: TypeAlias = Callable[[Request], Awaitable[Reply]]
Body = TypeVar("Body", bound=Settings)
Id: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Words: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Text: TypeAlias = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000, pattern=r"^[^\x00]+$")
]

READERS = ("officer", "auditor", "administrator")
WRITERS = ("officer", "administrator")


class NewEntry(Settings):
    """Somebody for the hot list: a resident's or a visitor's id, or a telephone number, and why."""

    kind: HotKind
    value: Id
    why: Words


class EntryId(Settings):
    """An entry to take away."""

    id: Id


class NewNote(Settings):
    """A note on a call."""

    call: Id
    text: Text


class Routes:
    """Answers the plugin's routes for one facility."""

    def __init__(self, facility: Facility) -> None:
        self._facility = facility

    def all(self) -> tuple[HttpRoute, ...]:
        """Every route, with the roles it is open to."""
        return (
            HttpRoute("GET", "hot", READERS, self.show_hot),
            HttpRoute("POST", "hot", WRITERS, read(NewEntry, self.enter)),
            HttpRoute("POST", "hot/lift", WRITERS, read(EntryId, self.lift)),
            HttpRoute("GET", "notes", READERS, self.show_notes),
            HttpRoute("POST", "notes", WRITERS, read(NewNote, self.note)),
        )

    async def show_hot(self, request: Request) -> Reply:
        """The hot list, as staff keep it."""
        found = await self._facility.store.run(lambda connection: hotlist.entries(connection, self._facility.id))
        return Reply({"entries": [asdict(each) for each in found]})

    async def enter(self, request: Request, body: NewEntry) -> Reply:
        """Put somebody on it."""
        if body.kind is HotKind.NUMBER and len(digits(body.value)) < 3:
            return Reply({"error": "a number has three digits at least"}, 422)
        facility = self._facility
        entry = await facility.store.run(
            lambda connection: hotlist.enter(
                connection,
                facility.id,
                body.kind,
                body.value,
                why=body.why,
                by=request.user,
                now=facility.now(),
            )
        )
        return Reply(asdict(entry), 201)

    async def lift(self, request: Request, body: EntryId) -> Reply:
        """Take somebody from it."""
        facility = self._facility
        done = await facility.store.run(
            lambda connection: hotlist.lift(connection, facility.id, body.id, by=request.user, now=facility.now())
        )
        return Reply({"lifted": done}, 200 if done else 404)

    async def show_notes(self, request: Request) -> Reply:
        """A call's notes."""
        call = request.query.get("call", "")
        found = await self._facility.store.run(lambda connection: notes.of(connection, self._facility.id, call))
        return Reply({"call": call, "notes": [to_json(each) for each in found]})

    async def note(self, request: Request, body: NewNote) -> Reply:
        """Write something down about a call; the gateway has it too, with the call's recordings."""
        facility = self._facility
        if not await facility.actions.note_call(body.call, body.text, by=request.user):
            return Reply({"error": "there is no such call"}, 404)
        await facility.store.run(
            lambda connection: notes.add(
                connection, facility.id, body.call, body.text, by=request.user, now=facility.now()
            )
        )
        return Reply({"call": body.call}, 201)


def read(model: type[Body], do: Callable[[Request, Body], Awaitable[Reply]]) -> Answer:
    """A route that reads its body first; what does not fit is refused with the field at fault."""

    async def answer(request: Request) -> Reply:
        try:
            body = model.model_validate(request.body, strict=False)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            return Reply({"error": first["msg"], "field": ".".join(map(str, first["loc"]))}, 422)
        return await do(request, body)

    return answer
