"""Which of a phone's lines is taken, and under which keys, by what the station's srtp says (RFC 4568)."""

import pytest

from parloir.calls.leg import phone_side
from parloir.calls.own_keys import OwnKeys
from parloir.rtp.agreement import NoVideo, agree, offer_for_phone
from parloir.rtp.description import Description, Kind
from parloir.rtp.errors import NothingInCommon
from parloir.rtp.sdes import Encryption, Key, Suite
from parloir.rtp.sdp import parse
from parloir.sip.sdp import Keys, Place, answer, offer, restate

from .test_rtp_agreement import CHROME, phone

OFF, OPTIONAL, REQUIRED = Encryption


def key(tag: int = 1, suite: Suite = Suite.AES_128_CM_80, first: int = 0) -> Key:
    return Key(tag, suite, bytes((first + n) & 0xFF for n in range(suite.octets)))


CRYPTO = f"a=crypto:{key()}"
PLAIN = ("m=audio 4000 RTP/AVP 0",)
SECURE = ("m=audio 4002 RTP/SAVP 0", CRYPTO)
BEST_EFFORT = ("m=audio 4000 RTP/AVP 0", CRYPTO)
VIDEO = ("m=video 4004 RTP/AVP 99", "a=rtpmap:99 H264/90000", "a=fmtp:99 packetization-mode=1")
SECURE_VIDEO = ("m=video 4006 RTP/SAVPF 99", CRYPTO, *VIDEO[1:])


def place(keys: Keys | None = None) -> Place:
    return Place("192.0.2.9", 6000, 6002, "5", 1, keys or {})


def ours(keys: OwnKeys) -> Description:
    return parse(offer(offer_for_phone(CHROME, video=True), place(keys.offer())))


@pytest.mark.parametrize(
    ("lines", "encryption", "line", "encrypted"),
    [
        (PLAIN, OFF, 0, False),
        (PLAIN, OPTIONAL, 0, False),
        (PLAIN + SECURE, OFF, 0, False),
        (PLAIN + SECURE, OPTIONAL, 1, True),
        (PLAIN + SECURE, REQUIRED, 1, True),
        (SECURE + PLAIN, OFF, 1, False),
        (SECURE + PLAIN, OPTIONAL, 0, True),
        (SECURE, OPTIONAL, 0, True),
        (SECURE, REQUIRED, 0, True),
        (BEST_EFFORT, OFF, 0, False),
        (BEST_EFFORT, OPTIONAL, 0, True),
        (BEST_EFFORT, REQUIRED, 0, True),
        (("m=audio 4002 RTP/SAVP 18", CRYPTO, *PLAIN), OPTIONAL, 1, False),
        (("m=audio 4002 RTP/SAVP 0", *PLAIN), OPTIONAL, 1, False),
    ],
)
def test_the_line_is_taken_that_srtp_asks_for(
    lines: tuple[str, ...], encryption: Encryption, line: int, encrypted: bool
) -> None:
    found = agree(phone(*lines), CHROME, None, encryption).audio
    assert (found.line, found.key is not None) == (line, encrypted)


@pytest.mark.parametrize(
    ("lines", "encryption", "why"),
    [
        (SECURE, OFF, "srtp is off"),
        (PLAIN, REQUIRED, "srtp is required"),
        (("m=audio 4002 RTP/SAVP 0",), OPTIONAL, "no key"),
        (("m=audio 4002 RTP/SAVP 0", "a=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:QUJD"), OPTIONAL, "no key"),
        (("m=audio 4002 UDP/TLS/RTP/SAVPF 0",), REQUIRED, "UDP/TLS/RTP/SAVPF"),
    ],
)
def test_a_phone_whose_encryption_does_not_fit_is_told_why(
    lines: tuple[str, ...], encryption: Encryption, why: str
) -> None:
    with pytest.raises(NothingInCommon, match=why):
        agree(phone(*lines), CHROME, None, encryption)


def test_a_picture_that_is_not_encrypted_as_required_is_left_out() -> None:
    found = agree(phone(*SECURE, *VIDEO), CHROME, None, REQUIRED)
    assert (found.video, found.why_no_video) == (None, NoVideo.NOT_ENCRYPTED)
    both = agree(phone(*SECURE, *SECURE_VIDEO), CHROME, None, REQUIRED)
    assert both.video is not None
    assert both.video.key == key()


