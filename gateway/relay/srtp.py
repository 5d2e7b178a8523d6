"""SRTP in place on one reused buffer, by libsrtp (RFC 3711, RFC 7714)."""

from socket import htonl
from typing import Any, Literal

import pylibsrtp
from pylibsrtp._binding import ffi, lib  # type: ignore[import-not-found]

from parloir.relay.errors import BadKey

PROFILES = {
    "AEAD_AES_128_GCM": pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    "AEAD_AES_256_GCM": pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
    "AES_CM_128_HMAC_SHA1_80": pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
}
_AFTER_IDENTIFIER = {"AES_CM_128_HMAC_SHA1_80": (10, 10), "AES_CM_128_HMAC_SHA1_32": (4, 10)}
"""Octets of the authentication tag that follow a packet's MKI, in SRTP and in SRTCP; under GCM there are none."""
RECEIVE_WINDOW = 1024

Direction = Literal["receive", "send"]

_protect: Any = lib.srtp_protect
_unprotect: Any = lib.srtp_unprotect
_remove_stream: Any = lib.srtp_remove_stream


class Workbench:
    """One buffer that packets are received into, encrypted or decrypted in, and sent from.

    The lower half is for packets that arrive, the upper (from `OWN`) for those the gateway makes itself, so that one
    can be sent while another waits. pylibsrtp's own `protect` copies twice and refuses RTP over 1,356 bytes; hence
    libsrtp is called here directly. A native core would own the same buffer.
    """

    OWN = 2048
    LARGEST = 1500

    def __init__(self) -> None:
        self.buffer = bytearray(2 * self.OWN)
        self.inbox = memoryview(self.buffer)[: self.OWN]
        self._start: Any = ffi.from_buffer(self.buffer)
        self._length: Any = ffi.new("int *")
        self._handles: dict[int, Any] = {}
        self._sessions: dict[int, pylibsrtp.Session] = {}
        self._identified: dict[int, tuple[int, int, int]] = {}
        self._count = 0

    def add(self, profile: str, key: bytes, salt: bytes, direction: Direction, identifier: int = 0) -> int:
        """Make a context for every SSRC of one direction; its id is never 0. Raises BadKey.

        `identifier` is the length of the MKI on what is received (RFC 3711 section 3.1), which libsrtp is not shown.
        """
        if profile not in PROFILES:
            raise BadKey(profile)
        kind = pylibsrtp.Policy.SSRC_ANY_INBOUND if direction == "receive" else pylibsrtp.Policy.SSRC_ANY_OUTBOUND
        try:
            policy = pylibsrtp.Policy(key=key + salt, ssrc_type=kind, srtp_profile=PROFILES[profile])
            policy.window_size = RECEIVE_WINDOW
            session = pylibsrtp.Session(policy)
        except (ValueError, pylibsrtp.Error) as error:
            raise BadKey(profile) from error
        self._count += 1
        self._sessions[self._count] = session
        self._handles[self._count] = session._srtp[0]
        if identifier:
            self._identified[self._count] = (identifier, *_AFTER_IDENTIFIER.get(profile, (0, 0)))
        return self._count

    def remove(self, context: int) -> None:
        """Forget a context and its keys."""
        self._handles.pop(context, None)
        self._sessions.pop(context, None)
        self._identified.pop(context, None)

    def seal(self, context: int, at: int, size: int) -> int:
        """Encrypt the RTP packet that lies at that place of the buffer; its new size, or 0 if libsrtp refused it.

        A number that was sent before is refused: under GCM to repeat one would give the key away.
        """
        handle = self._handles.get(context)
        self._length[0] = size
        if handle is None or _protect(handle, self._start + at if at else self._start, self._length):
            return 0
        return int(self._length[0])

    def open(self, context: int, size: int) -> int:
        """Authenticate and decrypt the SRTP packet at the buffer's start; its new size, or 0 if it is not genuine."""
        handle = self._handles.get(context)
        if self._identified and context in self._identified:
            identifier, after, _ = self._identified[context]
            if size < identifier + after:
                return 0
            size -= identifier
            self.buffer[size - after : size] = self.buffer[size - after + identifier : size + identifier]
        self._length[0] = size
        if handle is None or _unprotect(handle, self._start, self._length):
            return 0
        return int(self._length[0])

    def forget_stream(self, context: int, ssrc: int) -> None:
        """Free what libsrtp keeps for an SSRC that will not be listened to, so that a peer cannot fill memory."""
        _remove_stream(self._handles[context], htonl(ssrc))

    def control(self, context: int, packet: bytes, direction: Direction) -> bytes | None:
        """Encrypt ("send") or decrypt and authenticate ("receive") a compound RTCP packet; None if it failed."""
        session = self._sessions.get(context)
        if session is None:
            return None
        if context in self._identified:
            identifier, _, after = self._identified[context]
            packet = packet[: len(packet) - identifier - after] + packet[len(packet) - after :]
        try:
            return session.protect_rtcp(packet) if direction == "send" else session.unprotect_rtcp(packet)
        except (ValueError, pylibsrtp.Error):
            return None
