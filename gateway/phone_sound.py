"""What a simulated phone says and hears: PyAV's audio codecs behind payloads and samples."""

from array import array
from collections import deque
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Literal

import av
from av.audio.codeccontext import AudioCodecContext

from parloir.errors import ParloirError
from parloir.rtp.description import Codec
from parloir.rtp.tone import WINDOW, Tone, dominant, sine

HEARD_RATE = 8000
_CODECS = {"PCMU": ("pcm_mulaw", 8000), "PCMA": ("pcm_alaw", 8000), "G722": ("g722", 16000), "opus": ("libopus", 48000)}
_DECODERS = {"opus": "opus"}
_LONGEST_FILE = 600


class UnreadableMedia(ParloirError):
    """A file given to the phone is missing, or holds nothing that can be played; `path` names it."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: cannot be played: {why}")
        self.path = path


class SoundSource:
    """Endless encoded sound: a tone, or a file over and over. One payload for each `ptime` milliseconds."""

    def __init__(self, codec: Codec, ptime: int, hz: float, file: Path | None) -> None:
        name, rate = _CODECS[codec.name]
        self._rate = rate
        self._samples = rate * ptime // 1000
        self._pieces = _tone(hz, rate, self._samples) if file is None else _repeated(file, rate, self._samples)
        self._layout = "stereo" if codec.channels == 2 else "mono"
        self._encoder = _context(name, "w")
        self._encoder.sample_rate = rate
        self._encoder.layout = self._layout
        self._encoder.format = av.AudioFormat("s16")
        if codec.name == "opus":
            self._encoder.options = {"frame_duration": str(ptime), "application": "voip"}
        self._encoder.open()
        self._at = 0

    def next(self) -> bytes:
        """The next payload."""
        while True:
            packets = self._encoder.encode(self._frame(next(self._pieces)))
            if packets:
                return bytes(packets[0])

    def _frame(self, mono: "array[int]") -> av.AudioFrame:
        samples = mono
        if self._layout == "stereo":
            samples = array("h", (value for sample in mono for value in (sample, sample)))
        frame = av.AudioFrame(format="s16", layout=self._layout, samples=self._samples)
        frame.sample_rate = self._rate
        frame.pts = self._at
        frame.planes[0].update(samples.tobytes())
        self._at += self._samples
        return frame


class SoundSink:
    """Decodes payloads and remembers the last that was heard."""

    def __init__(self, codec: Codec) -> None:
        name, rate = _CODECS[codec.name]
        self._decoder = _context(_DECODERS.get(codec.name, name), "r")
        self._decoder.sample_rate = rate
        self._decoder.layout = "stereo" if codec.channels == 2 else "mono"
        self._resampler = av.AudioResampler("s16", "mono", HEARD_RATE)
        self._heard: deque[int] = deque(maxlen=WINDOW)
        self.frames = 0
        self.undecodable = 0

    def take(self, payload: bytes) -> None:
        """Decode one payload."""
        try:
            for frame in self._decoder.decode(av.Packet(payload)):
                self.frames += 1
                for piece in self._resampler.resample(frame):
                    self._heard.extend(memoryview(bytes(piece.planes[0])).cast("h")[: piece.samples])
        except av.FFmpegError:
            self.undecodable += 1

    def tone(self) -> Tone | None:
        """The tone in the last 128 ms that came since it was last asked; None for silence or too little."""
        found = dominant(list(self._heard), HEARD_RATE)
        self._heard.clear()
        return found


def _context(name: str, mode: Literal["r", "w"]) -> AudioCodecContext:
    context = AudioCodecContext.create(name, mode)
    assert isinstance(context, AudioCodecContext)
    return context


def _tone(hz: float, rate: int, size: int) -> Iterator["array[int]"]:
    return (sine(hz, rate, number * size, size) for number in count())


def _repeated(file: Path, rate: int, size: int) -> Iterator["array[int]"]:
    """A file's sound in pieces, from the start again at its end; ten minutes of it at most."""
    samples = array("h")
    resampler = av.AudioResampler("s16", "mono", rate)
    try:
        with av.open(str(file)) as container:
            for frame in container.decode(audio=0):
                for piece in resampler.resample(frame):
                    samples.frombytes(bytes(piece.planes[0])[: piece.samples * 2])
                if len(samples) > _LONGEST_FILE * rate:
                    break
    except (OSError, av.FFmpegError, IndexError) as error:
        raise UnreadableMedia(file, str(error)) from None
    if not samples:
        raise UnreadableMedia(file, "it holds no sound")
    samples.extend([0] * (-len(samples) % size))
    return (samples[at : at + size] for _ in count() for at in range(0, len(samples), size))