def test_a_required_offer_has_encrypted_lines_and_no_other() -> None:
    body = offer(offer_for_phone(CHROME, video=True), place(OwnKeys().offer()))
    described = parse(body)
    assert [m.protocol for m in described.media] == ["RTP/SAVP", "RTP/SAVP"]
    assert [[k.suite for k in m.keys] for m in described.media] == [list(Suite), list(Suite)]
    assert len({k.master for m in described.media for k in m.keys}) == 8, "every key is another"


@pytest.mark.parametrize("suite", Suite)
def test_the_phone_chooses_one_of_our_keys(suite: Suite) -> None:
    keys = OwnKeys()
    mine = ours(keys)
    chosen = next(k for k in mine.media[0].keys if k.suite is suite)
    theirs = phone("m=audio 4002 RTP/SAVP 0", f"a=crypto:{key(chosen.tag, suite, 9)}", "m=video 0 RTP/SAVP 97")
    found = agree(theirs, CHROME, mine, REQUIRED)
    keys.take(found, mine)
    (stream,) = phone_side(found, keys.used).streams
    assert stream.secrets is not None
    assert (stream.secrets.profile, stream.secrets.send) == (suite, chosen.master)
    assert stream.secrets.receive == key(1, suite, 9).master


def test_an_answer_with_a_tag_or_suite_that_was_not_offered_is_no_key() -> None:
    mine = ours(OwnKeys())
    for other in (key(9), key(1, Suite.AES_128_CM_80)):
        with pytest.raises(NothingInCommon):
            agree(phone("m=audio 4002 RTP/SAVP 0", f"a=crypto:{other}"), CHROME, mine, OPTIONAL)


def test_a_phone_that_answers_an_encrypted_offer_in_clear_is_taken_so_only_where_that_is_optional() -> None:
    mine, theirs = ours(OwnKeys()), phone(*PLAIN)
    assert agree(theirs, CHROME, mine, OPTIONAL).audio.key is None
    with pytest.raises(NothingInCommon):
        agree(theirs, CHROME, mine, REQUIRED)


def test_a_key_in_the_answer_to_a_plain_offer_counts_for_nothing() -> None:
    plain = parse(offer(offer_for_phone(CHROME, video=True), place()))
    assert agree(phone(*BEST_EFFORT), CHROME, plain, OPTIONAL).audio.key is None


def test_an_answer_says_our_own_key_under_the_phones_tag() -> None:
    theirs, keys = phone("m=audio 4002 RTP/SAVP 0", f"a=crypto:{key(7)}"), OwnKeys()
    found = agree(theirs, CHROME, None, REQUIRED)
    keys.answer(found)
    (line,) = parse(answer(theirs, found, place(keys.said))).media
    (said,) = line.keys
    assert (line.protocol, said.tag, said.suite) == ("RTP/SAVP", 7, Suite.AES_128_CM_80)
    assert said.master != key(7).master


def test_a_phone_that_changes_its_key_leaves_ours_and_another_suite_makes_a_new_one() -> None:
    keys, masters = OwnKeys(), []
    for theirs in (key(1), key(2, first=50), key(3, Suite.AES_256_GCM)):
        found = agree(phone("m=audio 4002 RTP/SAVP 0", f"a=crypto:{theirs}"), CHROME, None, REQUIRED)
        keys.answer(found)
        masters.append(keys.used[Kind.AUDIO].master)
    assert masters[0] == masters[1] != masters[2]


def test_what_is_restated_in_mid_call_has_the_key_in_use() -> None:
    keys = OwnKeys()
    theirs = phone(*SECURE, *SECURE_VIDEO)
    found = agree(theirs, CHROME, None, REQUIRED)
    keys.answer(found)
    restated = parse(restate(theirs, found, place(keys.said)))
    assert [m.keys for m in restated.media] == [(keys.used[Kind.AUDIO],), (keys.used[Kind.VIDEO],)]
    assert agree(theirs, CHROME, restated, REQUIRED).audio.key == key()


def test_the_length_of_an_mki_reaches_the_relay() -> None:
    with_identifier = Key(1, Suite.AES_128_CM_80, bytes(30), 1 << 20, b"\x00\x00\x00\x01")
    theirs = phone("m=audio 4002 RTP/SAVP 0", f"a=crypto:{with_identifier}")
    keys, found = OwnKeys(), agree(theirs, CHROME, None, REQUIRED)
    keys.answer(found)
    (stream,) = phone_side(found, keys.used).streams
    assert stream.secrets is not None
    assert stream.secrets.identifier == 4
    assert parse(answer(theirs, found, place(keys.said))).media[0].keys[0].identifier is None


