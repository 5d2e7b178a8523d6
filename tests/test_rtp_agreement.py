"""What a phone and a browser settle on."""

from dataclasses import replace

import pytest

from parloir.rtp.agreement import NoVideo, agree, offer_for_phone
from parloir.rtp.codecs import Profile, profile_level_id, video_terms
from parloir.rtp.description import Address, Codec, Description, Kind, Media
from parloir.rtp.errors import NothingInCommon
from parloir.rtp.sdp import parse

PHONE_HEAD = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
CHROME = parse(
    "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nc=IN IP4 0.0.0.0\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 110 126\r\n"
    "a=rtpmap:111 opus/48000/2\r\na=rtpmap:63 red/48000/2\r\na=rtpmap:110 telephone-event/48000\r\n"
    "a=rtpmap:126 telephone-event/8000\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 96 102 104 106 108 127 39\r\n"
    "a=rtpmap:96 VP8/90000\r\n"
    "a=rtpmap:102 H264/90000\r\na=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f\r\n"
    "a=rtpmap:104 H264/90000\r\na=fmtp:104 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42001f\r\n"
    "a=rtpmap:106 H264/90000\r\na=fmtp:106 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n"
    "a=rtpmap:108 H264/90000\r\na=fmtp:108 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f\r\n"
    "a=rtpmap:127 H264/90000\r\na=fmtp:127 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f\r\n"
)
WITHOUT_H264 = parse(
    "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nc=IN IP4 0.0.0.0\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n"
)


def phone(*lines: str) -> Description:
    return parse(PHONE_HEAD + "".join(f"{line}\r\n" for line in lines))


def h264(*parameters: str, extra: tuple[str, ...] = ()) -> Description:
    fmtp = (f"a=fmtp:99 {';'.join(parameters)}",) if parameters else ()
    return phone("m=audio 4000 RTP/AVP 0", "m=video 4002 RTP/AVP 99", "a=rtpmap:99 H264/90000", *fmtp, *extra)


def test_a_phone_is_offered_what_the_browser_has_best_known_first() -> None:
    audio, video = offer_for_phone(CHROME, video=True)
    assert [(f.payload_type, f.codec.name) for f in audio.formats] == [
        (0, "PCMU"),
        (8, "PCMA"),
        (9, "G722"),
        (96, "opus"),
        (101, "telephone-event"),
        (103, "telephone-event"),
    ]
    assert [f.codec.clock for f in audio.formats[-2:]] == [8000, 48000]
    modes = [dict(f.codec.parameters)["packetization-mode"] for f in video.formats]
    assert modes == ["1", "0"]
    assert {dict(f.codec.parameters)["profile-level-id"] for f in video.formats} == {"42e01f"}
    assert video.bandwidth == 1_024_000
    assert all(f.feedback == {"nack", "nack pli", "ccm fir", "ccm tmmbr"} for f in video.formats)


def test_a_browser_without_h264_makes_an_audio_offer_and_says_why() -> None:
    assert [m.kind for m in offer_for_phone(WITHOUT_H264, video=True)] == ["audio"]
    assert agree(h264("packetization-mode=1"), WITHOUT_H264, None).why_no_video is NoVideo.NO_COMMON_CODEC


def test_a_call_without_video_offers_none() -> None:
    assert len(offer_for_phone(CHROME, video=False)) == 1


def test_a_browser_without_known_audio_cannot_call_a_phone() -> None:
    with pytest.raises(NothingInCommon):
        offer_for_phone(Description(CHROME.media[1:]), video=True)


def test_a_phones_own_order_chooses_the_audio() -> None:
    found = agree(phone("m=audio 4000 RTP/AVP 18 8 0 101", "a=rtpmap:101 telephone-event/8000"), CHROME, None).audio
    assert (found.phone.codec.name, found.receive_type, found.browser.payload_type) == ("PCMA", 8, 8)
    assert found.event is not None
    assert found.event.payload_type == 101
    assert found.address.port == 4000


def test_opus_keeps_each_sides_own_payload_type() -> None:
    found = agree(phone("m=audio 4000 RTP/AVP 120", "a=rtpmap:120 OPUS/48000/2"), CHROME, None).audio
    assert (found.phone.payload_type, found.browser.payload_type) == (120, 111)


def test_an_answer_with_other_payload_types_still_sends_ours() -> None:
    ours = Description(tuple(_placed(CHROME)))
    theirs = phone(
        "m=audio 4000 RTP/AVP 120 97",
        "a=rtpmap:120 opus/48000/2",
        "a=rtpmap:97 telephone-event/48000",
        "m=video 4002 RTP/AVP 120",
        "a=rtpmap:120 H264/90000",
        "a=fmtp:120 profile-level-id=42e00d;packetization-mode=0",
    )
    found = agree(theirs, CHROME, ours)
    assert (found.audio.phone.payload_type, found.audio.receive_type) == (120, 96)
    assert found.audio.event is not None
    assert found.audio.event.payload_type == 103
    assert found.video is not None
    assert (found.video.phone.payload_type, found.video.receive_type) == (120, 98)
    assert found.video.browser.payload_type == 108


