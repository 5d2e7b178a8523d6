"""A baresip as the facility's video phone: H.264 and PCMU, driven over its control connection."""

import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

from .picture import Colour, mean_colour
from .ports import free_ports
from .process import Process
from .programs import BARESIP_MODULES, baresip
from .sound import Heard, listen, write_tone

CONFIG = """\
poll_method epoll
sip_listen 127.0.0.1:{sip}
call_local_timeout 120
call_max_calls 4
audio_player aubridge,sink
audio_source aufile,{tone}
audio_alert aubridge,alert
ausrc_srate 8000
auplay_srate 8000
video_source {video}
video_display fakevideo,nil
video_size 320x240
video_bitrate 256000
video_fps 10
videnc_format yuv420p
rtp_ports {media}-{last_media}
jitter_buffer_delay 1-4
net_interface 127.0.0.1
snd_path {dump}
module_path {modules}
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module fakevideo.so
module avcodec.so
avcodec_h264enc libx264
avcodec_h264dec h264
module snapshot.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
statmode_default off
module srtp.so
module_app debug_cmd.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
"""

FAKE_VIDEO = Colour(74, 104, 76)
ACCOUNT = "<sip:{user}@127.0.0.1:{sip}>;regint=0;answermode={answer};audio_codecs=PCMU/8000/1{encryption}\n"
REGISTERED = (
    "<sip:{user}@{registrar}>;auth_pass={password};regint=60;answermode={answer};audio_codecs=PCMU/8000/1{encryption}\n"
)
KEY = 0.25
"""Seconds from one key that is pressed to the next."""


