"""The officers' page and API: who is let in, what they see, what they may do, and the page's own parts."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pytest_twisted import async_yield_fixture, ensureDeferred
from twisted.internet.defer import Deferred
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Request, TextMessage

from parloir.calls.acts import Acts
from parloir.calls.acts_speech import BOTH, Speaker, Spoken
from parloir.calls.call import Recorded
from parloir.calls.permission import MayNotAct
from parloir.calls.wall import Onlooker, Tile, Wall
from parloir.policy.answers import CallClass
from parloir.policy.values import Action
from parloir.store.staff import Staff
from parloir.web.files import read_files
from parloir.web.officer import Guardroom
from parloir.webrtc.sdp import OfferRefused

from .web_desk import NOW
from .web_office import OURS, Counter, counter

FILES = {name: file.content.decode() for name, file in read_files().items()}
SCRIPTS = {name: text for name, text in FILES.items() if name.startswith("officer") and name.endswith(".js")}


def tile(id: str = "c1", **facts: Any) -> Tile:
    """A call on the wall."""
    given: dict[str, Any] = {
        "id": id,
        "facility": "north",
        "station": "pod-a-1",
        "unit": "A",
        "resident": "Resident One",
        "visitors": ("Ann Doe",),
        "call_class": CallClass.ORDINARY,
        "state": "active",
        "opened": NOW,
        "ends": NOW,
        "video": True,
        "opens": True,
        "attended": False,
        "holds": (),
        "withheld": (),
        "listeners": (),
        "speaker": None,
        "recorded": Recorded.NO,
    }
    return Tile(**given | facts)


@dataclass
class FakeWall:
    """A wall that shows what it is told to."""

    shown: list[Tile] = field(default_factory=list)
    onlookers: list[Onlooker] = field(default_factory=list)

    def tiles(self) -> tuple[Tile, ...]:
        return tuple(self.shown)

    def look(self, onlooker: Onlooker) -> None:
        self.onlookers.append(onlooker)

    def leave(self, onlooker: Onlooker) -> None:
        if onlooker in self.onlookers:
            self.onlookers.remove(onlooker)


@dataclass
class FakeActs:
    """Remembers what officers did; `fail` is raised instead."""

    done: list[tuple[Any, ...]] = field(default_factory=list)
    fail: Exception | None = None
    speaking: Speaker | None = None

    async def _do(self, *what: Any) -> None:
        if self.fail:
            raise self.fail
        self.done.append(what)

    async def warn(self, who: Staff, call: str, **how: Any) -> None:
        await self._do("warn", who.user, call, how)

    async def withhold(self, who: Staff, call: str, stream: Any, on: bool, why: str) -> None:
        await self._do("withhold", who.user, call, *map(str, stream), on, why)

    async def pause(self, who: Staff, call: str, why: str) -> None:
        await self._do("pause", who.user, call, why)

    async def resume(self, who: Staff, call: str, why: str) -> None:
        await self._do("resume", who.user, call, why)

    async def speak(self, who: Staff, call: str, offer: str, to: Any, why: str) -> Spoken:
        await self._do("speak", who.user, call, sorted(map(str, to)), why)
        self.speaking = Speaker("sp1", call, who.user, who.name, BOTH, NOW)
        return Spoken(self.speaking, "answer")

    def speaker(self, call: str) -> Speaker | None:
        return self.speaking

    async def hush(self, call: str, speaker: str) -> None:
        await self._do("hush", call, speaker)


@dataclass
class Post:
    """A server with a guardroom."""

    counter: Counter
    wall: FakeWall
    acts: FakeActs


@async_yield_fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    wall, acts = FakeWall(), FakeActs()
    as_wall: Wall = wall  # type: ignore[assignment]
    as_acts: Acts = acts  # type: ignore[assignment]
    made = await counter(tmp_path, guardroom=Guardroom(as_wall, as_acts))
    yield Post(made, wall, acts)
    await made.close()


@ensureDeferred
async def test_wall_shows_the_calls_of_one_s_own_facilities(post: Post) -> None:
    post.wall.shown = [tile(), tile("c2", facility="south", call_class=CallClass.PRIVILEGED, opens=False)]
    for user, seen in (("officer", ["c1", "c2"]), ("guest", ["c2"]), ("auditor", ["c1", "c2"])):
        answer = await (await post.counter.session(user)).ask("GET", "/api/v1/wall")
        assert [call["id"] for call in answer.json["calls"]] == seen
        assert {warning["name"] for warning in answer.json["warnings"]} >= {"warning-conduct"}
    assert answer.json["calls"][1]["class"] == "privileged"
    for user in ("technician", "scheduler"):
        assert (await (await post.counter.session(user)).ask("GET", "/api/v1/wall")).status == 403


ACTS: list[tuple[str, dict[str, Any], tuple[Any, ...]]] = [
    ("warning", {"prompt": "warning-conduct"}, ("warn", "live1")),
    ("warning", {"text": "Please sit down.", "reason": "standing"}, ("warn", "live1")),
    (
        "withheld",
        {"party": "visitor", "kind": "audio", "on": True},
        ("withhold", "live1", "browser", "audio", True, ""),
    ),
    ("pause", {"reason": "a count"}, ("pause", "live1", "a count")),
    ("resume", {}, ("resume", "live1", "")),
    ("speakers", {"sdp": "v=0", "to": "inside", "reason": "x"}, ("speak", "live1", ["phone"], "x")),
]


@pytest.mark.parametrize(("path", "body", "done"), ACTS)
@ensureDeferred
async def test_each_act_is_done_in_the_name_of_who_asked(
    post: Post, path: str, body: dict[str, Any], done: tuple[Any, ...]
) -> None:
    officer = await post.counter.session("officer")
    answer = await officer.ask("POST", f"/api/v1/calls/live1/{path}", body)
    assert answer.status in (201, 204), answer.body
    ((name, user, *rest),) = post.acts.done
    assert (name, user) == (done[0], "officer")
    assert tuple(rest[: len(done) - 1]) == done[1:]


@pytest.mark.parametrize(("path", "body", "done"), ACTS)
@ensureDeferred
async def test_nobody_else_acts(post: Post, path: str, body: dict[str, Any], done: tuple[Any, ...]) -> None:
    for user in ("guest", "auditor", "technician", "scheduler"):
        browser = await post.counter.session(user)
        assert (await browser.ask("POST", f"/api/v1/calls/live1/{path}", body)).status == 403, user
    officer = await post.counter.session("officer")
    for over in ("none", "gone1"):
        assert (await officer.ask("POST", f"/api/v1/calls/{over}/{path}", body)).status == 404
    assert (await officer.ask("POST", f"/api/v1/calls/live1/{path}", body, {"Origin": OURS["Origin"]})).status == 403
    assert post.acts.done == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("warning", {}),
        ("warning", {"text": ""}),
        ("withheld", {"party": "both", "kind": "audio", "on": True}),
        ("withheld", {"party": "inside", "kind": "smell", "on": True}),
        ("pause", {"reason": "x" * 501}),
        ("speakers", {"sdp": "v=0", "to": "both"}),
        ("speakers", {"sdp": "v=0", "to": "both", "reason": " "}),
        ("speakers", {"sdp": "v=0", "to": "visitor", "reason": "x"}),
    ],
)
@ensureDeferred
async def test_what_is_not_asked_rightly_is_refused(post: Post, path: str, body: dict[str, Any]) -> None:
    officer = await post.counter.session("officer")
    assert (await officer.ask("POST", f"/api/v1/calls/live1/{path}", body)).status == 422
    assert post.acts.done == []


@ensureDeferred
async def test_refusals_are_told_with_their_codes(post: Post) -> None:
    officer = await post.counter.session("officer")
    speech = {"sdp": "v=0", "to": "both", "reason": "x"}
    post.acts.fail = MayNotAct("c1", Action.BARGE, "privileged", "it is privileged")
    refused = await officer.ask("POST", "/api/v1/calls/live1/speakers", speech)
    assert (refused.status, refused.json["error"]["code"]) == (403, "may_not_act")
    post.acts.fail = OfferRefused("it has no sound")
    refused = await officer.ask("POST", "/api/v1/calls/live1/speakers", speech)
    assert (refused.status, refused.json["error"]["code"]) == (422, "offer_refused")


@ensureDeferred
async def test_speech_is_ended_by_its_speaker_alone(post: Post) -> None:
    officer = await post.counter.session("officer")
    speech = {"sdp": "v=0", "to": "both", "reason": "x"}
    said = await officer.ask("POST", "/api/v1/calls/live1/speakers", speech)
    assert said.json["sdp"] == "answer"
    assert said.json["speaker"]["to"] == "both"
    administrator = await post.counter.session("administrator")
    assert (await administrator.ask("DELETE", "/api/v1/calls/live1/speakers/sp1")).status == 403
    assert (await officer.ask("DELETE", "/api/v1/calls/live1/speakers/sp1")).status == 204
    assert post.acts.done[-1] == ("hush", "live1", "sp1")


class Line:
    """A page's WebSocket, from outside."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._protocol = WSConnection(ConnectionType.CLIENT)
        self._messages: list[Any] = []
        self.closed = False

    @classmethod
    async def open(cls, post: Post, cookie: str) -> "Line | int":
        """Connect as a page with that cookie; or the status of the refusal."""
        server = post.counter.server
        reader, writer = await asyncio.open_connection(server.host, server.port)
        self = cls(reader, writer)
        headers = [(b"origin", OURS["Origin"].encode()), (b"cookie", cookie.encode())]
        request = Request(host="visits.example", target="/api/v1/officers", extra_headers=headers)
        writer.write(self._protocol.send(request))
        while True:
            data = await reader.read(65_536)
            if data.startswith(b"HTTP/1.1 4"):
                writer.close()
                return int(data[9:12])
            self._protocol.receive_data(data)
            events = list(self._protocol.events())
            if any(isinstance(event, AcceptConnection) for event in events):
                self._sort(events)
                return self

    def send(self, text: str) -> None:
        """Say something."""
        self._writer.write(self._protocol.send(TextMessage(text)))

    async def next(self) -> Any:
        """The next message; None when it is closed."""
        while not self._messages and not self.closed:
            data = await self._reader.read(65_536)
            self._protocol.receive_data(data or None)
            self._sort(list(self._protocol.events()))
        return self._messages.pop(0) if self._messages else None

    def hang_up(self) -> None:
        """Close it."""
        self._writer.close()

    def _sort(self, events: list[Any]) -> None:
        for event in events:
            if isinstance(event, TextMessage):
                self._messages.append(json.loads(event.data))
            elif isinstance(event, CloseConnection):
                self.closed = True


