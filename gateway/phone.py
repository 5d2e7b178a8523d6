"""`parloir phone`: a simulated SIP video phone that shows a colour, plays a tone and says what it sees and hears."""

import argparse
import contextlib
import json
import os
import re
import select
import signal
import sys
import termios
import time
import tty
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from types import FrameType

from parloir.errors import ParloirError
from parloir.phone_call import CODECS, Abilities, PhoneCall
from parloir.phone_picture import COLOURS
from parloir.phone_report import StreamReport
from parloir.phone_streams import Show
from parloir.rtp.description import Kind
from parloir.rtp.dtmf import DIGITS
from parloir.sip.handset import Handset, HandsetError, HandsetState

_POLL = 50
_MOST_KEYS = 64
_LARGE, _USUAL = 1400, 1200
_BUSY, _DECLINED, _NOT_ACCEPTABLE, _RINGING = 486, 603, 488, 180


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `parloir phone`."""
    add = parser.add_argument
    where = "its SIP address, by UDP (default: 127.0.0.1:5090)"
    add("--listen", type=_endpoint, default=("127.0.0.1", 5090), metavar="HOST:PORT", help=where)
    add("--user", default="1001", help="its number (default: 1001)")
    add("--dial", metavar="URI", help="call this SIP URI, and end when the call does")
    reply = parser.add_mutually_exclusive_group()
    reply.add_argument("--answer-after", type=float, default=1.0, metavar="S", help="ring so long (default: 1)")
    reply.add_argument("--decline", dest="reply", action="store_const", const=_DECLINED, help="refuse every call")
    reply.add_argument("--busy", dest="reply", action="store_const", const=_BUSY, help="be busy")
    reply.add_argument("--ring-only", action="store_true", help="ring and never answer")
    add("--no-video", dest="camera", action="store_false", help="be a handset without a camera")
    add("--tone", type=float, default=440.0, metavar="HZ", help="the tone it plays (default: 440)")
    add("--color", type=_colour, default="green", help="the picture's colour: red, green (default), blue or #rrggbb")
    add("--audio", type=Path, metavar="FILE", help="play this instead of the tone")
    add("--video", type=Path, metavar="FILE", help="show this instead of the colour")
    codecs = ",".join(CODECS)
    add("--codec", type=_codecs, default=codecs, help=f"audio codecs, best first (default: {codecs})")
    add("--size", type=_size, default="352x288", metavar="WxH", help="of its picture (default: 352x288)")
    add("--fps", type=float, default=15.0, help="pictures a second (default: 15)")
    add("--bitrate", type=_bitrate, default="256k", help="of its video, both ways (default: 256k)")
    add("--large-packets", action="store_true", help=f"video packets up to {_LARGE} bytes (else {_USUAL})")
    add("--hangup-after", type=float, metavar="S", help="hang up so long after the answer")
    add("--seconds", type=float, metavar="S", help="end after so long")
    add("--json", action="store_true", help="print JSON, one object a line")


def main(options: argparse.Namespace) -> int:
    """Be a phone until told to stop; 1 if it dialled and was not answered."""
    try:
        phone = Phone(options)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, phone.stop)
        with _keyboard():
            return phone.run()
    except HandsetError as error:
        raise ParloirError(str(error)) from None


class Phone:
    """The phone as its user knows it: it rings, is answered, talks and hangs up. Implements HandsetEvents."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        show = Show(
            options.tone,
            options.color,
            options.audio,
            options.video,
            options.size,
            options.fps,
            options.bitrate,
            _LARGE if options.large_packets else _USUAL,
        )
        self._abilities = Abilities(options.codec, options.camera, show)
        self._call: PhoneCall | None = None
        self._lines = 1
        self._stopping = self._answered = False
        self._began = self._moved_at = time.monotonic()
        self._host, self._port = options.listen
        self._handset = Handset(self._host, self._port, options.user, self)

    def stop(self, number: int, frame: FrameType | None) -> None:
        """End soon, properly (a signal handler)."""
        self._stopping = True

    def run(self) -> int:
        """Until stopped, the time is up, or the call that it dialled is over."""
        address = f"{self._host}:{self._port}"
        self._say({"event": "listening", "state": HandsetState.IDLE, "address": address}, f"listening on {address}")
        if self._options.dial:
            self._handset.dial(self._options.dial)
        while not self._finished():
            self._handset.poll(_POLL)
            self._keys()
            self._timers()
            self._reports()
        self._handset.close()
        self._end_call()
        return 1 if self._options.dial and not self._answered else 0

    def incoming(self, caller: str, offer: str) -> int:
        call = PhoneCall(self._abilities, self._host)
        if self._options.reply:
            return int(self._options.reply)
        if offer and not call.acceptable(offer):
            return _NOT_ACCEPTABLE
        self._call = call
        self._lines = offer.count("\nm=") or len(self._abilities.offered())
        return _RINGING

    def describe(self, offer: str) -> str:
        if self._call is None:
            self._call = PhoneCall(self._abilities, self._host)
        text = self._call.describe(offer)
        if self._handset.state is HandsetState.TALKING:
            self._call.start()
        return text

    def described(self, answer: str) -> None:
        if self._call:
            self._call.described(answer)
            if self._handset.state is HandsetState.TALKING:
                self._call.start()

    def changed(self, state: HandsetState, status: int, phrase: str) -> None:
        self._moved_at = time.monotonic()
        if state is HandsetState.TALKING and self._call:
            self._answered = True
            self._call.start()
        if state is HandsetState.IDLE:
            self._end_call()
        end = {"status": status, "phrase": phrase} if status else {}
        self._say({"event": "state", "state": state, **end}, f"{state} {status or ''} {phrase}".strip())

    def _finished(self) -> bool:
        up = self._options.seconds and time.monotonic() - self._began >= self._options.seconds
        over = self._options.dial and self._handset.state is HandsetState.IDLE
        return bool(self._stopping or up or over)

    def _timers(self) -> None:
        """Answer and hang up when it is time."""
        since = time.monotonic() - self._moved_at
        state = self._handset.state
        ours = state is HandsetState.RINGING and not self._options.dial and not self._options.ring_only
        if ours and since >= self._options.answer_after:
            self._handset.answer(self._lines)
        if state is HandsetState.TALKING and self._options.hangup_after and since >= self._options.hangup_after:
            self._handset.hang_up()

    def _keys(self) -> None:
        """`a` answers, `h` hangs up, digits are pressed."""
        if not sys.stdin.isatty() or not select.select([sys.stdin], [], [], 0)[0]:
            return
        for key in os.read(sys.stdin.fileno(), _MOST_KEYS).decode("ascii", "ignore"):
            if key == "a":
                self._handset.answer(self._lines)
            elif key == "h":
                self._handset.hang_up()
            elif key in DIGITS and self._call and self._call.media:
                self._call.media.dial(key)

    def _reports(self) -> None:
        if not self._call or not self._call.media:
            return
        with contextlib.suppress(Empty):
            while True:
                self._tell(self._call.media.reports.get_nowait())

    def _tell(self, streams: dict[Kind, StreamReport]) -> None:
        passed = round(time.monotonic() - self._began, 1)
        values = {kind.value: stream.as_json() for kind, stream in streams.items()}
        text = " | ".join(f"{kind} {stream}" for kind, stream in streams.items())
        tone = streams[Kind.AUDIO].tone
        colour = streams[Kind.VIDEO].colour if Kind.VIDEO in streams else None
        state = self._handset.state
        self._say(
            {"event": "report", "time": passed, "state": state, "tone": tone, "colour": colour, **values},
            f"{passed:6.1f} s {state} | {text}",
        )

    def _say(self, values: dict[str, object], text: str) -> None:
        print(json.dumps(values) if self._options.json else text, flush=True)

    def _end_call(self) -> None:
        if self._call:
            self._reports()
            self._call.close()
            self._call = None