class Baresip:
    """One baresip with one account. It sends `tone` Hz and a moving picture, and records what it hears.

    `encryption` is what its account's `mediaenc` names, such as srtp-mand; none for plain RTP. With a `registrar`
    ("127.0.0.1:5060;transport=tcp") it registers there, with that password, and again after half a minute.
    """

    def __init__(
        self,
        home: Path,
        *,
        tone: int = 660,
        user: str = "1001",
        answers: bool = True,
        video: bool = True,
        encryption: str = "",
        registrar: str = "",
        password: str = "",
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        self.tone = tone
        self.user = user
        self.events: list[dict[str, Any]] = []
        self._home = home
        self._sip = free_ports(4)
        self._control = self._sip + 2
        self._grown = threading.Condition()
        self._replies: dict[str, dict[str, Any]] = {}
        self._token = 0
        self._looks = 0
        self._dump = home / "heard"
        self._dump.mkdir(parents=True)
        self._encryption = f";mediaenc={encryption}" if encryption else ""
        self._registrar = registrar
        self._password = password
        self._certificate = certificate
        self._configure("auto" if answers else "manual", video)
        self.process = Process([baresip(), "-f", str(home), "-s", "-v"], home / "baresip.log", cwd=home)
        self.process.wait_for_line("baresip is ready")
        self._socket = socket.create_connection(("127.0.0.1", self._control), timeout=5)
        self._socket.settimeout(None)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def address(self) -> str:
        """Where it takes calls, for the configuration's station."""
        return f"sip:{self.user}@127.0.0.1:{self._sip}"

    def address_by(self, transport: str) -> str:
        """Where it takes calls by that transport; TLS needs its `certificate` (with its key)."""
        return f"sip:{self.user}@127.0.0.1:{self._sip + (transport == 'tls')};transport={transport}"

    def _configure(self, answer: str, video: bool) -> None:
        media = free_ports(40)
        config = CONFIG.format(
            sip=self._sip,
            control=self._control,
            tone=write_tone(self._home / "tone.wav", self.tone, seconds=240),
            media=media,
            last_media=media + 39,
            dump=self._dump,
            modules=BARESIP_MODULES,
            video="fakevideo,moving" if video else "nil",
        )
        if not video:
            config = "".join(line + "\n" for line in config.splitlines() if not _is_video(line))
        if self._certificate is not None:
            (self._home / "both.pem").write_text("".join(file.read_text() for file in self._certificate))
            config += f"sip_certificate {self._home / 'both.pem'}\n"
        (self._home / "config").write_text(config)
        (self._home / "accounts").write_text(self._account(answer))
        (self._home / "contacts").write_text("")

    def _account(self, answer: str) -> str:
        if self._registrar:
            return REGISTERED.format(
                user=self.user,
                registrar=self._registrar,
                password=self._password,
                answer=answer,
                encryption=self._encryption,
            )
        return ACCOUNT.format(user=self.user, sip=self._sip, answer=answer, encryption=self._encryption)

    def _read(self) -> None:
        buffer = b""
        while True:
            try:
                chunk = self._socket.recv(65536)
            except OSError:
                return
            if not chunk:
                return
            buffer += chunk
            while b":" in buffer:
                size, _, rest = buffer.partition(b":")
                if len(rest) < int(size) + 1:
                    break
                message, buffer = rest[: int(size)], rest[int(size) + 1 :]
                self._take(json.loads(message))

    def _take(self, message: dict[str, Any]) -> None:
        with self._grown:
            if message.get("response"):
                self._replies[str(message.get("token"))] = message
            else:
                self.events.append(message)
            self._grown.notify_all()

    def command(self, name: str, parameters: str = "", timeout: float = 30.0) -> str:
        """Have it carry out a command of its menu; returns what it prints. Raises RuntimeError if it refuses."""
        self._token += 1
        token = str(self._token)
        body = json.dumps({"command": name, "params": parameters, "token": token}).encode()
        self._socket.sendall(b"%d:%s," % (len(body), body))
        with self._grown:
            if not self._grown.wait_for(lambda: token in self._replies, timeout):
                raise TimeoutError(f"baresip does not answer {name}: {self.process.tail()}")
            reply = self._replies.pop(token)
        if not reply["ok"]:
            raise RuntimeError(f"baresip: {name} {parameters}: {reply['data']}")
        return str(reply["data"])

    def wait_for_event(self, kind: str, timeout: float = 30.0, start: int = 0) -> dict[str, Any]:
        """The first event of that type from number `start` on, such as CALL_ESTABLISHED. Raises TimeoutError."""

        def found() -> dict[str, Any] | None:
            return next((e for e in self.events[start:] if e["type"] == kind), None)

        with self._grown:
            if not self._grown.wait_for(lambda: found() is not None, timeout):
                seen = [e["type"] for e in self.events]
                raise TimeoutError(f"baresip: no {kind} in {timeout} s, only {seen}\n{self.process.tail()}")
            event = found()
        assert event is not None
        return event

    def wait_to_register(self, timeout: float = 30.0) -> None:
        """Wait until its registrar has taken it. Raises TimeoutError."""
        self.process.wait_for_line(r"200 OK .*\[\d+ binding", timeout)

    def dial(self, uri: str) -> None:
        """Call a SIP URI."""
        self.command("dial", uri)

    def accept(self) -> None:
        """Answer the call that rings."""
        self.command("accept")

    def press(self, keys: str) -> None:
        """Press keys in the call there is (RFC 4733)."""
        for key in keys:
            self.command("sndcode", key)
            time.sleep(KEY)

    def hang_up(self) -> None:
        """End, decline or give up the call there is."""
        self.command("hangup")

    def heard(self, hertz: int) -> Heard:
        """Look for a tone in what the last call's other side has sent so far."""
        recordings = sorted(self._dump.glob("*-dec.wav"), key=lambda p: p.stat().st_mtime)
        if not recordings:
            return Heard(None, None, 0.0, None, 0.0)
        return listen(recordings[-1], hertz)

    def wait_to_hear(self, hertz: int, timeout: float = 30.0) -> Heard:
        """Wait until the tone is in what it hears. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while True:
            heard = self.heard(hertz)
            if heard.first is not None:
                return heard
            if time.monotonic() > deadline:
                raise TimeoutError(f"baresip does not hear {hertz} Hz: {heard}")
            time.sleep(0.2)

    def sees(self, timeout: float = 5.0) -> Colour | None:
        """The mean colour of the picture it shows now; None when it has decoded none."""
        self._looks += 1
        name = f"seen-{self._looks}"
        self.command("snapshot_recv", name)
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if any(line.endswith(f"png: wrote {name}") for line in self.process.lines):
                return mean_colour(self._home / name)
            time.sleep(0.05)
        return None

    def wait_to_see(self, colour: Colour, timeout: float = 30.0) -> None:
        """Wait until its picture has that colour. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while True:
            seen = self.sees(1.0)
            if seen is not None and seen.near(colour):
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"baresip sees {seen}, not {colour}\n{self.process.tail()}")

    def stop(self) -> None:
        """End it."""
        self.process.stop(3)
        self._socket.close()
        self._reader.join(5)


def _is_video(line: str) -> bool:
    return line.startswith(("video_", "videnc_", "avcodec_", "module fakevideo", "module avcodec", "module snapshot"))
