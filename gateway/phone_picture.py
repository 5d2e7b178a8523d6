"""What a simulated phone shows and sees: PyAV's H.264 behind NAL units and pictures."""

import random
from collections.abc import Iterator
from fractions import Fraction
from itertools import count
from pathlib import Path

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from parloir.phone_sound import UnreadableMedia
from parloir.rtp.h264 import SEI
from parloir.rtp.packetization import nal_units

COLOURS = {"red": (220, 30, 30), "green": (30, 180, 30), "blue": (30, 30, 220)}
_CLOCK = 90_000
_GRAIN = 5
_GRAINS = 8
_BAR = 20


class PictureSource:
    """Endless H.264: bars wandering over a grainy picture whose mean is the colour, or a file over and over.

    `size` in pixels, both even; `rate` in frames a second; `bitrate` in bits a second. With `most` every NAL unit
    stays under so many bytes, as packetization mode 0 needs.
    """

    def __init__(
        self,
        size: tuple[int, int],
        rate: float,
        bitrate: int,
        colour: tuple[int, int, int],
        file: Path | None = None,
        most: int | None = None,
    ) -> None:
        self._frames = _drawn(size, colour) if file is None else _repeated(file, size)
        self._step = round(_CLOCK / rate)
        self._encoder = _encoder(size, rate, bitrate, most)
        self._at = 0

    def next(self, keyframe: bool) -> tuple[bytes, ...]:
        """The NAL units of the next picture; a keyframe brings its parameter sets."""
        frame = next(self._frames)
        frame.pts, frame.time_base = self._at, Fraction(1, _CLOCK)
        frame.pict_type = PictureType.I if keyframe else PictureType.NONE
        self._at += self._step
        units = (unit for packet in self._encoder.encode(frame) for unit in nal_units(bytes(packet)))
        return tuple(unit for unit in units if unit[0] & 0x1F != SEI)


class PictureSink:
    """Decodes pictures and remembers the last."""

    def __init__(self) -> None:
        self._decoder = VideoCodecContext.create("h264", "r")
        self._decoder.thread_count = 1
        self._last: av.VideoFrame | None = None
        self.frames = 0
        self.undecodable = 0
        self.size: tuple[int, int] | None = None

    def take(self, stream: bytes) -> bool:
        """Decode one picture (Annex B); whether one came out."""
        before = self.frames
        try:
            for frame in self._decoder.decode(av.Packet(stream)):
                self.frames += 1
                self._last = frame
                self.size = frame.width, frame.height
        except av.FFmpegError:
            self.undecodable += 1
        return self.frames > before

    def colour(self) -> str | None:
        """The mean colour (#rrggbb) of the last picture that came since it was last asked."""
        frame, self._last = self._last, None
        if frame is None:
            return None
        pixel = frame.reformat(1, 1, "rgb24", interpolation="AREA")
        return f"#{bytes(pixel.planes[0])[:3].hex()}"


def _encoder(size: tuple[int, int], rate: float, bitrate: int, most: int | None) -> VideoCodecContext:
    encoder = VideoCodecContext.create("libx264", "w")
    encoder.width, encoder.height = size
    encoder.pix_fmt = "yuv420p"
    encoder.time_base = Fraction(1, _CLOCK)
    encoder.framerate = Fraction(rate).limit_denominator(1000)
    encoder.bit_rate = bitrate
    encoder.thread_count = 1
    kilobits = bitrate // 1000
    own = {
        "annexb": 1,
        "repeat-headers": 1,
        "sliced-threads": 0,
        "keyint": 600,
        "scenecut": 0,
        "vbv-maxrate": kilobits,
        "vbv-bufsize": kilobits,
        **({"slice-max-size": most} if most else {}),
    }
    encoder.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "profile": "baseline",
        "forced-idr": "1",
        "x264-params": ":".join(f"{key}={value}" for key, value in own.items()),
    }
    encoder.open()
    return encoder


def _drawn(size: tuple[int, int], colour: tuple[int, int, int]) -> Iterator[av.VideoFrame]:
    """A bright and a dark bar moving over grain: the mean stays, every frame differs and costs bits."""
    width, height = size
    luma, *chroma = _yuv(colour)
    bar = max(0, min(_BAR, luma - 16 - _GRAIN, 235 - luma - _GRAIN))
    grain = random.Random(1)
    levels = bytes(luma + step for step in range(-_GRAIN, _GRAIN + 1))
    planes = [bytes(grain.choices(levels, k=width * height)) for _ in range(_GRAINS)]
    brighter, darker = (bytes(min(255, max(0, v + change)) for v in range(256)) for change in (bar, -bar))
    across = max(2, width // 8)
    for number in count():
        plane = planes[number % _GRAINS]
        left = number * 4 % (width - across)
        right = width - across - left
        rows = []
        for at in range(0, width * height, width):
            row = bytearray(plane[at : at + width])
            row[left : left + across] = row[left : left + across].translate(brighter)
            row[right : right + across] = row[right : right + across].translate(darker)
            rows.append(row)
        frame = av.VideoFrame(width, height, "yuv420p")
        _fill(frame.planes[0], rows)
        for index, value in enumerate(chroma, 1):
            frame.planes[index].update(bytes([value]) * frame.planes[index].buffer_size)
        yield frame


def _fill(plane: "av.video.plane.VideoPlane", rows: list[bytearray]) -> None:
    """Rows lie `line_size` apart, which alignment makes longer than the picture is wide."""
    gap = bytes(plane.line_size - len(rows[0]))
    plane.update(b"".join(bytes(row) + gap for row in rows).ljust(plane.buffer_size, b"\0"))


def _yuv(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    """BT.601 with video range."""
    red, green, blue = (value / 255 for value in colour)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return round(16 + 219 * luma), round(128 + 126.4 * (blue - luma)), round(128 + 159.7 * (red - luma))


def _repeated(file: Path, size: tuple[int, int]) -> Iterator[av.VideoFrame]:
    """A file's pictures in this size, from the start again at its end."""
    pictures = _pictures(file, size)
    first = next(pictures, None)
    if first is None:
        raise UnreadableMedia(file, "it holds no picture")
    return (picture for _ in count() for picture in _pictures(file, size))


def _pictures(file: Path, size: tuple[int, int]) -> Iterator[av.VideoFrame]:
    try:
        with av.open(str(file)) as container:
            for frame in container.decode(video=0):
                yield frame.reformat(*size, "yuv420p")
    except (OSError, av.FFmpegError, IndexError) as error:
        raise UnreadableMedia(file, str(error)) from None
