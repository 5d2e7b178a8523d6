"""Keys pressed on a phone, which may tell of the same press twice: in its media and in its signalling. Pure."""

from enum import Enum, auto

SAME_PRESS = 4.0
"""How far apart, in seconds, the two accounts of one press may come: an INFO lost three times is late by 3.5."""
MOST = 32


class Way(Enum):
    """How a press was told: as an RTP event (RFC 4733) or by SIP INFO."""

    MEDIA = auto()
    SIGNALLING = auto()


class Keys:
    """Each press once: one account of a press pairs with one account of the other way, and no more."""

    def __init__(self) -> None:
        self._alone: list[tuple[Way, str, float]] = []

    def press(self, way: Way, digit: str, now: float) -> bool:
        """Take one account of a press, at monotonic seconds; whether it is a press not heard of before."""
        self._alone = [each for each in self._alone if now - each[2] < SAME_PRESS][-MOST:]
        for each in self._alone:
            if each[0] is not way and each[1] == digit:
                self._alone.remove(each)
                return False
        self._alone.append((way, digit, now))
        return True
