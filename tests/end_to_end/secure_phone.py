"""A scripted phone that encrypts its media with keys from SDP (RFC 4568)."""

import re
import secrets
from threading import Lock
from typing import Any

from parloir.relay.srtp import Workbench
from parloir.rtp.sdes import Key, Suite
from parloir.rtp.sdp import parse

from .raw_media import RawStream, Transform
from .raw_phone import RawPhone

TAGS = {suite: tag for tag, suite in enumerate(Suite, 1)}
"""Under which tag the gateway offers each suite; this phone offers it under the same."""


class SecurePhone(RawPhone):
    """A RawPhone whose lines are RTP/SAVP under one suite, with keys of its own for each of them."""

    def __init__(self, suite: Suite, **settings: Any) -> None:
        self.suite = suite
        self.keys: dict[str, Key] = {}
        self.change_keys()
        super().__init__(**settings)

    def change_keys(self) -> None:
        """Have the next description name other keys, and send under them from the next `talk` on."""
        for kind in ("audio", "video"):
            self.keys[kind] = Key(TAGS[self.suite], self.suite, secrets.token_bytes(self.suite.octets))

    def sdp(self, lines: list[str] | None = None, **settings: Any) -> str:
        body = super().sdp(lines, **settings).replace("RTP/AVP", "RTP/SAVP")
        return re.sub(r"(m=(\w+) [^\r]*\r\n)", lambda m: f"{m[1]}a=crypto:{self.keys[m[2]]}\r\n", body)

    def talk(self, description: str) -> None:
        self.secure(description)
        super().talk(description)

    def secure(self, description: str) -> None:
        """Encrypt from now on under our keys, and decrypt under those that an offer or answer of the gateway names."""
        for media in parse(description).media:
            stream = self.audio if media.kind == "audio" else self.video
            theirs = next((key for key in media.keys if key.suite is self.suite), None)
            if stream is not None and theirs is not None:
                _secure(stream, self.keys[media.kind], theirs)


def _secure(stream: RawStream, ours: Key, theirs: Key) -> None:
    stream.seal, stream.unseal = _seal(ours), _unseal(theirs)


def _seal(key: Key) -> Transform:
    bench, lock = Workbench(), Lock()
    context = bench.add(key.suite, key.master, b"", "send")

    def seal(packet: bytes) -> bytes:
        with lock:
            bench.buffer[: len(packet)] = packet
            return bytes(bench.buffer[: bench.seal(context, 0, len(packet))])

    return seal


def _unseal(key: Key) -> Transform:
    bench = Workbench()
    context = bench.add(key.suite, key.master, b"", "receive")

    def unseal(packet: bytes) -> bytes:
        bench.buffer[: len(packet)] = packet
        return bytes(bench.buffer[: bench.open(context, len(packet))])

    return unseal
