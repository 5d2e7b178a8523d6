"""Pictures of one colour with something moving in them: made as raw video, found again in what was seen."""

from dataclasses import dataclass
from pathlib import Path

import av


@dataclass(frozen=True)
class Colour:
    """Red, green, blue, 0 to 255 each."""

    red: int
    green: int
    blue: int

    def near(self, other: "Colour", within: int = 60) -> bool:
        """Whether no part differs by more than `within`: coding and colour spaces cost a little."""
        pairs = ((self.red, other.red), (self.green, other.green), (self.blue, other.blue))
        return all(abs(a - b) <= within for a, b in pairs)

    @classmethod
    def parse(cls, text: str) -> "Colour":
        """From #rrggbb."""
        return cls(*(int(text[i : i + 2], 16) for i in (1, 3, 5)))


RED = Colour(200, 40, 40)
GREEN = Colour(40, 160, 40)
BLUE = Colour(40, 40, 200)


def write_y4m(path: Path, colour: Colour, *, width: int = 640, height: int = 480, rate: int = 15) -> Path:
    """One second of raw video (YUV4MPEG2): the colour, and a small white square that goes round."""
    luma, blue, red = _yuv(colour)
    side = 32
    with path.open("wb") as out:
        out.write(f"YUV4MPEG2 W{width} H{height} F{rate}:1 Ip A1:1 C420mpeg2\n".encode())
        for frame in range(rate):
            plane = bytearray([luma]) * (width * height)
            left = (width - side) * frame // rate
            for row in range(side):
                start = (height - side + row) * width + left
                plane[start : start + side] = bytes([235]) * side
            chroma = width * height // 4
            out.write(b"FRAME\n" + plane + bytes([blue]) * chroma + bytes([red]) * chroma)
    return path


def _yuv(colour: Colour) -> tuple[int, int, int]:
    r, g, b = colour.red, colour.green, colour.blue
    return (
        round(16 + 0.257 * r + 0.504 * g + 0.098 * b),
        round(128 - 0.148 * r - 0.291 * g + 0.439 * b),
        round(128 + 0.439 * r - 0.368 * g - 0.071 * b),
    )


def mean_colour(path: Path) -> Colour:
    """The mean colour of a PNG file."""
    with av.open(str(path), format="png_pipe") as container:
        frame = next(container.decode(video=0))
        small = frame.reformat(width=1, height=1, format="rgb24", interpolation="AREA")
    return Colour(*bytes(small.planes[0])[:3])
