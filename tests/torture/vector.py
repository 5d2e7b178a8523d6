"""The messages of RFC 4475 (Sparks et al., "SIP Torture Test Messages", May 2006), by the RFC's own names.

They are test vectors and stand as the RFC prints them. Where it writes <hex>..</hex> the octets are escaped here, where
it writes <repeat count=n> the repetition is spelled out by multiplication, and allOneLine is one line.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Vector:
    """One message: the RFC's name for it, its section, and its octets."""

    name: str
    section: str
    data: bytes


def vector(name: str, section: str, text: str, octets: bytes = b"") -> Vector:
    """A message from its text, a first line end left out, and the octets that follow it."""
    return Vector(name, section, text.removeprefix("\n").replace("\n", "\r\n").encode("latin-1") + octets)


def sdp(address: str, time: str = "0 0") -> str:
    """The body that most of them carry."""
    return (
        f"v=0\no=mhandley 29739 7272939 IN IP4 {address}\ns=-\nc=IN IP4 {address}\nt={time}\n"
        "m=audio 49217 RTP/AVP 0 12\nm=video 3227 RTP/AVP 31\na=rtpmap:31 LPC\n"
    )


def utf8(text: str) -> str:
    """Text whose UTF-8 octets stand in the message."""
    return text.encode().decode("latin-1")
