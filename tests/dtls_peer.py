"""A browser's end of DTLS for tests: aiortc's own transport as the client, joined to a session by plain functions."""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, cast

from aiortc import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    RTCIceTransport,
)
from twisted.internet.defer import Deferred

from parloir.webrtc.dtls import DtlsSession, Keys, fingerprint, new_certificate


def on_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., Deferred[None]]:
    """Run an asyncio coroutine as a test on the reactor's loop."""

    @functools.wraps(test)
    def run(*arguments: Any, **named: Any) -> Deferred[None]:
        return Deferred.fromFuture(asyncio.ensure_future(test(*arguments, **named)))

    return run


class Wire:
    """The ICE transport of the browser's end; `lose` decides by count which of its datagrams never arrive."""

    role = "controlling"
    state = "completed"

    def __init__(self, deliver: Callable[[bytes], None], lose: Callable[[int], bool] = lambda count: False) -> None:
        self.deliver = deliver
        self.inbox: asyncio.Queue[bytes] = asyncio.Queue()
        self._lose = lose
        self._count = 0

    async def _send(self, data: bytes) -> None:
        self._count += 1
        if not self._lose(self._count):
            self.deliver(data)

    async def _recv(self) -> bytes:
        return await self.inbox.get()


class Meeting:
    """A session and a browser's transport over a lossless (or losing) wire, and what the session reported."""

    def __init__(
        self, certificate: RTCCertificate | None = None, lose: Callable[[int], bool] = lambda count: False
    ) -> None:
        self.keys: asyncio.Future[Keys] = asyncio.get_running_loop().create_future()
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.own = new_certificate()
        self.theirs = certificate or RTCCertificate.generateCertificate()
        self.wire = Wire(lambda data: self.session.receive(data), lose)
        self.session = DtlsSession(self.own, self.wire.inbox.put_nowait, self.keys.set_result, self.ended.set_result)
        self.browser = RTCDtlsTransport(cast(RTCIceTransport, self.wire), [self.theirs])
        self.browser._set_role("client")

    async def shake_hands(self, *fingerprints: tuple[str, str]) -> None:
        """Both ends start; `fingerprints` stand in for those that the browser truly has."""
        self.session.start(fingerprints or (fingerprint(self.theirs),))
        await asyncio.wait_for(self.browser.start(RTCDtlsParameters([RTCDtlsFingerprint(*fingerprint(self.own))])), 20)