@contextlib.contextmanager
def _keyboard() -> Iterator[None]:
    """Keys come one by one, without Enter, where stdin is a terminal."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _endpoint(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f"{text}: write HOST:PORT")
    return host.strip("[]"), int(port)


def _colour(text: str) -> tuple[int, int, int]:
    if text in COLOURS:
        return COLOURS[text]
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise argparse.ArgumentTypeError(f"{text}: write {', '.join(COLOURS)} or #rrggbb")
    red, green, blue = bytes.fromhex(text[1:])
    return red, green, blue


def _codecs(text: str) -> tuple[str, ...]:
    known = {name.lower(): name for name in CODECS}
    names = tuple(known.get(name.strip().lower(), "") for name in text.split(","))
    if not all(names):
        raise argparse.ArgumentTypeError(f"{text}: known are {', '.join(known.values())}")
    return names


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{2,4})x(\d{2,4})", text)
    if not match or any(int(side) % 2 or int(side) < 32 for side in match.groups()):
        raise argparse.ArgumentTypeError(f"{text}: write WIDTHxHEIGHT, both even, at least 32")
    return int(match[1]), int(match[2])


def _bitrate(text: str) -> int:
    match = re.fullmatch(r"(\d{1,6})(k|M)?", text)
    if not match or int(match[1]) == 0:
        raise argparse.ArgumentTypeError(f"{text}: write bits a second, like 256k")
    return int(match[1]) * {None: 1, "k": 1_000, "M": 1_000_000}[match[2]]
