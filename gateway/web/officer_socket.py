"""An officer's page on its WebSocket: told of every change on the wall, for as long as its login is good."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.websocket import WebSocketTransport
from wsproto.utilities import LocalProtocolError

from parloir.calls.wall import Onlooker, Tile, Wall
from parloir.errors import ParloirError
from parloir.store.staff import Staff
from parloir.web import reach
from parloir.web.officer_models import TileBody
from parloir.web.visitor import NORMAL, PING, POLICY, SILENCE, TOO_LONG, WRONG_TYPE, Bounded, Later, Seconds

LONGEST_WORD = 64
"""In characters: all that a page says is that it is there."""


class Officer:
    """One page (twisted.web.websocket.WebSocketProtocol); `again` asks whether its login still is good."""

    def __init__(self, who: Staff, again: Callable[[], Awaitable[Staff]], pages: "OfficerPages") -> None:
        self._who = who
        self._again = again
        self._pages = pages
        self._onlooker = Onlooker(self._changed)
        self._transport: WebSocketTransport | None = None
        self._open = False
        self._heard = pages.seconds()
        self._timer: Any = None

    def negotiationStarted(self, transport: WebSocketTransport) -> None:  # noqa: N802
        self._transport = transport
        wire: Any = transport
        wire._textBuffer = Bounded("", self._too_long)
        wire._bytesBuffer = Bounded(b"", self._too_long)

    def negotiationFinished(self) -> None:  # noqa: N802
        self._open = True
        self._pages.open.add(self)
        self._heard = self._pages.seconds()
        tiles = [tile for tile in self._pages.wall.tiles() if reach.has(self._who, tile.facility)]
        self._send({"type": "wall", "calls": [_json(tile) for tile in tiles]})
        self._pages.wall.look(self._onlooker)
        self._timer = self._pages.later(PING, self._keep_alive)

    def textMessageReceived(self, message: str) -> None:  # noqa: N802
        self._heard = self._pages.seconds()
        if len(message) > LONGEST_WORD:
            self._close(TOO_LONG)
        else:
            self._send({"type": "pong"})

    def bytesMessageReceived(self, data: bytes | bytearray) -> None:  # noqa: N802
        self._close(WRONG_TYPE)

    def pongReceived(self, payload: bytes) -> None:  # noqa: N802
        self._heard = self._pages.seconds()

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802
        self._open = False
        self._pages.wall.leave(self._onlooker)
        self._pages.open.discard(self)
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def close(self) -> None:
        """Close the WebSocket."""
        self._close(NORMAL)

    def _changed(self, id: str, facility: str, tile: Tile | None) -> None:
        if not reach.has(self._who, facility):
            return
        self._send({"type": "call", "call": _json(tile)} if tile is not None else {"type": "gone", "id": id})

    def _send(self, message: dict[str, Any]) -> None:
        if self._open and self._transport is not None:
            try:
                self._transport.sendTextMessage(json.dumps(message))
            except LocalProtocolError:
                self._open = False

    def _keep_alive(self) -> None:
        if not self._open or self._transport is None:
            return
        if self._pages.seconds() - self._heard > SILENCE:
            self._abort()
            return
        self._timer = self._pages.later(PING, self._keep_alive)
        Deferred.fromCoroutine(self._check())
        try:
            self._transport.ping()
        except LocalProtocolError:
            self._abort()

    async def _check(self) -> None:
        """Whoever was logged out, or may no longer do what they might, sees no more."""
        try:
            self._who = await self._again()
        except ParloirError:
            self._close(POLICY)

    def _too_long(self) -> None:
        self._close(TOO_LONG)

    def _close(self, code: int) -> None:
        if self._open and self._transport is not None:
            self._open = False
            self._pages.wall.leave(self._onlooker)
            try:
                self._transport.loseConnection(code)
            except LocalProtocolError:
                self._abort()

    def _abort(self) -> None:
        self._open = False
        wire: Any = self._transport
        wire.transport.abortConnection()


class OfficerPages:
    """The officers' pages that are open, and what they share."""

    def __init__(self, wall: Wall, seconds: Seconds, later: Later) -> None:
        self.wall = wall
        self.seconds = seconds
        self.later = later
        self.open: set[Officer] = set()

    def close(self) -> None:
        """Close all; each page tries to come back."""
        for officer in list(self.open):
            officer.close()


class OfficerEntrance:
    """Makes the one page that a WebSocket's handshake lets in."""

    def __init__(self, who: Staff, again: Callable[[], Awaitable[Staff]], pages: OfficerPages) -> None:
        self._who = who
        self._again = again
        self._pages = pages

    def buildProtocol(self, request: Any) -> Officer:  # noqa: N802
        """The page (called by Twisted)."""
        return Officer(self._who, self._again, self._pages)


def _json(tile: Tile) -> Any:
    return TileBody.of(tile).model_dump(mode="json", by_alias=True)
