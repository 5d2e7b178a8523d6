"""The visitors' WebSocket: who may open it, what it takes in, and when it ends."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pytest_twisted import async_yield_fixture, ensureDeferred
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure
from wsproto.utilities import LocalProtocolError

from parloir.web.visitor import LONGEST_MESSAGE, PING, SILENCE, Pages, Visitor
from parloir.webrtc.signalling import Ended, Join, Leave, Pong

from .end_to_end.websocket import WebSocket
from .web_desk import LINK, FakeDesk
from .web_server import Server, serve

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@async_yield_fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    server = await serve(tmp_path)
    yield server
    await server.web.close()


async def on_loop(work: Any) -> Any:
    return await Deferred.fromFuture(asyncio.ensure_future(work))


async def open_socket(server: Server, token: str = LINK) -> WebSocket:
    socket: WebSocket = await on_loop(WebSocket.open(server.base, token))
    return socket


async def messages(socket: WebSocket) -> list[dict[str, Any]]:
    """All that comes until the gateway closes."""
    found: list[dict[str, Any]] = []
    while (more := await on_loop(socket.receive())) is not None:
        found += more
    socket.close()
    await on_loop(socket.closed())
    return found


async def one(socket: WebSocket) -> dict[str, Any]:
    while not (more := await on_loop(socket.receive())):
        assert more is not None, "closed"
    first: dict[str, Any] = more[0]
    return first


@ensureDeferred
async def test_a_page_is_let_in_heard_and_answered(server: Server) -> None:
    socket = await open_socket(server)
    socket.send({"type": "ping"})
    assert await one(socket) == {"type": "pong"}
    socket.send({"type": "join", "sdp": "v=0"})
    socket.send({"type": "leave"})
    socket.send({"type": "ping"})
    assert await one(socket) == {"type": "pong"}
    [room] = server.desk.rooms
    assert room.said == [Join(sdp="v=0"), Leave()]
    room.page.send(Ended(reason="LimitReached", text="Over."))
    room.page.close("over")
    assert (await messages(socket))[0]["reason"] == "LimitReached"
    assert room.gone == 1
    room.page.send(Pong())
    room.page.close("again")


@ensureDeferred
async def test_a_strangers_link_and_a_visit_that_is_over_are_told_so(server: Server) -> None:
    server.desk.over.add("old-link")
    assert [m["reason"] for m in await messages(await open_socket(server, "not-a-link"))] == ["UnknownLink"]
    assert [m["reason"] for m in await messages(await open_socket(server, "old-link"))] == ["VisitOver"]
    assert server.desk.rooms == []


@ensureDeferred
async def test_trying_links_is_slowed_down(server: Server) -> None:
    for number in range(20):
        await messages(await open_socket(server, f"guess-{number}"))
    answer = await server.ask("GET", f"/api/v1/ws?visit={LINK}", headers=UPGRADE, token=None)
    assert (answer.status, answer.json["error"]["code"]) == (429, "too_many_guesses")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://visits.example", "file://"])
@ensureDeferred
async def test_a_page_of_another_origin_is_refused(server: Server, origin: str) -> None:
    answer = await server.ask("GET", f"/api/v1/ws?visit={LINK}", headers=UPGRADE | {"Origin": origin}, token=None)
    assert (answer.status, answer.json["error"]["code"]) == (403, "wrong_origin")


@ensureDeferred
async def test_what_is_no_websocket_or_has_no_token_is_refused(server: Server) -> None:
    assert (await server.ask("GET", f"/api/v1/ws?visit={LINK}", token=None)).status == 426
    for query in ("", "?visit=", f"?visit={'x' * 200}", "?visit=a&visit=b"):
        assert (await server.ask("GET", f"/api/v1/ws{query}", headers=UPGRADE, token=None)).status == 422
    broken = UPGRADE | {"Sec-WebSocket-Version": "7"}
    assert (await server.ask("GET", f"/api/v1/ws?visit={LINK}", headers=broken, token=None)).status == 400


@ensureDeferred
async def test_no_log_line_holds_a_token_even_when_the_handshake_fails(server: Server) -> None:
    lines: list[str] = []

    def keep(event: dict[str, Any]) -> None:
        lines.append(repr(event))

    globalLogPublisher.addObserver(keep)  # type: ignore[arg-type]
    try:
        broken = UPGRADE | {"Sec-WebSocket-Version": "7"}
        await server.ask("GET", f"/api/v1/ws?visit={LINK}", headers=broken, token=None)
        await server.ask("GET", f"/visit/{LINK}", token=None)
        await messages(await open_socket(server, "not-a-link"))
    finally:
        globalLogPublisher.removeObserver(keep)  # type: ignore[arg-type]
    assert lines
    assert not [line for line in lines if LINK in line or "not-a-link" in line]


@pytest.mark.parametrize(
    "message",
    [{"type": "dance"}, {"type": "join"}, {"type": "leave", "more": 1}, {"type": "join", "sdp": "x" * 32_001}],
)
@ensureDeferred
async def test_a_message_that_makes_no_sense_is_answered_and_harms_nothing(
    server: Server, message: dict[str, Any]
) -> None:
    socket = await open_socket(server)
    socket.send(message)
    assert (await one(socket))["type"] == "failed"
    socket.send({"type": "ping"})
    assert (await one(socket))["type"] == "pong"
    assert server.desk.rooms[0].said == []
    socket.close()
    await on_loop(socket.closed())


@ensureDeferred
async def test_a_message_that_is_too_long_ends_the_connection(server: Server) -> None:
    socket = await open_socket(server)
    socket.send({"type": "join", "sdp": "x" * (LONGEST_MESSAGE + 1)})
    assert await messages(socket) == []
    assert server.desk.rooms[0].said == []


@ensureDeferred
async def test_a_flood_of_messages_ends_the_connection(server: Server) -> None:
    socket = await open_socket(server)
    for _ in range(100):
        socket.send({"type": "leave"})
    assert await messages(socket) == []
    assert len(server.desk.rooms[0].said) <= 61


@ensureDeferred
async def test_the_pages_are_closed_when_the_server_is(server: Server) -> None:
    socket = await open_socket(server)
    socket.send({"type": "ping"})
    await one(socket)
    await server.web.close()
    assert await messages(socket) == []


class Wire:
    """A WebSocket's transport that remembers."""

    def __init__(self) -> None:
        self.transport = self
        self.pings = 0
        self.aborted = False
        self.sent: list[str] = []
        self.closing = False

    def ping(self, payload: bytes = b"") -> None:
        self._check()
        self.pings += 1

    def sendTextMessage(self, text: str) -> None:  # noqa: N802
        self._check()
        self.sent.append(text)

    def loseConnection(self, code: int = 1000) -> None:  # noqa: N802
        self._check()

    def abortConnection(self) -> None:  # noqa: N802
        self.aborted = True

    def _check(self) -> None:
        if self.closing:
            raise LocalProtocolError("closing")


def page_on(clock: Clock) -> tuple[Visitor, Wire, FakeDesk]:
    desk = FakeDesk()
    visitor = Visitor(LINK, "192.0.2.1", Pages(desk, clock.seconds, clock.callLater))
    wire = Wire()
    visitor.negotiationStarted(wire)  # type: ignore[arg-type]
    visitor.negotiationFinished()
    return visitor, wire, desk


def test_a_page_that_answers_pings_is_kept_and_a_silent_one_is_dropped() -> None:
    clock = Clock()
    visitor, wire, desk = page_on(clock)
    for _ in range(10):
        clock.advance(PING)
        visitor.pongReceived(b"")
    assert wire.pings == 10
    assert not wire.aborted
    clock.pump([PING] * int(SILENCE / PING + 2))
    assert wire.aborted
    visitor.connectionLost(Failure(ConnectionError()))
    assert desk.rooms[0].gone == 1
    assert clock.getDelayedCalls() == []


def test_nothing_is_sent_to_a_page_that_is_closing() -> None:
    visitor, wire, _ = page_on(Clock())
    wire.closing = True
    visitor.send(Pong())
    visitor.close("over")
    assert wire.sent == []
