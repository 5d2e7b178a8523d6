"""The codecs that can cross from a phone to a browser untouched, and when two descriptions of one mean the same."""

from dataclasses import dataclass
from enum import StrEnum

from parloir.rtp.description import Codec, Format

PCMU = Codec("PCMU", 8000)
PCMA = Codec("PCMA", 8000)
G722 = Codec("G722", 8000)
OPUS = Codec("opus", 48000, 2)
H264 = Codec("H264", 90000)
TELEPHONE_EVENT = "telephone-event"

AUDIO = (PCMU, PCMA, G722, OPUS)
"""In the order a phone is offered them: what every phone has first, what costs it most last."""

STATIC_TYPES = {0: PCMU, 8: PCMA, 9: G722}
"""Payload types that need no rtpmap (RFC 3551 section 6); G722 has a clock of 8000 by a historic error."""

_CANONICAL = {name.lower(): name for name in ("PCMU", "PCMA", "G722", "opus", "H264", TELEPHONE_EVENT)}


def canonical(name: str) -> str:
    """The one spelling of an encoding name; unknown names stay as they are (they compare without case, RFC 4855)."""
    return _CANONICAL.get(name.lower(), name)


def same_audio(one: Codec, other: Codec) -> bool:
    """Whether packets of one are packets of the other; fmtp does not matter to any audio codec we carry."""
    return (one.name, one.clock, one.channels) == (other.name, other.clock, other.channels)


def is_event(form: Format) -> bool:
    """Whether the format is telephone-event (RFC 4733)."""
    return form.codec.name == TELEPHONE_EVENT


class Profile(StrEnum):
    """The H.264 profiles that profile-level-id can name (RFC 6184 section 8.1, table 5; RFC 7742 for the last)."""

    CONSTRAINED_BASELINE = "constrained-baseline"
    BASELINE = "baseline"
    EXTENDED = "extended"
    MAIN = "main"
    HIGH = "high"
    CONSTRAINED_HIGH = "constrained-high"


_PROFILES = (
    (0x42, 0x4F, 0x40, Profile.CONSTRAINED_BASELINE),
    (0x4D, 0x8F, 0x80, Profile.CONSTRAINED_BASELINE),
    (0x58, 0xCF, 0xC0, Profile.CONSTRAINED_BASELINE),
    (0x42, 0x4F, 0x00, Profile.BASELINE),
    (0x58, 0xCF, 0x80, Profile.BASELINE),
    (0x58, 0xCF, 0x00, Profile.EXTENDED),
    (0x4D, 0xAF, 0x00, Profile.MAIN),
    (0x64, 0xFF, 0x00, Profile.HIGH),
    (0x64, 0xFF, 0x0C, Profile.CONSTRAINED_HIGH),
)
"""profile_idc, the bits of the second byte that matter, their value."""

LEVELS = {
    9: (99, 1485, 128),
    10: (99, 1485, 64),
    11: (396, 3000, 192),
    12: (396, 6000, 384),
    13: (396, 11880, 768),
    20: (396, 11880, 2000),
    21: (792, 19800, 4000),
    22: (1620, 20250, 4000),
    30: (1620, 40500, 10000),
    31: (3600, 108000, 14000),
    32: (5120, 216000, 20000),
    40: (8192, 245760, 20000),
    41: (8192, 245760, 50000),
    42: (8704, 522240, 50000),
    50: (22080, 589824, 135000),
    51: (36864, 983040, 240000),
    52: (36864, 2073600, 240000),
}
"""Level times ten (9 is 1b): macroblocks a frame, macroblocks a second, kb/s (H.264 table A-1)."""

SIZES = ((1920, 1080), (1280, 720), (960, 540), (640, 480), (640, 360), (352, 288), (320, 180), (176, 144))
"""The picture sizes a browser is steered to, largest first, in pixels."""


@dataclass(frozen=True)
class VideoTerms:
    """What one description says about its H.264: `level` is times ten; `most_*` in macroblocks; `bitrate` in bit/s."""

    profile: Profile | None
    level: int
    mode: int
    asymmetric: bool
    most_per_frame: int
    most_per_second: int
    bitrate: int

    def accepts(self, other: "VideoTerms") -> bool:
        """Same packetization mode and profile, the two baselines counting as one; levels may differ.

        Every browser's "baseline" encoder makes constrained baseline, which is a subset of what phones call baseline.
        """
        return self.mode == other.mode and (self.exactly(other) or {self.profile, other.profile} <= _BASELINES)

    def exactly(self, other: "VideoTerms") -> bool:
        """The same profile and packetization mode."""
        return self.profile is not None and (self.profile, self.mode) == (other.profile, other.mode)

    def largest(self) -> tuple[int, int]:
        """The largest usual picture (width, height) that this decoder takes."""
        return next((s for s in SIZES if _macroblocks(*s) <= self.most_per_frame), SIZES[-1])

    def frame_rate(self) -> float:
        """Frames a second it can decode at its largest picture, at most 30."""
        return min(30.0, round(self.most_per_second / _macroblocks(*self.largest()), 1))


_BASELINES = {Profile.BASELINE, Profile.CONSTRAINED_BASELINE}


def _macroblocks(width: int, height: int) -> int:
    return -(-width // 16) * -(-height // 16)


def video_terms(codec: Codec) -> VideoTerms:
    """Read the fmtp of an H264 codec; what is absent or malformed gets RFC 6184's default (baseline, level 1, mode 0).

    An unknown profile is None, and matches nothing.
    """
    given = dict(codec.parameters)
    profile, level = _profile_level(given.get("profile-level-id", "42000a"))
    frame, second, kilobits = LEVELS.get(level, LEVELS[10])
    mode = _number(given.get("packetization-mode"), 0)
    return VideoTerms(
        profile,
        level,
        mode,
        given.get("level-asymmetry-allowed") == "1",
        max(frame, _number(given.get("max-fs"), 0)),
        max(second, _number(given.get("max-mbps"), 0)),
        max(kilobits, _number(given.get("max-br"), 0)) * 1000,
    )


def level_for(width: int, height: int, rate: float, bitrate: int) -> int:
    """The lowest level (times ten, 1b left out) that decodes pictures of this size, rate and bits a second."""
    blocks = _macroblocks(width, height)
    needs = (blocks, blocks * rate, bitrate / 1000)
    enough = (n for n, most in LEVELS.items() if n > 9 and all(m >= x for m, x in zip(most, needs, strict=True)))
    return min(enough, default=52)


def profile_level_id(profile_level: str, level: int) -> str:
    """The same profile at another level (times ten, 9 meaning 1b): how an answer states its own level."""
    idc, constraints = int(profile_level[:2], 16), int(profile_level[2:4], 16)
    if idc in (0x42, 0x4D, 0x58):
        constraints = constraints | 0x10 if level == 9 else constraints & ~0x10
        level = 11 if level == 9 else level
    return f"{idc:02x}{constraints:02x}{level:02x}"


def _profile_level(text: str) -> tuple[Profile | None, int]:
    try:
        idc, constraints, level = bytes.fromhex(text)
    except ValueError:
        return None, 10
    profile = next((p for i, mask, value, p in _PROFILES if i == idc and constraints & mask == value), None)
    if level == 11 and constraints & 0x10 and idc in (0x42, 0x4D, 0x58):
        level = 9
    return profile, level


def _number(text: str | None, default: int) -> int:
    """A bounded decimal, or the default."""
    return int(text) if text and len(text) <= 7 and text.isascii() and text.isdigit() else default
