"""The SDP grammar: what phones and browsers send, and what nobody should."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parloir.rtp.description import Address, Codec, Direction, Kind
from parloir.rtp.errors import SdpError
from parloir.rtp.sdp import MOST_CHARACTERS, format_attributes, parse

HEAD = "v=0\r\no=- 41 7 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
PHONE = (
    HEAD + "b=AS:512\r\n"
    "m=audio 4000 RTP/AVP 9 0 8 101\r\n"
    "b=AS:64\r\n"
    "a=rtpmap:101 telephone-event/8000\r\n"
    "a=fmtp:101 0-15\r\n"
    "a=ptime:20\r\n"
    "a=rtcp:4007\r\n"
    "m=video 4002 RTP/AVPF 99 31\r\n"
    "c=IN IP6 2001:db8::7\r\n"
    "b=TIAS:384500\r\n"
    "a=rtpmap:99 h264/90000\r\n"
    "a=fmtp:99 Profile-Level-Id=42801F; packetization-mode=1\r\n"
    "a=rtcp-fb:* nack pli\r\n"
    "a=rtcp-fb:99 ccm fir\r\n"
    "a=sendonly\r\n"
    "a=content:main\r\n"
)
BROWSER = (
    "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
    "a=group:BUNDLE 0 1\r\na=fingerprint:sha-256 AA:BB\r\na=setup:actpass\r\na=recvonly\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\n"
    "c=IN IP4 0.0.0.0\r\na=mid:0\r\na=rtcp-mux\r\na=ice-ufrag:abcd\r\na=ice-pwd:secret\r\n"
    "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n"
    "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n"
    "a=ssrc:77 cname:x\r\na=ssrc:77 msid:a b\r\na=ssrc:78 cname:x\r\n"
    "m=video 0 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=bundle-only\r\na=mid:1\r\na=setup:active\r\n"
    "a=rtpmap:96 H264/90000\r\n"
)


def test_a_video_phones_offer_is_read_whole() -> None:
    found = parse(PHONE)
    audio, video = found.media
    assert (found.session_id, found.version) == ("41", 7)
    assert audio.rtp == Address("192.0.2.1", 4000)
    assert audio.rtcp == Address("192.0.2.1", 4007)
    assert [f.payload_type for f in audio.formats] == [9, 0, 8, 101]
    assert audio.formats[0].codec == Codec("G722", 8000)
    assert audio.formats[3].codec == Codec("telephone-event", 8000, 1, (("0-15", ""),))
    assert (audio.bandwidth, audio.ptime, audio.direction) == (64_000, 20, Direction.SENDRECV)
    assert video.rtp == Address("2001:db8::7", 4002)
    assert (video.bandwidth, video.direction, video.rtcp) == (384_500, Direction.SENDONLY, None)
    (h264,) = video.formats
    assert h264.codec == Codec("H264", 90000, 1, (("profile-level-id", "42801F"), ("packetization-mode", "1")))
    assert h264.feedback == {"nack pli", "ccm fir"}
    assert ("content", "main") in video.attributes


def test_a_browsers_offer_keeps_what_its_answer_needs() -> None:
    found = parse(BROWSER)
    audio, video = found.media
    assert ("group", "BUNDLE 0 1") in found.attributes
    assert audio.ssrcs == (77, 78)
    assert audio.rtcp_mux
    assert audio.mid == "0"
    assert audio.extensions == ((2, "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"),)
    assert audio.formats[0].codec.channels == 2
    assert dict(audio.attributes) == {
        "ice-ufrag": "abcd",
        "ice-pwd": "secret",
        "fingerprint": "sha-256 AA:BB",
        "setup": "actpass",
    }
    assert audio.direction is video.direction is Direction.RECVONLY
    assert dict(video.attributes)["setup"] == "active"
    assert video.rtp == Address("0.0.0.0", 9), "bundle-only is not a refusal"


def test_a_refused_line_is_kept_in_its_place() -> None:
    found = parse(HEAD + "m=video 0 RTP/AVP 99\r\nm=audio 4000 RTP/AVP 0\r\n")
    assert found.media[0].rtp is None
    assert found.first(Kind.VIDEO) is None
    assert found.first(Kind.AUDIO) is found.media[1]


def test_an_ipv4_address_dressed_as_ipv6_is_the_ipv4_it_means() -> None:
    (audio,) = parse(HEAD + "m=audio 4000 RTP/AVP 0\r\nc=IN IP6 ::ffff:192.0.2.9\r\n").media
    assert audio.rtp == Address("192.0.2.9", 4000)


def test_lines_that_are_not_rtp_are_kept_without_formats() -> None:
    (line,) = parse(HEAD + "m=application 3000 UDP/BFCP *\r\n").media
    assert (line.kind, line.formats) == ("application", ())


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("v=1\r\n", 1),
        ("v=0\r\ns=-\r\n", 0),
        ("v=0\r\no=- x 1 IN IP4 h\r\n", 2),
        (HEAD + "nonsense\r\n", 6),
        (HEAD + "a=evil\x00\r\n", 6),
        (HEAD + "c=IN IP4 phone.example\r\n", 6),
        (HEAD + "c=IN IP4 239.1.1.1\r\n", 6),
        (HEAD + "c=IN IP6 fe80::1%eth0\r\n", 6),
        (HEAD + "m=audio 65536 RTP/AVP 0\r\n", 6),
        (HEAD + "m=audio -1 RTP/AVP 0\r\n", 6),
        (HEAD + "m=audio 4000 RTP/AVP 128\r\n", 6),
        (HEAD + "m=audio 4000 RTP/AVP 0\r\na=rtpmap:96 opus/zero\r\n", 7),
        (HEAD + "m=audio 4000 RTP/AVP 0\r\na=ptime:0\r\n", 7),
        (HEAD + "m=audio 4000 RTP/AVP 0\r\na=ssrc:99999999999 cname:x\r\n", 7),
        (HEAD + "m=audio 4000 RTP/AVP 0\r\na=rtcp:0\r\n", 7),
        ("v=0\r\no=- 1 1 IN IP4 h\r\nm=audio 4000 RTP/AVP 0\r\n", 3),
        (HEAD + "m=audio 4000 RTP/AVP 0\r\n" * 33, 38),
        (HEAD + "m=audio 4000 RTP/AVP " + "0 " * 65 + "\r\n", 6),
        (HEAD + "a=" + "x" * MOST_CHARACTERS, 0),
    ],
)
def test_a_broken_body_is_refused_by_its_line(text: str, line: int) -> None:
    with pytest.raises(SdpError) as caught:
        parse(text)
    assert caught.value.line == line


def test_a_format_is_written_as_it_was_read() -> None:
    h264 = parse(PHONE).media[1].formats[0]
    assert format_attributes(h264) == (
        "rtpmap:99 H264/90000",
        "fmtp:99 profile-level-id=42801F;packetization-mode=1",
        "rtcp-fb:99 ccm fir",
        "rtcp-fb:99 nack pli",
    )


@given(st.text(max_size=400))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse(text)
    except SdpError:
        return
    assert text.startswith("v=0")


@given(st.sampled_from((PHONE, BROWSER)), st.data())
def test_a_damaged_body_is_read_or_refused(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    until = data.draw(st.integers(at, min(len(text), at + 20)))
    damaged = text[:at] + data.draw(st.text(st.characters(max_codepoint=0x2FF), max_size=8)) + text[until:]
    try:
        found = parse(damaged)
    except SdpError:
        return
    for media in found.media:
        assert media.rtp is None or 1 <= media.rtp.port <= 65535
        assert all(0 <= f.payload_type <= 127 for f in media.formats)
