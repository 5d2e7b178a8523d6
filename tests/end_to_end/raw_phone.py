"""A phone in Python that says whatever a test wants it to say: odd SDP, odd moments, and every packet recorded."""

import re
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .packets import wait_for_count
from .ports import family, free_ports, literal
from .raw_media import RawStream

H264 = "profile-level-id=42e01f;packetization-mode=1"


@dataclass
class Message:
    """A SIP message taken apart as far as a phone needs. Header names are lower case; each has all its values."""

    first: str
    headers: dict[str, list[str]]
    body: str
    text: str = ""
    at: float = field(default_factory=time.time)

    @classmethod
    def parse(cls, datagram: bytes) -> "Message":
        text = datagram.decode(errors="replace")
        head, _, body = text.partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        headers: dict[str, list[str]] = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers.setdefault(name.strip().lower(), []).append(value.strip())
        return cls(first, headers, body, text)

    @property
    def method(self) -> str:
        """The request's method, or the one that the response answers."""
        return self["cseq"].split()[1]

    @property
    def status(self) -> int | None:
        """The response's status; None for a request."""
        return int(self.first.split()[1]) if self.first.startswith("SIP/2.0 ") else None

    def __getitem__(self, name: str) -> str:
        return self.headers[name][0]


Decide = Callable[["RawPhone", Message], tuple[int, str]]


@dataclass
class Dialog:
    """What a phone must remember of a call."""

    call_id: str
    local: str
    remote: str
    target: str
    route: list[str]
    cseq: int = 1


