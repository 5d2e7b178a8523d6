"""The bodies that phones are sent."""

import pytest

from parloir.rtp.agreement import agree, offer_for_phone
from parloir.rtp.description import Address, Description, Direction, Kind
from parloir.rtp.sdp import parse
from parloir.sip.sdp import Place, answer, hold_state, offer, restate

BROWSER = parse(
    "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nc=IN IP4 0.0.0.0\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8\r\na=rtpmap:111 opus/48000/2\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 106 108\r\n"
    "a=rtpmap:106 H264/90000\r\na=fmtp:106 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n"
    "a=rtpmap:108 H264/90000\r\na=fmtp:108 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f\r\n"
)


def phone(*lines: str, address: str = "192.0.2.1") -> Description:
    head = f"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n"
    return parse(head + "".join(f"{line}\r\n" for line in lines))


VIDEO_PHONE = (
    "m=audio 4000 RTP/AVP 8 0 101",
    "a=rtpmap:101 telephone-event/8000",
    "a=fmtp:101 0-15",
    "m=video 4002 RTP/AVPF 99",
    "b=AS:512",
    "a=rtpmap:99 H264/90000",
    "a=fmtp:99 profile-level-id=42800d;packetization-mode=1",
)


def answered(theirs: Description, directions: dict[Kind, Direction] | None = None) -> Description:
    return parse(
        answer(
            theirs,
            agree(theirs, BROWSER, None),
            Place("192.0.2.9", 6000, 6002, "5", 3),
            directions,
        )
    )


def test_an_offer_reads_back_as_what_was_meant() -> None:
    media = offer_for_phone(BROWSER, video=True)
    text = offer(media, Place("192.0.2.9", 6000, 6002, "5", 3))
    found = parse(text)
    assert (found.session_id, found.version) == ("5", 3)
    assert [m.rtp for m in found.media] == [Address("192.0.2.9", 6000), Address("192.0.2.9", 6002)]
    assert [[f.codec for f in m.formats] for m in found.media] == [[f.codec for f in m.formats] for m in media]
    assert found.media[1].bandwidth == 1_024_000
    assert found.media[1].formats[0].feedback == {"nack", "nack pli", "ccm fir", "ccm tmmbr"}
    assert found.media[0].ptime == 20
    assert "b=AS:1024\r\n" in text


def test_an_offer_from_an_ipv6_address_says_so() -> None:
    media = offer_for_phone(BROWSER, video=False)
    text = offer(media, Place("2001:db8::1", 6000, None, "5", 1))
    assert "c=IN IP6 2001:db8::1\r\n" in text


def test_an_answer_names_one_codec_and_dtmf() -> None:
    audio, video = answered(phone(*VIDEO_PHONE)).media
    assert [f.payload_type for f in audio.formats] == [8, 101]
    assert video.protocol == "RTP/AVPF"
    (h264,) = video.formats
    assert h264.payload_type == 99
    assert dict(h264.codec.parameters) == {"profile-level-id": "42800d", "packetization-mode": "1"}
    assert video.bandwidth == 512_000


def test_levels_differ_where_the_phone_allows_it() -> None:
    lines = (*VIDEO_PHONE[:-1], f"{VIDEO_PHONE[-1]};level-asymmetry-allowed=1")
    assert dict(answered(phone(*lines)).media[1].formats[0].codec.parameters)["profile-level-id"] == "42801f"


def test_an_answer_keeps_number_and_order_of_lines() -> None:
    theirs = phone(
        "m=application 3000 UDP/BFCP *",
        "m=video 4006 RTP/AVP 31",
        "m=video 4002 RTP/AVP 99",
        "a=rtpmap:99 H264/90000",
        "m=audio 0 RTP/AVP 0",
        "m=audio 4000 RTP/AVP 0",
    )
    found = answered(theirs)
    assert [(m.kind, m.rtp.port if m.rtp else 0) for m in found.media] == [
        ("application", 0),
        ("video", 0),
        ("video", 6002),
        ("audio", 0),
        ("audio", 6000),
    ]


@pytest.mark.parametrize(
    ("said", "address", "expected", "mirror"),
    [
        ("sendrecv", "192.0.2.1", Direction.SENDRECV, Direction.SENDRECV),
        ("sendonly", "192.0.2.1", Direction.SENDONLY, Direction.RECVONLY),
        ("recvonly", "192.0.2.1", Direction.RECVONLY, Direction.SENDONLY),
        ("inactive", "192.0.2.1", Direction.INACTIVE, Direction.INACTIVE),
        ("sendrecv", "0.0.0.0", Direction.SENDONLY, Direction.RECVONLY),
        ("recvonly", "0.0.0.0", Direction.INACTIVE, Direction.INACTIVE),
    ],
)
def test_holds_are_seen_and_mirrored(said: str, address: str, expected: Direction, mirror: Direction) -> None:
    theirs = phone("m=audio 4000 RTP/AVP 0", f"a={said}", address=address)
    assert hold_state(theirs) is expected
    assert answered(theirs).media[0].direction is mirror


def test_a_phone_without_audio_is_inactive() -> None:
    assert hold_state(phone("m=audio 0 RTP/AVP 0")) is Direction.INACTIVE


def test_we_can_narrow_a_direction_ourselves() -> None:
    found = answered(phone(*VIDEO_PHONE), {Kind.VIDEO: Direction.SENDONLY})
    assert [m.direction for m in found.media] == [Direction.SENDRECV, Direction.SENDONLY]


def test_restating_uses_our_own_types_and_keeps_every_line() -> None:
    ours = parse(
        offer(
            offer_for_phone(BROWSER, video=True),
            Place("192.0.2.9", 6000, 6002, "5", 1),
        )
    )
    theirs = phone("m=audio 4000 RTP/AVP 120", "a=rtpmap:120 opus/48000/2", "a=sendonly", "m=video 0 RTP/AVP 97")
    text = restate(
        theirs,
        agree(theirs, BROWSER, ours),
        Place("192.0.2.9", 6000, None, "5", 2),
    )
    audio, video = parse(text).media
    assert [f.payload_type for f in audio.formats] == [96]
    assert audio.direction is Direction.SENDRECV
    assert video.rtp is None
