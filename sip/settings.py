"""What the SIP side is told once, by the configuration."""

from dataclasses import dataclass, field
from pathlib import Path

from parloir.sip.admission import AdmissionTerms
from parloir.sip.digest import Algorithm
from parloir.sip.registrar import RegistrarTerms


@dataclass(frozen=True)
class Listener:
    """What phones send to: IP literal and port (0: any); `advertise` is the host phones are told, if another.

    `transport` is "udp", "tcp" or "tls".
    """

    host: str
    port: int
    advertise: str | None = None
    transport: str = "udp"


@dataclass(frozen=True)
class Tls:
    """PEM files: the certificate chain, its key, and the authorities that must have signed a peer's, if it is asked."""

    certificate: Path
    key: Path
    authorities: Path | None = None


@dataclass(frozen=True)
class Streams:
    """How many connections are taken, in all and from one host, and the seconds after which a quiet one is closed."""

    total: int = 512
    per_source: int = 64
    idle: float = 7200.0
    tls: Tls | None = None


@dataclass(frozen=True)
class Settings:
    """Listeners, slots and patience (seconds). `reply_timeout` is how long a phone may take to show any life.

    `session_expires` is how often a session wants refreshing (RFC 4028), 0 for never. Of the `calls`, `reserved` are
    kept for calls from or to the `urgent` numbers; a call that finds no slot waits for one for `queue_timeout`.
    """

    listen: tuple[Listener, ...]
    calls: int = 16
    calls_per_line: int = 4
    ring_timeout: float = 45.0
    reply_timeout: float = 12.0
    session_expires: int = 1800
    reserved: int = 0
    urgent: frozenset[str] = frozenset()
    queue_timeout: float = 2.0
    product: str = "Parloir"
    streams: Streams = Streams()
    registrar: RegistrarTerms = field(default_factory=RegistrarTerms)
    algorithms: tuple[Algorithm, ...] = (Algorithm.SHA_256, Algorithm.MD5)
    admission: AdmissionTerms = field(default_factory=AdmissionTerms)

    @property
    def lines(self) -> int:
        """How many line processes that takes."""
        return -(-self.calls // self.calls_per_line)
