"""One call of a simulated phone: what it says in SDP, and the media that follows from what was agreed."""

import secrets
import socket
from dataclasses import dataclass, replace

from parloir.phone_flow import Ports
from parloir.phone_media import PhoneMedia
from parloir.phone_streams import Show
from parloir.rtp.agreement import VIDEO_BITRATE, Agreement, agree, offer_for_phone
from parloir.rtp.codecs import AUDIO, H264, TELEPHONE_EVENT, is_event, level_for, profile_level_id
from parloir.rtp.description import Address, Codec, Description, Format, Kind, Media
from parloir.rtp.errors import RtpError
from parloir.rtp.sdp import parse
from parloir.sip import sdp

CODECS = ("PCMU", "PCMA", "G722")
"""What its SIP stack lets it agree to: pjsua2's wheel refuses a call whose codec it has not, and it has no Opus."""

_ANY = ("0.0.0.0", "::")


@dataclass(frozen=True)
class Abilities:
    """What the phone can do: audio codecs by name, best first, and whether it has a camera."""

    codecs: tuple[str, ...]
    video: bool
    show: Show

    def described(self) -> Description:
        """As a description to agree with."""
        nowhere = Address("127.0.0.1", 9)
        known = {codec.name: codec for codec in AUDIO}
        formats = [Format(100 + i, known[name]) for i, name in enumerate(self.codecs)]
        clocks = sorted({known[name].clock for name in self.codecs})
        formats += [Format(110 + i, Codec(TELEPHONE_EVENT, clock)) for i, clock in enumerate(clocks)]
        lines = [Media(Kind.AUDIO, tuple(formats), rtp=nowhere)]
        if self.video:
            level = profile_level_id("42e01f", level_for(*self.show.size, self.show.rate, self.show.bitrate))
            modes = tuple(Format(97 - mode, replace(H264, parameters=_h264(level, mode))) for mode in (1, 0))
            lines.append(Media(Kind.VIDEO, modes, rtp=nowhere))
        return Description(tuple(lines))

    def offered(self) -> tuple[Media, ...]:
        """As the lines of an offer, the codecs in the phone's own order."""
        audio, *rest = offer_for_phone(self.described(), self.video)
        order = {name: rank for rank, name in enumerate(self.codecs)}
        formats = sorted((f for f in audio.formats if not is_event(f)), key=lambda f: order[f.codec.name])
        events = (f for f in audio.formats if is_event(f))
        return replace(audio, formats=(*formats, *events)), *(replace(m, bandwidth=self.show.bitrate) for m in rest)


def _h264(level: str, mode: int) -> tuple[tuple[str, str], ...]:
    return ("profile-level-id", level), ("packetization-mode", str(mode)), ("level-asymmetry-allowed", "1")


class PhoneCall:
    """From the first SDP to the last packet."""

    def __init__(self, abilities: Abilities, host: str) -> None:
        self._abilities = abilities
        self._host = host
        self._id = str(secrets.randbits(40))
        self._version = 0
        self._ports: dict[Kind, Ports] = {}
        self._ours: Description | None = None
        self._agreement: Agreement | None = None
        self.media: PhoneMedia | None = None

    def acceptable(self, offer: str) -> bool:
        """Whether there is anything in this offer for us."""
        try:
            self._agree(parse(offer), None)
        except RtpError:
            return False
        return True

    def describe(self, offer: str) -> str:
        """Our answer to an offer, or our own offer. Raises RtpError for an offer with nothing for us."""
        self._version += 1
        if not offer:
            text = self._offer()
            self._ours = parse(text)
            return text
        theirs = parse(offer)
        self._settle(self._agree(theirs, None))
        assert self._agreement is not None
        return sdp.answer(
            Description(tuple(self._bounded(line) for line in theirs.media)),
            self._agreement,
            self._place(self._agreement.audio.address.host, self._agreement.video is not None),
        )

    def described(self, answer: str) -> None:
        """The other side's answer to our offer."""
        self._settle(self._agree(parse(answer), self._ours))

    def start(self) -> None:
        """Let media run, if it does not yet and there is an agreement."""
        if self._agreement and not self.media:
            for stream in self._agreement.streams:
                self._port(stream.kind)
            video = self._ports.get(Kind.VIDEO)
            self.media = PhoneMedia(self._agreement, self._ports[Kind.AUDIO], video, self._abilities.show)

    def close(self) -> None:
        """End the media and give the ports back."""
        self._stop()
        for ports in self._ports.values():
            ports.close()
        self._ports.clear()

    def _stop(self) -> None:
        if self.media:
            self.media.stop()
            self.media = None

    def _agree(self, theirs: Description, ours: Description | None) -> Agreement:
        return agree(theirs, self._abilities.described(), ours)

    def _settle(self, agreement: Agreement) -> None:
        """Go on with what runs where only addresses or directions changed, else begin anew."""
        before, self._agreement = self._agreement, agreement
        if not self.media or before is None:
            return
        if _terms(before) == _terms(agreement):
            self.media.update(agreement)
        else:
            self._stop()
            self.start()

    def _offer(self) -> str:
        return sdp.offer(self._abilities.offered(), self._place("", self._abilities.video))

    def _place(self, towards: str, video: bool) -> sdp.Place:
        video_port = self._port(Kind.VIDEO) if video else None
        return sdp.Place(self._address(towards), self._port(Kind.AUDIO), video_port, self._id, self._version)

    def _bounded(self, line: Media) -> Media:
        """An offered line with no more bandwidth than we want."""
        return replace(line, bandwidth=min(line.bandwidth or VIDEO_BITRATE, self._abilities.show.bitrate))

    def _port(self, kind: Kind) -> int:
        if kind not in self._ports:
            self._ports[kind] = Ports(self._host)
        return self._ports[kind].number

    def _address(self, towards: str) -> str:
        """The address to name: the one listened on, or where that is all, the one that leads to the other side."""
        if self._host not in _ANY:
            return self._host
        with socket.socket(socket.AF_INET6 if ":" in self._host else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((towards or "192.0.2.1", 9))
            return str(probe.getsockname()[0])


def _terms(agreement: Agreement) -> list[tuple[object, ...]]:
    """All that a running stream cannot change."""
    return [(s.kind, s.phone.payload_type, s.phone.codec, s.receive_type, s.event, s.ptime) for s in agreement.streams]