async def on_loop(work: Any) -> Any:
    return await Deferred.fromFuture(asyncio.ensure_future(work))


@ensureDeferred
async def test_page_is_told_of_what_changes_at_its_own_facilities(post: Post) -> None:
    post.wall.shown = [tile(), tile("c2", facility="south")]
    guest = await post.counter.session("guest")
    line: Line = await on_loop(Line.open(post, guest.cookie))
    assert [call["id"] for call in (await on_loop(line.next()))["calls"]] == ["c2"]
    (onlooker,) = post.wall.onlookers
    onlooker.changed("c1", "north", tile())
    onlooker.changed("c2", "south", tile("c2", facility="south", holds=("officer",)))
    onlooker.changed("c2", "south", None)
    assert (await on_loop(line.next()))["call"]["holds"] == ["officer"]
    assert await on_loop(line.next()) == {"type": "gone", "id": "c2"}
    line.send('{"type":"ping"}')
    assert await on_loop(line.next()) == {"type": "pong"}
    line.send("x" * 100)
    assert await on_loop(line.next()) is None
    assert post.wall.onlookers == []
    line.hang_up()


@ensureDeferred
async def test_socket_is_for_those_who_may_look(post: Post) -> None:
    assert await on_loop(Line.open(post, "")) == 401
    scheduler = await post.counter.session("scheduler")
    assert await on_loop(Line.open(post, scheduler.cookie)) == 403
    server = post.counter.server
    answer = await server.ask("GET", "/api/v1/officers", headers={"Origin": "https://elsewhere.example"})
    assert answer.status == 403
    assert post.wall.onlookers == []


