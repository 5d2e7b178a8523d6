"""A prompt that is said over the parties while they talk: a voice in what is mixed for them. Pure."""

from array import array
from collections.abc import Iterable


class Utterance:
    """One saying of a prompt, from frames of the mixer's own samples (coding.PLAIN).

    It is a mixer.Voice to those who hear it, and a player.Sound that sends nothing to those who wait for its end.
    """

    def __init__(self, frames: Iterable[bytes], frame: int) -> None:
        self._frames = iter([array("h", each) for each in frames])
        self._frame = frame
        self._said = 0
        self._over = False

    def take(self) -> "array[int] | None":
        """The next frame; None when all has been said."""
        frame = next(self._frames, None)
        if frame is None:
            self._over = True
        else:
            self._said += 1
        return frame

    @property
    def milliseconds(self) -> int:
        """How much of it has been said."""
        return self._said * self._frame // 1_000_000

    def due(self, now: int) -> list[bytes]:
        """Nothing: those who hear it are sent what it is mixed into."""
        return []

    def ended(self, now: int) -> bool:
        """Whether it has been said to its end, and that has been heard."""
        return self._over
