"""The tracks of a Matroska file of ours, decoded one by one, each at its own times."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av

RATE = 16_000
"""Samples a second at which sound is mixed and drawn: more than a telephone's, enough for G.722."""


@dataclass(frozen=True)
class TrackInfo:
    """One track: its index in the file, whose it is ("inside", "visitor"), and whether it is a picture."""

    index: int
    party: str
    video: bool


def tracks(mkv: Path) -> tuple[TrackInfo, ...]:
    """What the file holds. Raises av.FFmpegError for one that is no media."""
    with av.open(str(mkv)) as container:
        return tuple(
            TrackInfo(stream.index, stream.metadata.get("title", "").split(" ")[0], stream.type == "video")
            for stream in container.streams
        )


def length(mkv: Path) -> float:
    """How long it is, in seconds."""
    with av.open(str(mkv)) as container:
        return (container.duration or 0) / 1_000_000


def pictures(mkv: Path, index: int) -> Iterator[tuple[float, av.VideoFrame]]:
    """The pictures of a track that can be decoded, with their times; where one is damaged, the next whole one."""
    with av.open(str(mkv)) as container:
        for packet in container.demux(container.streams[index]):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue
            for frame in frames:
                if isinstance(frame, av.VideoFrame) and frame.time is not None:
                    yield frame.time, frame


def sounds(mkv: Path, index: int) -> Iterator[tuple[float, memoryview]]:
    """The sound of a track in pieces of 16-bit samples at RATE, one channel, with their times."""
    with av.open(str(mkv)) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        for packet in container.demux(container.streams[index]):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue
            for decoded in frames:
                if isinstance(decoded, av.AudioFrame) and decoded.time is not None:
                    # A piece's time is taken from the file, and not counted on from the last: gaps stay gaps.
                    at = decoded.time
                    for frame in resampler.resample(decoded):
                        yield at, memoryview(bytes(frame.planes[0])[: 2 * frame.samples]).cast("h")
                        at += frame.samples / RATE