def _tables() -> list[dict[str, str]]:
    tables = re.findall(r"const (?:english|spanish) = {\n(.*?)\n};", FILES["officer_words.js"], re.DOTALL)
    return [dict(re.findall(r"^  (\w+):\s+\"(.*?)\",?(?: \+)?$", table, re.MULTILINE)) for table in tables]


def test_both_languages_say_the_same_things_and_have_all_that_the_page_asks_for() -> None:
    english, spanish = _tables()
    assert list(english) == list(spanish)
    for key, text in english.items():
        assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", spanish[key])), key
    staff = set(re.findall(r"^  (\w+): \"", FILES["staff_words.js"], re.MULTILINE))
    asked = set(re.findall(r'phrase\("(\w+)"', " ".join(SCRIPTS.values())))
    asked |= set(re.findall(r'data-phrase="(\w+)"', FILES["officer.html"]))
    assert len(asked) > 20
    assert asked <= set(english) | staff


def test_every_file_and_element_that_the_page_names_is_there() -> None:
    html = FILES["officer.html"]
    assert set(re.findall(r'(?:src|href)="static/([\w.-]+)"', html)) <= set(FILES)
    looked = re.findall(r'at\("#([\w-]+)', " ".join(SCRIPTS.values()))
    assert len(looked) > 30
    assert set(looked) <= set(re.findall(r'\bid="([\w-]+)"', html))
    assert re.findall(r"\s(?:style|on\w+)=", html) == []
