"""A Twinkle as the facility's audio phone that tells its keys by SIP INFO, driven at its prompt.

Its sound card is made of files: what it says comes from a pipe at the pace of a microphone, what it hears is kept.
"""

import fcntl
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

from .ports import free_ports
from .process import Process
from .programs import program
from .sound import Heard, listen, read, write_tone

CARD = """\
pcm.mouth {{
  type file
  slave.pcm null
  file /dev/null
  infile {said}
  format raw
}}
pcm.ear {{
  type file
  slave.pcm null
  file {heard}
  format wav
}}
"""
SYSTEM = """\
dev_ringtone=alsa:null
dev_speaker=alsa:ear
dev_mic=alsa:mouth
sip_udp_port={sip}
rtp_port={media}
play_ringtone=no
play_ringback=no
"""
PROFILE = """\
user_name={user}
user_domain=127.0.0.1
codecs=g711u
ptime=20
dtmf_transport=info
register_at_startup=no
speex_dsp_vad=no
speex_dsp_nrd=no
speex_dsp_agc=no
allow_refer=yes
ask_user_to_refer=no
"""
TRIES = 30
RATE = 8000
HEADER = 44
"""Octets of a WAV before its sound."""
SMALL = 4096
"""Octets of sound that may wait for it, a page at least."""
FRAME = 0.02
"""Seconds of sound that its microphone gives at once."""


class Twinkle:
    """One Twinkle. It sends `tone` Hz, and records what it hears."""

    def __init__(self, home: Path, *, tone: int = 440, user: str = "1001") -> None:
        self.tone = tone
        self._sip = free_ports(2)
        self._user = user
        self._heard = home / "heard.wav"
        self._home = home
        self._over = threading.Event()
        settings = home / ".twinkle"
        settings.mkdir(parents=True)
        said, orders = home / "said", home / "orders"
        for pipe in (said, orders):
            os.mkfifo(pipe)
        (home / ".asoundrc").write_text(CARD.format(said=said, heard=self._heard))
        (settings / "twinkle.sys").write_text(SYSTEM.format(sip=self._sip, media=free_ports(10)))
        (settings / "phone.cfg").write_text(PROFILE.format(user=user))
        self._orders = os.open(orders, os.O_RDWR)
        self._mouth = os.open(said, os.O_RDWR | os.O_NONBLOCK)
        fcntl.fcntl(self._mouth, fcntl.F_SETPIPE_SZ, SMALL)
        command = ["sh", "-c", f"exec {program('twinkle-console')} phone.cfg <{orders}"]
        self.process = Process(command, home / "twinkle.log", cwd=home, environment={"HOME": str(home)})
        self._speaker = threading.Thread(target=self._speak, daemon=True)
        self._speaker.start()
        self.process.wait_for_line("Local IP")

    @property
    def address(self) -> str:
        """Where it takes calls, for the configuration's station."""
        return f"sip:{self._user}@127.0.0.1:{self._sip}"

    def _speak(self) -> None:
        """Give its microphone the tone, no faster than it is spoken; what it does not take is lost."""
        samples = read(write_tone(self._home / "tone.wav", self.tone, seconds=1))[0].tobytes()
        size = 2 * int(RATE * FRAME)
        began, frames = time.monotonic(), 0
        while not self._over.wait(max(0.0, began + frames * FRAME - time.monotonic())):
            start = frames * size % len(samples)
            with suppress(BlockingIOError):
                os.write(self._mouth, samples[start : start + size])
            frames += 1

    def command(self, words: str) -> None:
        """Give it an order, such as "bye"."""
        os.write(self._orders, words.encode() + b"\n")

    def dial(self, uri: str) -> None:
        """Call a SIP URI, and wait until that is answered. Raises TimeoutError.

        It takes no order to call while its line is still being released from the call before.
        """
        before = len(self.process.lines)
        self._heard.unlink(missing_ok=True)
        for _ in range(TRIES):
            self.command(f"call {uri}")
            with suppress(TimeoutError):
                self.process.wait_for_line("received 100 Trying|far end answered call", timeout=1, start=before)
                break
        self.process.wait_for_line("far end answered call", start=before)

    def press(self, keys: str) -> None:
        """Press keys in the call there is (SIP INFO)."""
        self.command(f"dtmf {keys}")

    def hang_up(self) -> None:
        """End the call there is."""
        self.command("bye")

    def wait_to_be_hung_up_on(self) -> None:
        """Wait until the other side has ended a call. Raises TimeoutError."""
        self.process.wait_for_line("far end ended call")

    def wait_to_hear(self, hertz: int, timeout: float = 30.0) -> Heard:
        """Wait until the tone is in what it hears. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while True:
            heard = self.heard(hertz)
            if heard.first is not None:
                return heard
            if time.monotonic() > deadline:
                raise TimeoutError(f"Twinkle does not hear {hertz} Hz: {heard}\n{self.process.tail()}")
            time.sleep(0.2)

    def heard(self, hertz: int) -> Heard:
        """Look for a tone in what it has heard so far in the last call."""
        if not self._heard.exists() or self._heard.stat().st_size < HEADER:
            return Heard(None, None, 0.0, None, 0.0)
        return listen(self._heard, hertz)

    def stop(self) -> None:
        """End it."""
        self._over.set()
        self._speaker.join(5)
        self.process.stop(3)
        os.close(self._orders)
        os.close(self._mouth)
