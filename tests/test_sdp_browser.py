"""What a browser offers, and the answer it gets: all that was agreed and nothing else."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parloir.rtp.agreement import agree
from parloir.rtp.description import Codec, Description, Direction, Format, Kind
from parloir.rtp.sdp import parse
from parloir.webrtc.sdp import ABS_SEND_TIME, BrowserOffer, Chosen, OfferRefused, answer, read

from .browser_offers import AUDIO, DATA, FINGERPRINT, VIDEO, changed, offer


@dataclass(frozen=True)
class Candidate:
    address: str
    port: int
    priority: int
    type: str = "host"


@dataclass(frozen=True)
class Terms:
    ufrag: str = "ourUfrag"
    password: str = "ourPasswordOfTwentyFour0"
    fingerprint: tuple[str, str] = ("sha-256", "CD:" * 31 + "CD")
    candidates: tuple[Candidate, ...] = (
        Candidate("192.0.2.10", 20000, 2130706431),
        Candidate("2001:db8::10", 20000, 2130706175),
    )
    cname: str = "visit"
    ssrcs: dict[Kind, int] = field(default_factory=lambda: {Kind.AUDIO: 1111, Kind.VIDEO: 2222})


PHONE = """v=0
o=- 1 1 IN IP4 10.0.0.5
s=-
c=IN IP4 10.0.0.5
t=0 0
m=audio 4000 RTP/AVP 0 101
b=AS:32
a=rtpmap:101 telephone-event/8000
a=ptime:30
m=video 4002 RTP/AVP 97
b=AS:384
a=rtpmap:97 H264/90000
a=fmtp:97 profile-level-id=42800d;packetization-mode=1;sprop-parameter-sets=Z0LADQ==,aM4=
"""


def chosen(phone: str = PHONE, browser: str = offer(AUDIO, VIDEO)) -> tuple[Chosen, Chosen | None]:
    agreement = agree(parse(phone), parse(browser), None)
    return Chosen.of(agreement.audio), Chosen.of(agreement.video) if agreement.video else None


def answered(text: str, terms: Terms | None = None) -> tuple[Description, list[str]]:
    audio, video = chosen()
    sdp = answer(read(text), audio, video, terms or Terms())
    return parse(sdp), sdp.split("\r\n")


def section(lines: list[str], kind: str) -> list[str]:
    """The lines of one m-line, itself first."""
    start = next(i for i, line in enumerate(lines) if line.startswith(f"m={kind} "))
    rest = lines[start + 1 :]
    end = next((i for i, line in enumerate(rest) if line.startswith("m=") or not line), len(rest))
    return lines[start : start + 1 + end]


def test_an_offer_says_who_the_browser_is() -> None:
    found = read(offer(AUDIO, VIDEO, DATA))
    assert found.ufrag == "Vq3x"
    assert found.fingerprints == (("sha-256", FINGERPRINT),)
    assert found.ssrcs(Kind.AUDIO) == (752722301,)
    assert found.abs_send_time(Kind.VIDEO) == 2
    assert found.abs_send_time(Kind.AUDIO) is None


def test_repair_streams_are_not_counted_as_the_browsers_media() -> None:
    assert read(offer(AUDIO, VIDEO)).ssrcs(Kind.VIDEO) == (2229783904,)
    assert read(offer(AUDIO)).ssrcs(Kind.VIDEO) == ()


@pytest.mark.parametrize(
    ("sections", "why"),
    [
        ((VIDEO,), "no audio"),
        ((AUDIO[:1], VIDEO), "c="),
        ((changed(AUDIO, "a=mid:0", "a=mid:7"), VIDEO), "outside its BUNDLE"),
        ((AUDIO, changed(VIDEO, "a=mid:1", "a=mid:0")), "bundle"),
        ((changed(AUDIO, "UDP/TLS/RTP/SAVPF", "RTP/AVP"),), "not DTLS-SRTP"),
        ((changed(AUDIO, "a=rtcp-mux", ""),), "rtcp-mux"),
        ((changed(AUDIO, "actpass", "passive"),), "passive"),
        ((changed(AUDIO, "a=ice-pwd", ""),), "ICE credentials"),
        ((changed(AUDIO, "a=fingerprint", ""),), "fingerprint"),
        ((changed(AUDIO, "sha-256", "sha-1"),), "fingerprint"),
        ((AUDIO, changed(VIDEO, "AB:AB", "CD:CD")), "different certificates"),
    ],
)
def test_offers_that_cannot_be_served_are_refused_with_the_reason(
    sections: tuple[tuple[str, ...], ...], why: str
) -> None:
    with pytest.raises(OfferRefused, match=why):
        read(offer(*sections))


def test_an_offer_without_bundle_is_refused() -> None:
    with pytest.raises(OfferRefused, match="bundle"):
        read(offer(AUDIO, VIDEO).replace("a=group:BUNDLE 0 1 2\r\n", ""))


def test_an_endless_offer_is_refused() -> None:
    with pytest.raises(OfferRefused, match="32000"):
        read(offer(AUDIO) + "a=x:" + "y" * 32_000 + "\r\n")


def test_session_level_fingerprint_and_setup_serve_every_line() -> None:
    lines = [line for line in AUDIO if not line.startswith(("a=fingerprint", "a=setup"))]
    text = offer(tuple(lines)).replace(
        "t=0 0\r\n", f"t=0 0\r\na=fingerprint:sha-256 {FINGERPRINT}\r\na=setup:actpass\r\n"
    )
    assert read(text).fingerprints == (("sha-256", FINGERPRINT),)


def test_each_line_is_answered_with_one_payload_type_in_order() -> None:
    description, lines = answered(offer(AUDIO, VIDEO, DATA))
    assert [(m.kind, m.mid, [f.payload_type for f in m.formats]) for m in description.media] == [
        ("audio", "0", [0]),
        ("video", "1", [108]),
        ("application", "2", []),
    ]
    assert "a=group:BUNDLE 0 1" in lines
    assert [m.rtp is not None for m in description.media] == [True, True, False]
    assert section(lines, "application")[0] == "m=application 0 UDP/DTLS/SCTP webrtc-datachannel"


def test_the_transport_is_lite_passive_and_complete() -> None:
    _, lines = answered(offer(AUDIO, VIDEO))
    audio = section(lines, "audio")
    assert "a=ice-lite" in lines
    assert audio[:2] == ["m=audio 20000 UDP/TLS/RTP/SAVPF 0", "c=IN IP4 192.0.2.10"]
    assert [line for line in audio if "candidate" in line] == [
        "a=candidate:1 1 udp 2130706431 192.0.2.10 20000 typ host",
        "a=candidate:2 1 udp 2130706175 2001:db8::10 20000 typ host",
        "a=end-of-candidates",
    ]
    for each in ("a=rtcp-mux", "a=setup:passive", "a=ice-ufrag:ourUfrag", f"a=fingerprint:sha-256 {'CD:' * 31}CD"):
        assert each in audio
        assert each in section(lines, "video")


def test_video_says_what_the_phone_can_take() -> None:
    description, lines = answered(offer(AUDIO, VIDEO))
    video = description.first(Kind.VIDEO)
    assert video is not None
    assert video.bandwidth == 384_000
    assert video.formats[0].feedback == {"nack", "nack pli", "ccm fir", "goog-remb"}
    assert dict(video.formats[0].codec.parameters) == {
        "level-asymmetry-allowed": "1",
        "packetization-mode": "1",
        "profile-level-id": "42e00d",
    }
    assert video.extensions == ((2, ABS_SEND_TIME),)
    assert "b=AS:384" in lines


def test_audio_says_the_phones_packet_time_and_never_starves_g711() -> None:
    description, _ = answered(offer(AUDIO, VIDEO))
    audio = description.first(Kind.AUDIO)
    assert audio is not None
    assert (audio.ptime, audio.bandwidth, audio.extensions) == (30, None, ())
    assert audio.formats == (Format(0, Codec("PCMU", 8000)),)


def test_opus_is_answered_with_what_the_phone_said_of_it() -> None:
    phone = "\n".join(
        [
            *PHONE.splitlines()[:5],
            "m=audio 4000 RTP/AVP 98",
            "a=rtpmap:98 opus/48000/2",
            "a=fmtp:98 stereo=0;useinbandfec=1;x-own=1;minptime=ten",
        ]
    )
    audio, video = chosen(phone)
    assert audio.format == Format(111, Codec("opus", 48000, 2, (("stereo", "0"), ("useinbandfec", "1"))))
    assert video is None


def test_a_phone_that_names_no_level_leaves_the_browsers() -> None:
    _, video = chosen(PHONE.replace("profile-level-id=42800d;", ""))
    assert video is not None
    assert ("profile-level-id", "42e01f") in video.format.codec.parameters


def test_streams_of_a_leg_share_one_name() -> None:
    _, lines = answered(offer(AUDIO, VIDEO))
    assert [line for line in lines if line.startswith(("a=ssrc", "a=msid"))] == [
        "a=msid:visit audio",
        "a=ssrc:1111 cname:visit",
        "a=ssrc:1111 msid:visit audio",
        "a=msid:visit video",
        "a=ssrc:2222 cname:visit",
        "a=ssrc:2222 msid:visit video",
    ]


@pytest.mark.parametrize(
    ("offered", "expected", "sends"),
    [
        (Direction.SENDRECV, Direction.SENDRECV, True),
        (Direction.SENDONLY, Direction.RECVONLY, False),
        (Direction.RECVONLY, Direction.SENDONLY, True),
        (Direction.INACTIVE, Direction.INACTIVE, False),
    ],
)
def test_directions_are_mirrored(offered: Direction, expected: Direction, sends: bool) -> None:
    description, lines = answered(offer(AUDIO, changed(VIDEO, "a=sendrecv", f"a={offered}")))
    assert description.media[1].direction is expected
    assert ("a=ssrc:2222 cname:visit" in lines) is sends


def test_audio_alone_refuses_video_and_keeps_its_place() -> None:
    audio, _ = chosen()
    sdp = answer(read(offer(VIDEO, AUDIO, bundle="1 0")), audio, None, Terms())
    description = parse(sdp)
    assert [(m.kind, m.rtp is None) for m in description.media] == [("video", True), ("audio", False)]
    assert "a=group:BUNDLE 0\r\n" in sdp
    assert sdp.index("m=audio") < sdp.index("a=candidate")


def test_a_second_line_of_a_kind_is_refused() -> None:
    second = changed(AUDIO, "a=mid:0", "a=mid:2")
    description, lines = answered(offer(AUDIO, VIDEO, second))
    assert [m.rtp is None for m in description.media] == [False, False, True]
    assert "a=group:BUNDLE 0 1" in lines


def test_an_answer_without_a_candidate_is_a_mistake_here() -> None:
    audio, video = chosen()
    with pytest.raises(ValueError, match="candidate"):
        answer(read(offer(AUDIO)), audio, video, Terms(candidates=()))


def test_an_answer_names_a_later_version() -> None:
    audio, _ = chosen()
    description = parse(answer(read(offer(AUDIO)), audio, None, Terms(), version=3))
    assert description.version == 3


@given(st.text(max_size=400))
def test_no_text_raises_anything_but_a_refusal(text: str) -> None:
    for each in (text, offer(AUDIO) + text, offer((*AUDIO, f"a={text}"), VIDEO)):
        try:
            found = read(each)
        except OfferRefused:
            continue
        assert isinstance(found, BrowserOffer)


@given(st.lists(st.sampled_from([*AUDIO, *VIDEO, *DATA]), max_size=30))
def test_whatever_is_read_can_be_answered(lines: list[str]) -> None:
    audio, video = chosen()
    try:
        found = read(offer(AUDIO, tuple(lines)))
    except OfferRefused:
        return
    description = parse(answer(found, audio, video, Terms()))
    assert len(description.media) == len(found.description.media)
