"""The plugin's HTTP routes: staff keep lists and blocks, visitors their own blocks."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TypeAlias, TypeVar
from uuid import uuid4

from pydantic import ValidationError
from sqlalchemy import Connection

from parloir.api import Facility, HttpRoute, Relationship, Reply, Request, Settings, to_json

from . import blocklist, lists
from .block import Block, SelfBlock
from .bodies import BlockId, Exemption, NewBlock, NewList, NewSelfBlock
from .listing import Change, Listed, Refusal, Ties, counted, refusal, wrong
from .settings import ContactsSettings

Answer: TypeAlias = Callable[[Request], Awaitable[Reply]]
Body = TypeVar("Body", bound=Settings)
T = TypeVar("T")

ADMINISTRATOR, VISITOR = "administrator", "visitor"
READERS = ("officer", "scheduler", "auditor", ADMINISTRATOR)
LISTERS = ("scheduler", ADMINISTRATOR)
BLOCKERS = ("officer", ADMINISTRATOR)


class Routes:
    """Answers the plugin's routes for one facility."""

    def __init__(self, settings: ContactsSettings, facility: Facility) -> None:
        self._settings = settings
        self._facility = facility

    def all(self) -> tuple[HttpRoute, ...]:
        """Every route, with the roles it is open to; `visitor` is a visitor who has signed in."""
        return (
            HttpRoute("GET", "list", READERS, self.show_list),
            HttpRoute("PUT", "list", LISTERS, read(NewList, self.change_list)),
            HttpRoute("GET", "changes", READERS, self.show_changes),
            HttpRoute("GET", "blocks", READERS, self.show_blocks),
            HttpRoute("POST", "blocks", BLOCKERS, read(NewBlock, self.block)),
            HttpRoute("POST", "blocks/lift", (ADMINISTRATOR,), read(BlockId, self.lift)),
            HttpRoute("POST", "blocks/except", (ADMINISTRATOR,), read(Exemption, self.except_from)),
            HttpRoute("POST", "blocks/include", BLOCKERS, read(Exemption, self.include)),
            HttpRoute("GET", "self-blocks", (*READERS, VISITOR), self.show_own),
            HttpRoute("POST", "self-blocks", (*BLOCKERS, VISITOR), read(NewSelfBlock, self.block_own)),
            HttpRoute("POST", "self-blocks/lift", (VISITOR,), read(BlockId, self.lift_own)),
        )

    async def show_list(self, request: Request) -> Reply:
        """A resident's list."""
        resident = request.query.get("resident", "")
        found = await self._do(lambda connection: lists.get(connection, self._facility.id, resident))
        return Reply({"resident": resident, "contacts": [asdict(each) for each in found]})

    async def show_changes(self, request: Request) -> Reply:
        """Who changed a resident's list, when and why; the latest first."""
        resident = request.query.get("resident", "")
        found = await self._do(lambda connection: lists.history(connection, self._facility.id, resident))
        return Reply({"resident": resident, "changes": [to_json(each) for each in found]})

    async def change_list(self, request: Request, body: NewList) -> Reply:
        """Change a resident's list, within its bounds or, for an administrator who says why, past them."""
        new = tuple(Listed(each.visitor, each.name, each.label) for each in body.contacts)
        ties: dict[str, list[Relationship]] = {}
        for visitor, tie in await self._facility.records.relationships(body.resident):
            ties.setdefault(visitor, []).append(tie)
        past = body.why is not None and ADMINISTRATOR in request.roles
        return await self._do(lambda connection: self._change(connection, request, body, new, ties, past))

    def _change(
        self,
        connection: Connection,
        request: Request,
        body: NewList,
        new: tuple[Listed, ...],
        ties: Ties,
        past: bool,
    ) -> Reply:
        facility, now, rules = self._facility, self._facility.now(), self._settings.list_
        change = Change(lists.get(connection, facility.id, body.resident), new)
        refused = wrong(change, ties if self._settings.relationship_required else None)
        counts = False
        if rules is not None and not past:
            entries = lists.history(connection, facility.id, body.resident)
            earlier = [entry.at for entry in entries if entry.counts]
            refused = refused or refusal(rules, change, ties, earlier, now, facility.timezone)
            counts = bool(counted(rules, change.added, ties, now))
        if refused is not None:
            return no(409, refused)
        entry = lists.Entry(now, request.user, counts, change.added, change.removed, body.why or "")
        lists.put(connection, facility.id, body.resident, change, entry)
        return Reply({"resident": body.resident, "contacts": [asdict(each) for each in new]})

    async def show_blocks(self, request: Request) -> Reply:
        """Staff's blocks that nobody has lifted, those that are over by date too; of one visitor where named."""
        found = await self._do(lambda connection: blocklist.in_force(connection, self._facility.id, asked(request)))
        return Reply({"blocks": [to_json(each) for each in found]})

    async def block(self, request: Request, body: NewBlock) -> Reply:
        """Keep a visitor from a resident, or from all."""
        now = self._facility.now()
        if body.finish is not None and body.finish <= now:
            return no(422, Refusal("already_over", "finish is in the past"))
        if body.resident is not None and body.except_:
            return no(422, Refusal("nothing_to_except", "a block of one resident has no exceptions"))
        block = Block(
            uuid4().hex, body.visitor, body.resident, body.reason, request.user, now, body.finish, body.except_
        )
        await self._do(lambda connection: blocklist.add(connection, self._facility.id, block))
        return Reply(to_json(block), 201)

    async def lift(self, request: Request, body: BlockId) -> Reply:
        """End a block."""
        facility, now = self._facility.id, self._facility.now()
        return done(await self._do(lambda each: blocklist.lift(each, facility, body.block, request.user, now)))

    async def except_from(self, request: Request, body: Exemption) -> Reply:
        """Let a resident through a block of the whole facility."""
        now = self._facility.now()

        def work(connection: Connection) -> Reply:
            found = {each.id: each for each in blocklist.in_force(connection, self._facility.id)}.get(body.block)
            if found is None:
                return done(False)
            if found.resident is not None:
                return no(409, Refusal("nothing_to_except", "a block of one resident has no exceptions"))
            if body.resident not in found.exceptions:
                blocklist.except_from(connection, body.block, body.resident, request.user, now)
            return done(True)

        return await self._do(work)

    async def include(self, request: Request, body: Exemption) -> Reply:
        """Let a resident through a block no longer."""
        now = self._facility.now()

        def work(connection: Connection) -> Reply:
            here = any(each.id == body.block for each in blocklist.in_force(connection, self._facility.id))
            return done(here and blocklist.end_exception(connection, body.block, body.resident, request.user, now))

        return await self._do(work)

    async def show_own(self, request: Request) -> Reply:
        """Visitors' own blocks; a visitor sees none but theirs."""
        found = await self._do(lambda connection: blocklist.own(connection, self._facility.id, asked(request)))
        return Reply({"blocks": [to_json(each) for each in found]})

    async def block_own(self, request: Request, body: NewSelfBlock) -> Reply:
        """A visitor wants no calls, or asked staff to enter that."""
        signed_in = VISITOR in request.roles
        visitor = request.user if signed_in else body.visitor
        if visitor is None or (signed_in and body.visitor not in (None, visitor)):
            return no(422, Refusal("visitor_missing", "visitor: name the visitor who asked for it"))
        block = SelfBlock(uuid4().hex, visitor, body.resident, request.user, self._facility.now())

        def work(connection: Connection) -> Reply:
            for each in blocklist.own(connection, self._facility.id, [block.visitor]):
                if each.resident == block.resident:
                    return Reply(to_json(each))
            blocklist.add_own(connection, self._facility.id, block)
            return Reply(to_json(block), 201)

        return await self._do(work)

    async def lift_own(self, request: Request, body: BlockId) -> Reply:
        """The visitor ends their own block. Nobody else can."""
        if VISITOR not in request.roles:
            return no(403, Refusal("visitors_own", "only the visitor ends a block of their own"))
        facility, now = self._facility.id, self._facility.now()
        return done(await self._do(lambda each: blocklist.lift_own(each, facility, body.block, request.user, now)))

    async def _do(self, work: Callable[[Connection], T]) -> T:
        return await self._facility.store.run(work)


def read(body: type[Body], answer: Callable[[Request, Body], Awaitable[Reply]]) -> Answer:
    """A route that is answered once its body has been read; 422 where that is not what it should be."""

    async def whole(request: Request) -> Reply:
        try:
            found = body.model_validate(request.body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            field = ".".join(map(str, first["loc"]))
            return no(422, Refusal("invalid", f"{field}: {first['msg']}" if field else str(first["msg"])))
        return await answer(request, found)

    return whole


def asked(request: Request) -> list[str] | None:
    """Whose blocks to show: a visitor's own, else those of the visitor in the query, else (None) everybody's."""
    if VISITOR in request.roles:
        return [request.user]
    visitor = request.query.get("visitor")
    return None if visitor is None else [visitor]


def done(found: bool) -> Reply:
    """What was asked has been done, unless there was nothing to do it to."""
    return Reply({"done": True}) if found else no(404, Refusal("no_such_block", "there is no such block in force"))


def no(status: int, refused: Refusal) -> Reply:
    """A refusal in JSON."""
    return Reply(asdict(refused), status)
