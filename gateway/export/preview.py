"""What a page shows of a recording before it is played: small pictures, and how loud each party was when."""

from fractions import Fraction
from pathlib import Path

import av

from parloir.export.mixing import Strip, peaks
from parloir.export.tracks import RATE, length, pictures, sounds, tracks

WIDTH = 160
MOST = 60
"""Small pictures of a party at most; they are as many seconds apart as that needs, and five at least."""
LEAST_APART = 5.0
STEP = 0.1
"""Seconds of sound that one value of the waveform stands for."""


def thumbnails(mkv: Path, folder: Path) -> dict[str, list[tuple[float, str]]]:
    """Write JPEGs into a folder; for each party the times, in seconds, and the files' names."""
    folder.mkdir(parents=True, exist_ok=True)
    apart = max(LEAST_APART, length(mkv) / MOST)
    found: dict[str, list[tuple[float, str]]] = {}
    for track in tracks(mkv):
        due = 0.0
        for at, frame in pictures(mkv, track.index) if track.video else ():
            if at < due:
                continue
            name = f"{track.party}-{len(found.get(track.party, ())):03}.jpg"
            (folder / name).write_bytes(_jpeg(frame))
            found.setdefault(track.party, []).append((round(at, 3), name))
            due = at + apart
    return found


def waveform(mkv: Path) -> dict[str, list[int]]:
    """How loud each party was, from 0 to 32767, for each STEP of the recording."""
    count = round(length(mkv) / STEP)
    found: dict[str, list[int]] = {}
    for track in tracks(mkv):
        if not track.video:
            heard = peaks(Strip(sounds(mkv, track.index), RATE), count, int(RATE * STEP))
            before = found.get(track.party, [0] * count)
            found[track.party] = [max(pair) for pair in zip(before, heard, strict=True)]
    return found


def _jpeg(frame: av.VideoFrame) -> bytes:
    height = max(2, frame.height * WIDTH // frame.width // 2 * 2)
    encoder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, height, "yuvj420p"
    encoder.time_base = Fraction(1, 1)
    small = frame.reformat(width=WIDTH, height=height, format="yuvj420p")
    small.pts = 0
    return b"".join(bytes(packet) for packet in [*encoder.encode(small), *encoder.encode(None)])