class RawPhone:
    """One phone on UDP. `decide` says how an INVITE is answered: final status and SDP; `ring` seconds before that."""

    def __init__(
        self,
        *,
        user: str = "1001",
        host: str = "127.0.0.1",
        decide: Decide | None = None,
        ring: float = 0.2,
        video: bool = True,
        large: bool = False,
    ) -> None:
        self.user = user
        self.host = host
        self.ring = ring
        self.decide = decide or answer_all
        self.port = free_ports(2)
        self.audio = RawStream("audio", 0x11111111, host=host)
        self.video = RawStream("video", 0x22222222, 1400 - 12 if large else None, host=host) if video else None
        self.messages: list[Message] = []
        self.dialog: Dialog | None = None
        self._version = 0
        self._socket = socket.socket(family(host), socket.SOCK_DGRAM)
        self._socket.bind((host, self.port))
        self._socket.settimeout(0.1)
        self._peer: tuple[str, int] = ("127.0.0.1", 0)
        self._invite: Message | None = None
        self._answered: dict[tuple[str, str], str] = {}
        self._grown = threading.Condition()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Where it takes calls."""
        return f"sip:{self.user}@{literal(self.host)}:{self.port}"

    def sdp(self, lines: list[str] | None = None, *, h264: int = 97, direction: str = "sendrecv") -> str:
        """Its own description, or one with the m-lines given."""
        self._version += 1
        own = [f"m=audio {self.audio.port} RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000", f"a={direction}"]
        if self.video is not None:
            own += [f"m=video {self.video.port} RTP/AVP {h264}", f"a=rtpmap:{h264} H264/90000"]
            own += [f"a=fmtp:{h264} {H264}", f"a={direction}"]
        here = f"IN IP{6 if ':' in self.host else 4} {self.host}"
        head = ["v=0", f"o=- 7 {self._version} {here}", "s=-", f"c={here}", "t=0 0"]
        return "".join(line + "\r\n" for line in head + (own if lines is None else lines))

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                datagram, peer = self._socket.recvfrom(65536)
            except TimeoutError:
                continue
            except OSError:
                return
            self._peer = peer[:2]
            if not datagram.strip():
                continue
            message = Message.parse(datagram)
            if message.status is None:
                self._request(message)
            with self._grown:
                self.messages.append(message)
                self._grown.notify_all()

    def _request(self, message: Message) -> None:
        key = (message["via"], message["cseq"])
        if key in self._answered:
            self._send(self._answered[key])
        elif message.method == "INVITE":
            threading.Thread(target=self._invited, args=(message,), daemon=True).start()
        elif message.method == "CANCEL":
            self.reply(message, 200)
            if self._invite is not None:
                self.reply(self._invite, 487)
        elif message.method == "UPDATE":
            self.reply(message, 200, self.sdp() if message.body else "")
        elif message.method != "ACK":
            self.reply(message, 200)

    def _invited(self, message: Message) -> None:
        again = ";tag=" in message["to"]
        self._invite = message
        if not again:
            self.reply(message, 180)
            self._stop.wait(self.ring)
        status, body = self.decide(self, message)
        if status < 300 and not again:
            contact = re.search(r"<([^>]+)>", message["contact"])
            assert contact is not None
            route = list(message.headers.get("record-route", []))
            local = message["to"] + f";tag={self._tag(message)}"
            self.dialog = Dialog(message["call-id"], local, message["from"], contact[1], route)
        if (message["via"], message["cseq"]) not in self._answered:
            self.reply(message, status, body)

    def _tag(self, message: Message) -> str:
        return "raw" + message["call-id"][:8].encode().hex()

    def reply(self, request: Message, status: int, body: str = "") -> None:
        """Answer a request; a final answer is repeated when the request is."""
        to = request["to"]
        if ";tag=" not in to:
            to += f";tag={self._tag(request)}"
        lines = [f"SIP/2.0 {status} Raw", *(f"Via: {v}" for v in request.headers["via"])]
        lines += [f"Record-Route: {r}" for r in request.headers.get("record-route", [])]
        lines += [f"From: {request['from']}", f"To: {to}", f"Call-ID: {request['call-id']}", f"CSeq: {request['cseq']}"]
        text = self._with_body(lines, body)
        if status >= 200:
            self._answered[request["via"], request["cseq"]] = text
        self._send(text)

    def _with_body(self, lines: list[str], body: str, kind: str = "application/sdp") -> str:
        lines = [*lines, f"Contact: <{self.address}>"]
        if body:
            lines.append(f"Content-Type: {kind}")
        return "\r\n".join([*lines, f"Content-Length: {len(body.encode())}", "", body])

    def _send(self, text: str) -> None:
        self._socket.sendto(text.encode(), self._peer)

    def send_datagram(self, data: bytes, port: int) -> None:
        """Send any bytes from its own SIP port to that one of this machine."""
        self._socket.sendto(data, ("127.0.0.1", port))

    def request(self, method: str, body: str = "", timeout: float = 30.0, kind: str = "application/sdp") -> Message:
        """Send a request in the dialog and return its final answer; an INVITE's is acknowledged, with
        an answer if it brought no offer."""
        assert self.dialog is not None
        self.dialog.cseq += 1
        self._transmit(method, self.dialog.cseq, body, kind=kind)
        answer = self._final(method, self.dialog.cseq, timeout, body, kind)
        if method == "INVITE":
            late = self.sdp(h264=h264_type(answer.body)) if answer.status == 200 and not body else ""
            self._transmit("ACK", self.dialog.cseq, late, of="" if answer.status == 200 else "INVITE")
        return answer

    def _transmit(self, method: str, cseq: int, body: str, of: str = "", kind: str = "application/sdp") -> None:
        """Send it; `of` is the method whose transaction it belongs to (RFC 3261 sections 9.1 and 17.1.1.3)."""
        dialog = self.dialog
        assert dialog is not None
        branch = f"z9hG4bK{self.user}{cseq}{of or method}{dialog.call_id[:6]}"
        via = f"SIP/2.0/UDP {literal(self.host)}:{self.port};branch={branch};rport"
        lines = [f"{method} {dialog.target} SIP/2.0", f"Via: {via}", "Max-Forwards: 70"]
        lines += [f"Route: {r}" for r in dialog.route]
        lines += [f"From: {dialog.local}", f"To: {dialog.remote}", f"Call-ID: {dialog.call_id}"]
        self._send(self._with_body([*lines, f"CSeq: {cseq} {method}"], body, kind))

    def _final(
        self, method: str, cseq: int, timeout: float, body: str, kind: str = "application/sdp", start: int = 0
    ) -> Message:
        def found() -> Message | None:
            wanted = f"{cseq} {method}"
            fits = (m for m in self.messages[start:] if (m.status or 0) >= 200)
            return next((m for m in fits if m["cseq"] == wanted and self._is_mine(m)), None)

        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            with self._grown:
                if self._grown.wait_for(lambda: found() is not None, 0.5):
                    break
            self._transmit(method, cseq, body, kind=kind)
        answer = found()
        if answer is None:
            raise TimeoutError(f"{method} is not answered in {timeout} s")
        return answer

    def _is_mine(self, message: Message) -> bool:
        return self.dialog is not None and message["call-id"] == self.dialog.call_id

    def ring_up(self, uri: str, body: str | None = None) -> str:
        """Send a call's first INVITE, with that SDP ("" for none, its own if None), and return the SDP."""
        place = re.fullmatch(r"sip:[^@]*@\[?([0-9A-Fa-f:.]+?)\]?(?::([0-9]+))?", uri)
        assert place is not None
        self._peer = (place[1], int(place[2] or 5060))
        own = f"<{self.address}>;tag={secrets.token_hex(4)}"
        self.dialog = Dialog(secrets.token_hex(8), own, f"<{uri}>", uri, [])
        offer = self.sdp() if body is None else body
        self._transmit("INVITE", 1, offer)
        return offer

    def cancel(self) -> None:
        """Give up the call that `ring_up` began."""
        self._transmit("CANCEL", 1, "", of="INVITE")

    def dial(self, uri: str, body: str | None = None, timeout: float = 30.0) -> Message:
        """Call a SIP URI as `ring_up` does; returns the final answer, not acknowledged when it is a success:
        `acknowledge` does that."""
        start = len(self.messages)
        offer = self.ring_up(uri, body)
        assert self.dialog is not None
        answer = self._final("INVITE", 1, timeout, offer, start=start)
        self.dialog.remote = answer["to"]
        if answer.status == 200:
            contact = re.search(r"<([^>]+)>", answer["contact"])
            assert contact is not None
            self.dialog.target = contact[1]
            self.dialog.route = list(reversed(answer.headers.get("record-route", [])))
        else:
            self._transmit("ACK", 1, "", of="INVITE")
        return answer

    def acknowledge(self, body: str = "") -> None:
        """Send the ACK to a 200, with an answer if the 200 brought the offer."""
        self._transmit("ACK", 1, body)

    def hang_up(self) -> None:
        """End the call."""
        self.request("BYE")

    def wait_for(self, method: str, timeout: float = 30.0, start: int = 0, text: str = "") -> Message:
        """The first request of that method, with that text, from message number `start` on. Raises TimeoutError."""
        return self._first(
            lambda m: m.status is None and m.method == method and text in m.text, f"{method} {text}", timeout, start
        )

    def wait_for_status(self, status: int, timeout: float = 30.0, start: int = 0) -> Message:
        """The first response of that status from message number `start` on. Raises TimeoutError."""
        return self._first(lambda m: m.status == status, str(status), timeout, start)

    def _first(self, fits: Callable[[Message], bool], what: str, timeout: float, start: int) -> Message:
        def found() -> Message | None:
            return next((m for m in self.messages[start:] if fits(m)), None)

        with self._grown:
            if not self._grown.wait_for(lambda: found() is not None, timeout):
                raise TimeoutError(f"no {what} in {timeout} s, only {[m.first for m in self.messages]}")
            message = found()
        assert message is not None
        return message

    def wait_for_packets(self, kind: str, count: int, timeout: float = 30.0) -> None:
        """Wait until so many packets of that kind have come. Raises TimeoutError."""
        stream = self.audio if kind == "audio" else self.video
        assert stream is not None
        wait_for_count(stream.received, count, timeout)

    def talk(self, description: str) -> None:
        """Send media to where an offer or answer of the gateway says."""
        ports = dict(re.findall(r"m=(\w+) (\d+) \S+ \d+", description))
        host = re.findall(r"c=IN IP[46] (\S+)", description)[-1]
        self.audio.start((host, int(ports["audio"])), 0)
        if self.video is not None and int(ports.get("video", 0)):
            self.video.start((host, int(ports["video"])), h264_type(description))

    def be_quiet(self) -> None:
        """Send no more, and forget what was sent and came."""
        for stream in (self.audio, self.video):
            if stream is not None:
                stream.be_quiet()
        self.messages.clear()
        self._answered.clear()

    def stop(self) -> None:
        """Close everything, without a word to the other side."""
        self._stop.set()
        self._thread.join(5)
        self._socket.close()
        self.audio.stop()
        if self.video is not None:
            self.video.stop()


def h264_type(description: str, mode: str = "1") -> int:
    """The payload type under which a description has H.264 in that packetization mode."""
    for number in re.findall(r"a=rtpmap:(\d+) H264/90000", description):
        if f"packetization-mode={mode}" in "".join(re.findall(rf"a=fmtp:{number} (\S+)", description)):
            return int(number)
    return 97


def answer_all(phone: RawPhone, invite: Message) -> tuple[int, str]:
    """200 with the phone's own SDP, under the payload types that were offered."""
    return 200, phone.sdp(h264=h264_type(invite.body) if invite.body else 97)
