"""What the SIP side is told once, by the configuration."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Listener:
    """A UDP socket that phones send to: IP literal and port (0: any); `advertise` is the host phones are told."""

    host: str
    port: int
    advertise: str | None = None


@dataclass(frozen=True)
class Settings:
    """Listeners, slots and patience (seconds). `reply_timeout` is how long a phone may take to show any life."""

    listen: tuple[Listener, ...]
    calls: int = 16
    calls_per_line: int = 4
    ring_timeout: float = 45.0
    reply_timeout: float = 12.0
    product: str = "Parloir"

    @property
    def lines(self) -> int:
        """How many line processes that takes."""
        return -(-self.calls // self.calls_per_line)
