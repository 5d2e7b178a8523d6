"""What is made of a recording's Matroska file: an MP4 for any player, small pictures, a waveform."""

from pathlib import Path

import av
import pytest

from parloir.export import mkv, mp4, preview
from parloir.export.mixing import Strip, mixed

from .recorded_call import KEY, Network, beeps, call, flashes


@pytest.fixture(name="recording", scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds of a call; the visitor came 5 s after the phone, in the recording's time."""
    folder = tmp_path_factory.mktemp("recording")
    call(folder / "r1.journal", 8, Network(), Network(0.05, 0.05))
    mkv.make(folder / "r1.journal", KEY, folder / "r1.mkv")
    return folder / "r1.mkv"


def test_mp4_shows_both_and_lets_both_be_heard(recording: Path, tmp_path: Path) -> None:
    shares: list[float] = []
    mp4.make(recording, tmp_path / "r1.mp4", shares.append)
    with av.open(str(tmp_path / "r1.mp4")) as container:
        (video,), (audio,) = container.streams.video, container.streams.audio
        assert (video.codec_context.name, audio.codec_context.name) == ("h264", "aac")
        assert (video.width, video.height) == (2 * mp4.WIDTH, mp4.HEIGHT)
        assert (container.duration or 0) / 1e6 == pytest.approx(8.0, abs=0.15)
    light, sound = flashes(tmp_path / "r1.mp4", 0), beeps(tmp_path / "r1.mp4", 0)
    assert light == pytest.approx([2.03, 6.03], abs=0.1)
    assert sound == pytest.approx([2.03, 6.03], abs=0.1)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_both_halves_of_the_picture_are_used(recording: Path, tmp_path: Path) -> None:
    mp4.make(recording, tmp_path / "r1.mp4")
    with av.open(str(tmp_path / "r1.mp4")) as container:
        bright = next(f for f in container.decode(video=0) if f.time is not None and f.time > 2.09)
    plane = bright.reformat(format="gray").planes[0]
    row = bytes(plane)[mp4.HEIGHT // 2 * plane.line_size :]
    assert row[mp4.WIDTH // 2] > 128
    assert row[mp4.WIDTH * 3 // 2] > 128


def test_small_pictures_are_taken_of_both(recording: Path, tmp_path: Path) -> None:
    found = preview.thumbnails(recording, tmp_path)
    assert {party: [round(at) for at, _ in files] for party, files in found.items()} == {
        "inside": [0, 5],
        "visitor": [0, 5],
    }
    for files in found.values():
        for _, name in files:
            with av.open(str(tmp_path / name)) as picture:
                assert picture.streams.video[0].width == preview.WIDTH


def test_waveform_shows_who_was_loud_when(recording: Path) -> None:
    for values in preview.waveform(recording).values():
        loud = [index for index, value in enumerate(values) if value > 8000]
        assert loud
        assert all(20 <= index <= 23 or 60 <= index <= 63 for index in loud)


def test_sounds_are_added_up_and_never_wrap() -> None:
    one = Strip(iter([(0.0, [10, 20, 30_000, 40])]), 8)
    other = Strip(iter([(0.25, [5, 30_000])]), 8)
    assert list(mixed([one, other], 6)) == [10, 20, 30_005, 30_040, 0, 0]
    loud = [Strip(iter([(0.0, [30_000])]), 8), Strip(iter([(0.0, [30_000])]), 8)]
    assert list(mixed(loud, 2)) == [32_767, 0]


def test_strip_keeps_gaps_and_leaves_out_what_overlaps() -> None:
    strip = Strip(iter([(0.0, [1, 2]), (0.5, [3, 4, 5]), (0.625, [6, 7])]), 8)
    assert list(strip.take(4)) == [1, 2, 0, 0]
    assert list(strip.take(6)) == [3, 6, 7, 0, 0, 0]
