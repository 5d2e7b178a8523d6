"""The SDP of a listener's browser: it offers to receive sound and picture of two parties, and is answered with them.

Its first audio and video lines are for the party inside, the second ones for the visitor.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Protocol

from parloir.rtp.codecs import same_audio, video_terms
from parloir.rtp.description import Codec, Direction, Format, Kind, Media
from parloir.rtp.flow import Leg
from parloir.rtp.sdp import format_attributes
from parloir.webrtc.sdp import FEEDBACK, BrowserOffer, OfferRefused, Reach, candidates, refused, transport


class Terms(Reach, Protocol):
    """What the answer says of our side; `ssrcs` as (party, kind, SSRC)."""

    @property
    def ssrcs(self) -> tuple[tuple[Leg, Kind, int], ...]: ...


@dataclass(frozen=True)
class Heard:
    """One line of the offer, and what it is answered with: whose stream, under which of the listener's formats."""

    line: Media
    party: Leg
    kind: Kind
    format: Format


def choose(offer: BrowserOffer, agreed: Mapping[Kind, Codec], needed: Kind = Kind.AUDIO) -> tuple[Heard, ...]:
    """What of a call the listener can take; `agreed` is what the parties send. Raises OfferRefused without `needed`."""
    found = tuple(_chosen(offer, agreed))
    if not any(each.kind is needed for each in found):
        raise OfferRefused(f"it has no line that could receive the {needed} of this call")
    return found


def answer(offer: BrowserOffer, heard: tuple[Heard, ...], terms: Terms) -> str:
    """The answer: a line for each of the offer's, those that are not heard refused. ValueError without a candidate."""
    if not terms.candidates:
        raise ValueError("an answer needs a candidate")
    ssrcs = {(party, kind): ssrc for party, kind, ssrc in terms.ssrcs}
    lines = ["v=0", f"o=- {offer.description.session_id} 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=ice-lite"]
    lines.append("a=group:BUNDLE " + " ".join(each.line.mid or "" for each in heard))
    for line in offer.description.media:
        taken = next((each for each in heard if each.line is line), None)
        if taken is None:
            lines += refused(line)
        else:
            lines += _accepted(taken, ssrcs[taken.party, taken.kind], terms)
            lines += candidates(terms) if taken is heard[0] else ()
    return "\r\n".join(lines) + "\r\n"


def _chosen(offer: BrowserOffer, agreed: Mapping[Kind, Codec]) -> Iterator[Heard]:
    shared = offer.description.first(Kind.AUDIO)
    for kind in Kind:
        lines = [line for line in offer.description.media if line.kind == kind]
        for party, line in zip(Leg, lines, strict=False):
            form = _format(line, kind, agreed.get(kind))
            fitting = line.rtp is not None and line.rtcp_mux and shared is not None and line.protocol == shared.protocol
            receiving = line.direction in (Direction.RECVONLY, Direction.SENDRECV)
            if form is not None and fitting and receiving:
                yield Heard(line, party, kind, form)


def _format(line: Media, kind: Kind, codec: Codec | None) -> Format | None:
    if codec is None:
        return None
    for form in line.formats:
        if kind is Kind.AUDIO and same_audio(form.codec, codec):
            return form
        if kind is Kind.VIDEO and form.codec.name == codec.name and video_terms(form.codec).accepts(video_terms(codec)):
            return replace(form, feedback=form.feedback & FEEDBACK)
    return None


def _accepted(heard: Heard, ssrc: int, terms: Terms) -> Iterator[str]:
    first, line = terms.candidates[0], heard.line
    stream = f"parloir-{heard.party}"
    yield f"m={heard.kind} {first.port} {line.protocol} {heard.format.payload_type}"
    yield f"c=IN IP{ip_address(first.address).version} {first.address}"
    yield f"a=mid:{line.mid}"
    yield "a=sendonly"
    yield from (f"a={attribute}" for attribute in format_attributes(heard.format))
    yield from transport(terms)
    yield f"a=msid:{stream} {stream}-{heard.kind}"
    yield f"a=ssrc:{ssrc} cname:{stream}"
    yield f"a=ssrc:{ssrc} msid:{stream} {stream}-{heard.kind}"
