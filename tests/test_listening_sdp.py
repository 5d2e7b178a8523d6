"""The SDP of listeners' browsers: two of each kind received, matched with what the parties send."""

import pytest

from parloir.relay.bodies import Candidate, ListenerTerms
from parloir.rtp.description import Codec, Kind
from parloir.rtp.flow import Leg
from parloir.rtp.sdp import parse
from parloir.webrtc import listening, sdp
from parloir.webrtc.sdp import OfferRefused

PRINT = ":".join(["AB"] * 32)
H264 = Codec(
    "H264", 90_000, 1, (("profile-level-id", "42e01f"), ("packetization-mode", "1"), ("level-asymmetry-allowed", "1"))
)
PCMU = Codec("PCMU", 8000)
BOTH = {Kind.AUDIO: PCMU, Kind.VIDEO: H264}
TERMS = ListenerTerms(
    ufrag="ufrag",
    password="p" * 22,
    fingerprint=("sha-256", PRINT),
    candidates=(Candidate(address="127.0.0.1", port=20000, priority=1),),
    ssrcs=tuple((party, kind, number) for number, (party, kind) in enumerate((p, k) for p in Leg for k in Kind)),
)


def offer(*kinds: str, direction: str = "recvonly", video: str = "H264/90000") -> str:
    lines = ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0"]
    lines.append("a=group:BUNDLE " + " ".join(str(number) for number in range(len(kinds))))
    for number, kind in enumerate(kinds):
        types = "0 8" if kind == "audio" else "108 109"
        lines += [f"m={kind} 9 UDP/TLS/RTP/SAVPF {types}", "c=IN IP4 0.0.0.0", f"a=mid:{number}", f"a={direction}"]
        lines += ["a=rtcp-mux", "a=setup:actpass", "a=ice-ufrag:abcd", "a=ice-pwd:abcdabcdabcdabcdabcdabcd"]
        lines.append(f"a=fingerprint:sha-256 {PRINT}")
        if kind == "video":
            for type_, mode in ((108, 0), (109, 1)):
                fmtp = f"level-asymmetry-allowed=1;packetization-mode={mode};profile-level-id=42e01f"
                lines += [f"a=rtpmap:{type_} {video}", f"a=fmtp:{type_} {fmtp}"]
    return "".join(f"{line}\r\n" for line in lines)


def test_first_lines_are_the_phone_s_and_second_ones_the_visitor_s() -> None:
    heard = listening.choose(sdp.read(offer("audio", "video", "audio", "video")), BOTH)
    assert [(each.party, each.kind, each.line.mid, each.format.payload_type) for each in heard] == [
        (Leg.PHONE, Kind.AUDIO, "0", 0),
        (Leg.BROWSER, Kind.AUDIO, "2", 0),
        (Leg.PHONE, Kind.VIDEO, "1", 109),
        (Leg.BROWSER, Kind.VIDEO, "3", 109),
    ]


def test_answer_sends_every_line_under_its_own_ssrc() -> None:
    read = sdp.read(offer("audio", "video", "audio", "video"))
    answered = parse(listening.answer(read, listening.choose(read, BOTH), TERMS))
    assert [line.direction.value for line in answered.media] == ["sendonly"] * 4
    assert [line.ssrcs for line in answered.media] == [(0,), (1,), (2,), (3,)]
    streams = [dict(line.attributes)["msid"].split()[0] for line in answered.media]
    assert streams == ["parloir-phone", "parloir-phone", "parloir-browser", "parloir-browser"]
    assert dict(answered.attributes)["group"].split()[0] == "BUNDLE"


@pytest.mark.parametrize("video", ["VP8/90000", "H265/90000"])
def test_browser_that_cannot_take_the_picture_hears(video: str) -> None:
    read = sdp.read(offer("audio", "video", "audio", "video", video=video))
    heard = listening.choose(read, BOTH)
    assert {each.kind for each in heard} == {Kind.AUDIO}
    answered = parse(listening.answer(read, heard, TERMS))
    assert [line.rtp is None for line in answered.media] == [False, True, False, True]
    assert "2" in dict(answered.attributes)["group"]


def test_one_line_of_each_is_the_phone_alone() -> None:
    heard = listening.choose(sdp.read(offer("audio", "video")), BOTH)
    assert {each.party for each in heard} == {Leg.PHONE}


@pytest.mark.parametrize(
    ("text", "codecs"),
    [
        (offer("audio", "audio", direction="sendonly"), BOTH),
        (offer("audio", "audio", direction="inactive"), BOTH),
        (offer("audio", "audio"), {Kind.AUDIO: Codec("opus", 48_000, 2)}),
        (offer("audio", "audio"), {}),
    ],
)
def test_browser_that_could_hear_nothing_is_refused(text: str, codecs: dict[Kind, Codec]) -> None:
    with pytest.raises(OfferRefused):
        listening.choose(sdp.read(text), codecs)
