"""The WebSocket of a visitor's page, without a page: JSON messages over asyncio streams."""

import asyncio
import json
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Ping, RejectConnection, Request, TextMessage


class Refused(Exception):
    """The gateway did not take the WebSocket; the message holds the HTTP status."""


class WebSocket:
    """One connection to /api/v1/ws for a visit."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._protocol = WSConnection(ConnectionType.CLIENT)
        self._text = ""
        self._early: list[Any] = []

    @classmethod
    async def open(cls, base: str, token: str) -> "WebSocket":
        """Connect as the page at `base` would. Raises Refused."""
        where = urlsplit(base)
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        self = cls(reader, writer)
        headers = [(b"origin", base.encode())]
        self._send(Request(host=where.netloc, target=f"/api/v1/ws?visit={token}", extra_headers=headers))
        while True:
            events = await self._events()
            for number, event in enumerate(events):
                if isinstance(event, AcceptConnection):
                    self._early = events[number + 1 :]
                    return self
                if isinstance(event, RejectConnection):
                    self.close()
                    raise Refused(str(event.status_code))
            if self._reader.at_eof():
                raise Refused("closed")

    async def _events(self) -> list[Any]:
        if self._early:
            early, self._early = self._early, []
            return early
        data = await self._reader.read(65536)
        self._protocol.receive_data(data or None)
        return list(self._protocol.events())

    def _send(self, event: Any) -> None:
        self._writer.write(self._protocol.send(event))

    def send(self, message: dict[str, Any]) -> None:
        """Say something to the gateway."""
        self._send(TextMessage(data=json.dumps(message)))

    async def receive(self) -> list[dict[str, Any]] | None:
        """The next messages, maybe none yet; None once it is closed."""
        try:
            events = await self._events()
        except ConnectionError:
            return None
        messages = []
        for event in events:
            match event:
                case TextMessage():
                    self._text += event.data
                    if event.message_finished:
                        messages.append(json.loads(self._text))
                        self._text = ""
                case Ping():
                    self._send(event.response())
                case CloseConnection():
                    return messages or None
        return None if self._reader.at_eof() and not messages else messages

    def close(self) -> None:
        """Drop the connection."""
        self._writer.close()

    async def closed(self) -> None:
        """Wait until it is gone."""
        with suppress(ConnectionError):
            await self._writer.wait_closed()