def test_a_phone_that_answers_with_an_mki_is_read_by_it() -> None:
    keys = OwnKeys()
    mine = ours(keys)
    offered = mine.media[0].keys[2]
    theirs = Key(offered.tag, offered.suite, bytes(30), None, b"\x07\x08")
    found = agree(phone("m=audio 4002 RTP/SAVP 0", f"a=crypto:{theirs}"), CHROME, mine, REQUIRED)
    keys.take(found, mine)
    (stream,) = phone_side(found, keys.used).streams
    assert stream.secrets is not None
    assert (stream.secrets.profile, stream.secrets.send) == (offered.suite, offered.master)
    assert (stream.secrets.receive, stream.secrets.identifier) == (bytes(30), 2)


def test_a_line_of_several_keys_is_passed_over_and_the_next_is_taken_under_its_tag() -> None:
    several = f"{Key(1, Suite.AES_128_CM_80, bytes(30), 1 << 20, bytes([0, 1]))};inline:{'A' * 40}|2^20|2:2"
    theirs = phone("m=audio 4002 RTP/SAVP 0", f"a=crypto:{several}", f"a=crypto:{key(2)}")
    keys, found = OwnKeys(), agree(theirs, CHROME, None, REQUIRED)
    keys.answer(found)
    assert found.audio.key == key(2)
    assert [each.tag for each in parse(answer(theirs, found, place(keys.said))).media[0].keys] == [2]
    with pytest.raises(NothingInCommon, match="no key"):
        agree(phone("m=audio 4002 RTP/SAVP 0", f"a=crypto:{several}"), CHROME, None, REQUIRED)


def test_no_key_is_in_any_representation() -> None:
    keys = OwnKeys()
    found = agree(phone(*SECURE), CHROME, None, REQUIRED)
    keys.answer(found)
    shown = f"{found!r} {phone_side(found, keys.used)!r} {place(keys.said)!r} {keys!r} {keys.used!r}"
    assert repr(key().master)[2:-1] not in shown
    assert repr(keys.used[Kind.AUDIO].master)[2:-1] not in shown


def test_latching_names_the_hosts_that_signalling_named_and_only_where_it_is_allowed() -> None:
    found = agree(phone(*PLAIN), CHROME, None)
    assert phone_side(found, {}).streams[0].latch == ()
    assert phone_side(found, {}, "198.51.100.4").streams[0].latch == ("192.0.2.1", "198.51.100.4")
    assert phone_side(found, {}, "192.0.2.1").streams[0].latch == ("192.0.2.1",)


def test_a_phone_that_multiplexes_rtcp_is_answered_so() -> None:
    theirs = phone(*PLAIN, "a=rtcp-mux")
    found = agree(theirs, CHROME, None)
    assert phone_side(found, {}).streams[0].multiplexed
    assert parse(answer(theirs, found, place())).media[0].rtcp_mux
    assert not parse(offer(offer_for_phone(CHROME, video=True), place())).media[0].rtcp_mux


def test_a_packet_time_is_never_above_what_the_phone_bears() -> None:
    assert agree(phone(*PLAIN, "a=ptime:40", "a=maxptime:30"), CHROME, None).audio.ptime == 30
    assert agree(phone(*PLAIN, "a=maxptime:150"), CHROME, None).audio.ptime == 20
    assert agree(phone(*PLAIN, "a=maxptime:10"), CHROME, None).audio.ptime == 10


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("m=audio 4000 RTP/AVP 111 97 98", "a=rtpmap:111 opus/48000/2"), ((98, 48000),)),
        (("m=audio 4000 RTP/AVP 9 97 98",), ((97, 8000),)),
    ],
)
def test_telephone_event_is_taken_at_the_clock_of_the_sound(
    lines: tuple[str, ...], expected: tuple[tuple[int, int], ...]
) -> None:
    events = ("a=rtpmap:97 telephone-event/8000", "a=rtpmap:98 telephone-event/48000")
    found = agree(phone(*lines, *events), CHROME, None)
    assert phone_side(found, {}).streams[0].events == expected


def test_a_phone_that_answers_with_two_clocks_of_telephone_event_is_heard_on_both() -> None:
    plain = parse(offer(offer_for_phone(CHROME, video=False), place()))
    theirs = phone(
        "m=audio 4000 RTP/AVP 96 101 103",
        "a=rtpmap:96 opus/48000/2",
        "a=rtpmap:101 telephone-event/8000",
        "a=rtpmap:103 telephone-event/48000",
    )
    assert phone_side(agree(theirs, CHROME, plain), {}).streams[0].events == ((103, 48000), (101, 8000))
