"""What a browser can be expected to offer, for a phone that is answered before there is one.

Opus and G.711 are in every browser (RFC 7874 section 3), H.264's constrained baseline in nearly all (RFC 7742
section 5), G.722 in most. Where the one that comes has not what was answered, the phone is told so in mid-call.
"""

from parloir.rtp.codecs import AUDIO, H264
from parloir.rtp.description import Address, Codec, Description, Format, Kind, Media
from parloir.webrtc.sdp import BrowserOffer

_NOWHERE = Address("0.0.0.0", 9)
_LEVEL = "42e01f"


def _h264(mode: int) -> Codec:
    given = (("level-asymmetry-allowed", "1"), ("packetization-mode", str(mode)), ("profile-level-id", _LEVEL))
    return Codec(H264.name, H264.clock, parameters=given)


_SOUND = tuple(Format(96 + number, codec) for number, codec in enumerate(AUDIO))
_PICTURE = (Format(110, _h264(1)), Format(111, _h264(0)))

USUAL = BrowserOffer(
    Description((Media(Kind.AUDIO, _SOUND, rtp=_NOWHERE), Media(Kind.VIDEO, _PICTURE, rtp=_NOWHERE))), "", ()
)