def _placed(browser: Description) -> list[Media]:

    return [replace(m, rtp=Address("192.0.2.9", 5000)) for m in offer_for_phone(browser, video=True)]


@pytest.mark.parametrize(
    ("profile", "mode", "answered"),
    [
        ("42e01f", 1, 106),
        ("42801f", 1, 102),
        ("42001f", 0, 104),
        ("42c00d", 0, 108),
        ("4d0028", 1, 127),
        ("42f00b", 1, 106),
    ],
)
def test_the_browser_is_answered_its_own_type_of_the_same_profile_and_mode(
    profile: str, mode: int, answered: int
) -> None:
    found = agree(h264(f"profile-level-id={profile}", f"packetization-mode={mode}"), CHROME, None).video
    assert found is not None
    assert found.browser.payload_type == answered
    assert found.packetization_mode == mode


@pytest.mark.parametrize("parameters", [("profile-level-id=64001f", "packetization-mode=1"), ("packetization-mode=2",)])
def test_what_no_browser_decodes_becomes_an_audio_call(parameters: tuple[str, ...]) -> None:
    found = agree(h264(*parameters), CHROME, None)
    assert (found.video, found.why_no_video) == (None, NoVideo.NO_COMMON_CODEC)


def test_h264_without_parameters_is_baseline_level_one_in_mode_zero() -> None:
    found = agree(h264(), CHROME, None).video
    assert found is not None
    assert found.browser.payload_type == 104
    assert (found.size, found.frame_rate, found.bitrate) == ((176, 144), 15.0, 64_000)


def test_the_phones_level_and_bandwidth_bound_what_it_is_sent() -> None:
    found = agree(
        h264("profile-level-id=42e01e", "packetization-mode=1", extra=("b=AS:384", "a=framerate:12.5")), CHROME, None
    ).video
    assert found is not None
    assert (found.size, found.frame_rate, found.bitrate) == ((640, 480), 12.5, 384_000)


def test_parameter_sets_come_out_of_band() -> None:
    found = agree(h264("packetization-mode=1", "sprop-parameter-sets=Z0LgCw==,aM4="), CHROME, None).video
    assert found is not None
    assert found.parameter_sets == (bytes.fromhex("6742e00b"), bytes.fromhex("68ce"))


def test_broken_parameter_sets_are_left_out() -> None:
    found = agree(h264("packetization-mode=1", "sprop-parameter-sets=Z0Lg*,"), CHROME, None).video
    assert found is not None
    assert found.parameter_sets == ()


def test_why_there_is_no_video_is_told() -> None:
    handset = phone("m=audio 4000 RTP/AVP 0")
    refusing = phone("m=audio 4000 RTP/AVP 0", "m=video 0 RTP/AVP 97")
    ours = Description(tuple(_placed(CHROME)))
    voice_browser = Description(CHROME.media[:1])
    assert agree(handset, CHROME, ours).why_no_video is NoVideo.PHONE_HAS_NONE
    assert agree(refusing, CHROME, ours).why_no_video is NoVideo.REFUSED
    assert agree(h264(), voice_browser, None).why_no_video is NoVideo.BROWSER_HAS_NONE


@pytest.mark.parametrize(
    "lines",
    [
        ("m=video 4000 RTP/AVP 99", "a=rtpmap:99 H264/90000"),
        ("m=audio 0 RTP/AVP 0",),
        ("m=audio 4000 RTP/SAVP 0",),
        ("m=audio 4000 RTP/AVP 18",),
        ("m=audio 4000 RTP/AVP 101", "a=rtpmap:101 telephone-event/8000"),
    ],
)
def test_no_common_audio_is_no_call(lines: tuple[str, ...]) -> None:
    with pytest.raises(NothingInCommon) as caught:
        agree(phone(*lines), CHROME, None)
    assert caught.value.why


def test_an_encrypted_line_is_passed_over_for_a_plain_one() -> None:
    found = agree(phone("m=audio 4000 RTP/SAVP 0", "m=audio 4002 RTP/AVP 0"), CHROME, None)
    assert found.audio.line == 1


def test_level_1b_is_read_and_written() -> None:
    terms = video_terms(Codec("H264", 90000, 1, (("profile-level-id", "42f00b"),)))
    assert (terms.level, terms.profile) == (9, Profile.CONSTRAINED_BASELINE)
    assert profile_level_id("42e01f", 9) == "42f00b"
    assert profile_level_id("42f00b", 31) == "42e01f"


def test_agreement_lists_its_streams() -> None:
    found = agree(h264("packetization-mode=1"), CHROME, None)
    assert [s.kind for s in found.streams] == [Kind.AUDIO, Kind.VIDEO]
