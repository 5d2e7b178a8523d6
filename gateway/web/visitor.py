"""A visitor's page on its WebSocket: strict about what it takes in, and kept alive."""

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.websocket import WebSocketTransport
from wsproto.utilities import LocalProtocolError

from parloir.store.errors import VisitOver
from parloir.web.allowance import Allowance, Allowances
from parloir.web.desk import Desk, Room
from parloir.webrtc.signalling import Ended, Failed, FromPage, Ping, Pong, ToPage, from_page

LONGEST_MESSAGE = 72 * 1024
"""In characters: the longest SDP allowed, each of its characters escaped, and some room."""
PING = 20.0
SILENCE = 50.0
NORMAL, WRONG_TYPE, POLICY, TOO_LONG, FAILED = 1000, 1003, 1008, 1009, 1011

Seconds = Callable[[], float]
Later = Callable[[float, Callable[[], None]], Any]


class Bounded:
    """What is held of a message that comes in pieces (text or bytes): once it is too long, nothing, and `full`
    is called. Takes the place of the unbounded buffer of Twisted's WebSocket."""

    def __init__(self, empty: Any, full: Callable[[], None]) -> None:
        self._empty = empty
        self._held = empty
        self._full = full

    def add(self, piece: Any) -> None:
        if len(self._held) + len(piece) > LONGEST_MESSAGE:
            self._held = self._empty
            self._full()
        else:
            self._held += piece

    def done(self) -> Any:
        held, self._held = self._held, self._empty
        return held


class Visitor:
    """One page: desk.Page to the calls, twisted.web.websocket.WebSocketProtocol to the wire."""

    log = Logger()

    def __init__(self, token: str, client: str, pages: "Pages") -> None:
        self._token = token
        self._client = client
        self._pages = pages
        self._transport: WebSocketTransport | None = None
        self._open = False
        self._room: Room | None = None
        self._early: list[FromPage] = []
        self._messages = Allowance(60, 20.0, since=pages.seconds())
        self._heard = pages.seconds()
        self._timer: Any = None

    def send(self, message: ToPage) -> None:
        """Tell the page something; nothing when it is gone."""
        if self._open and self._transport is not None:
            try:
                self._transport.sendTextMessage(message.model_dump_json())
            except LocalProtocolError:
                # The page has begun to close; connectionLost follows.
                self._open = False

    def close(self, reason: str) -> None:
        """Close the WebSocket."""
        self._close(NORMAL)

    def negotiationStarted(self, transport: WebSocketTransport) -> None:  # noqa: N802
        self._transport = transport
        wire: Any = transport
        wire._textBuffer = Bounded("", self._too_long)
        wire._bytesBuffer = Bounded(b"", self._too_long)

    def negotiationFinished(self) -> None:  # noqa: N802
        self._open = True
        self._pages.open.add(self)
        self._heard = self._pages.seconds()
        self._timer = self._pages.later(PING, self._keep_alive)
        Deferred.fromCoroutine(self._enter())

    def textMessageReceived(self, message: str) -> None:  # noqa: N802
        self._heard = self._pages.seconds()
        if not self._open:
            return
        if not self._messages.take(self._heard):
            self._close(POLICY)
            return
        try:
            parsed = from_page.validate_json(message)
        except ValidationError:
            self.send(Failed(text="The gateway could not read that message."))
            return
        if isinstance(parsed, Ping):
            self.send(Pong())
        elif self._room is not None:
            self._room.receive(parsed)
        else:
            self._early.append(parsed)

    def bytesMessageReceived(self, data: bytes | bytearray) -> None:  # noqa: N802
        self._close(WRONG_TYPE)

    def pongReceived(self, payload: bytes) -> None:  # noqa: N802
        self._heard = self._pages.seconds()

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802
        self._open = False
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._pages.open.discard(self)
        self._leave()

    async def _enter(self) -> None:
        try:
            room = await self._pages.desk.enter(self._token, self)
        except VisitOver:
            self.send(Ended(reason="VisitOver", text="This visit is over."))
            self._close(NORMAL)
            return
        except Exception:
            self.log.failure("a page could not enter its visit")
            self._close(FAILED)
            return
        if room is None:
            self._pages.strangers.take(self._client, self._pages.seconds())
            self.send(Ended(reason="UnknownLink", text="This link is not known. Please ask for a new one."))
            self._close(NORMAL)
            return
        if not self._open:
            room.left()
            return
        self._room = room
        early, self._early = self._early, []
        for message in early:
            room.receive(message)

    def _keep_alive(self) -> None:
        if self._pages.seconds() - self._heard > SILENCE:
            self._abort()
            return
        self._timer = self._pages.later(PING, self._keep_alive)
        if self._transport is not None:
            try:
                self._transport.ping()
            except LocalProtocolError:
                self._abort()

    def _too_long(self) -> None:
        self._close(TOO_LONG)

    def _close(self, code: int) -> None:
        if self._open and self._transport is not None:
            self._open = False
            try:
                self._transport.loseConnection(code)
            except LocalProtocolError:
                self._abort()

    def _abort(self) -> None:
        self._open = False
        wire: Any = self._transport
        wire.transport.abortConnection()

    def _leave(self) -> None:
        room, self._room = self._room, None
        if room is not None:
            room.left()


class Pages:
    """The pages that are open, and what they share. That each visit has one page only is the room's doing.

    `strangers` rations the unknown links that one client address may try.
    """

    def __init__(self, desk: Desk, seconds: Seconds, later: Later) -> None:
        self.desk = desk
        self.seconds = seconds
        self.later = later
        self.open: set[Visitor] = set()
        self.strangers = Allowances(20, 120.0)

    def close(self) -> None:
        """Close all; each page tries to come back, to the next gateway."""
        for visitor in list(self.open):
            visitor.close("the gateway stops")
