"""One file for any player: the two pictures side by side, the two sounds mixed (H.264 and AAC in MP4)."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from parloir.export.mixing import Strip, mixed
from parloir.export.mkv import Progress
from parloir.export.tracks import RATE, length, pictures, sounds, tracks

FPS = 15
WIDTH, HEIGHT = 480, 360
"""Of each picture; two of them stand side by side."""
STALE = 2.0
"""Seconds after which a picture that is followed by none is taken away: nothing was seen then."""
BLACK = (16, 128, 128)
BLOCK = 1024


class _Plane(Protocol):
    line_size: int


class Half:
    """One party's half of the picture: the frame that is current at a time."""

    def __init__(self, frames: Iterator[tuple[float, av.VideoFrame]]) -> None:
        self._frames = frames
        self._next = next(frames, None)
        self._shown: tuple[float, av.VideoFrame] | None = None

    def at(self, seconds: float) -> av.VideoFrame | None:
        """What was seen then; None for nothing."""
        while self._next is not None and self._next[0] <= seconds:
            self._shown = self._next
            self._next = next(self._frames, None)
        if self._shown is None or seconds - self._shown[0] > STALE:
            return None
        return self._shown[1]


def make(mkv: Path, to: Path, progress: Progress = lambda share: None) -> None:
    """Make the MP4 of a Matroska file of ours. Raises av.FFmpegError and OSError."""
    seconds, found = length(mkv), tracks(mkv)
    strips = [Strip(sounds(mkv, track.index), RATE) for track in found if not track.video]
    halves = [
        Half(next((pictures(mkv, t.index) for t in found if t.video and t.party == party), iter(())))
        for party in ("inside", "visitor")
    ]
    with av.open(str(to), "w", format="mp4", options={"movflags": "+faststart"}) as out:
        video = out.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "crf": "26"})
        audio = out.add_stream("aac", rate=RATE, layout="mono")
        video.width, video.height, video.pix_fmt = 2 * WIDTH, HEIGHT, "yuv420p"
        video.bit_rate = 0
        spoken = 0
        for index in range(max(1, round(seconds * FPS))):
            _show(out, video, halves, index)
            while spoken < (index + 1) * RATE // FPS:
                _speak(out, audio, strips, spoken)
                spoken += BLOCK
            progress(min(1.0, (index + 1) / FPS / seconds) if seconds else 1.0)
        for stream in (video, audio):
            out.mux(stream.encode(None))


def _show(out: av.container.OutputContainer, video: VideoStream, halves: list[Half], index: int) -> None:
    canvas = av.VideoFrame(2 * WIDTH, HEIGHT, "yuv420p")
    buffers = [bytearray(bytes([value]) * plane.buffer_size) for plane, value in zip(canvas.planes, BLACK, strict=True)]
    for side, half in enumerate(halves):
        frame = half.at((index + 0.5) / FPS)
        if frame is not None:
            _paste(buffers, canvas, frame, side * WIDTH)
    for plane, content in zip(canvas.planes, buffers, strict=True):
        plane.update(bytes(content))
    canvas.pts, canvas.time_base = index, Fraction(1, FPS)
    out.mux(video.encode(canvas))


def _paste(buffers: list[bytearray], canvas: av.VideoFrame, frame: av.VideoFrame, left: int) -> None:
    """Put a frame into one half, as large as it fits."""
    scale = min(WIDTH / frame.width, HEIGHT / frame.height)
    width, height = max(2, int(frame.width * scale) // 4 * 4), max(2, int(frame.height * scale) // 4 * 4)
    fitting = frame.reformat(width=width, height=height, format="yuv420p")
    across, down = left + (WIDTH - width) // 4 * 2, (HEIGHT - height) // 4 * 2
    for number, (target, plane, source) in enumerate(zip(buffers, canvas.planes, fitting.planes, strict=True)):
        half = 2 if number else 1
        pixels, row, step = bytes(source), width // half, plane.line_size
        start = down // half * step + across // half
        for line in range(height // half):
            at = line * source.line_size
            target[start + line * step : start + line * step + row] = pixels[at : at + row]


def _speak(out: av.container.OutputContainer, audio: AudioStream, strips: list[Strip], spoken: int) -> None:
    frame = av.AudioFrame(format="s16", layout="mono", samples=BLOCK)
    frame.planes[0].update(mixed(strips, BLOCK).tobytes().ljust(frame.planes[0].buffer_size, b"\0"))
    frame.sample_rate, frame.pts, frame.time_base = RATE, spoken, Fraction(1, RATE)
    out.mux(audio.encode(frame))
