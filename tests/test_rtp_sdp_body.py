"""Descriptions written out are read back as they were, whoever they came from."""

import string

from hypothesis import given
from hypothesis import strategies as st

from parloir.rtp.description import Address, Codec, Description, Direction, Format, Media
from parloir.rtp.errors import RtpError
from parloir.rtp.sdes import Key, Suite
from parloir.rtp.sdp import parse
from parloir.rtp.sdp_body import serialize

from .test_rtp_sdes import keys
from .test_rtp_sdp import BROWSER, PHONE

TOKEN = st.text(string.ascii_letters + string.digits + "-_.", min_size=1, max_size=12)
HOSTS = st.sampled_from(("192.0.2.1", "198.51.100.7", "2001:db8::7"))
ADDRESSES = st.builds(Address, HOSTS, st.integers(1, 65535))
PARAMETERS = st.tuples(TOKEN.map(str.lower), TOKEN | st.just(""))
CODECS = st.builds(
    Codec,
    st.sampled_from(("PCMU", "PCMA", "G722", "opus", "H264", "telephone-event", "speex")),
    st.integers(1, 999_999),
    st.integers(1, 8),
    st.lists(PARAMETERS, max_size=3).map(tuple),
)
FEEDBACK = st.frozensets(st.sampled_from(("nack", "nack pli", "ccm fir", "ccm tmmbr")))
FORMATS = st.lists(
    st.builds(Format, st.integers(20, 127), CODECS, FEEDBACK), max_size=4, unique_by=lambda form: form.payload_type
).map(tuple)
SEEN = ("cat", "framerate", "label", "content")
ATTRIBUTES = st.lists(st.tuples(st.sampled_from(SEEN), TOKEN | st.just("")), max_size=3).map(tuple)
TIMES = st.none() | st.integers(1, 1000)


@st.composite
def lines(draw: st.DrawFn) -> Media:
    formats = draw(FORMATS)
    placed = draw(st.booleans())
    return Media(
        draw(st.sampled_from(("audio", "video"))),
        formats,
        draw(st.sampled_from(Direction)),
        draw(st.sampled_from(("RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF"))),
        draw(ADDRESSES) if placed else None,
        draw(st.none() | ADDRESSES) if placed else None,
        draw(st.booleans()),
        draw(st.none() | st.integers(1, 4_000_000_000)),
        draw(TIMES),
        draw(TIMES),
        draw(st.none() | TOKEN),
        draw(st.lists(st.integers(0, 0xFFFFFFFF), max_size=3, unique=True).map(tuple)),
        draw(st.lists(st.tuples(st.integers(1, 14), TOKEN), max_size=3).map(tuple)),
        () if formats else ("19",),
        draw(st.lists(keys(), max_size=3, unique_by=lambda key: key.tag).map(tuple)),
        draw(ATTRIBUTES),
    )


DESCRIPTIONS = st.builds(
    Description,
    st.lists(lines(), max_size=4).map(tuple),
    st.integers(0, 10**19).map(str),
    st.integers(0, 10**19),
    ATTRIBUTES,
)


@given(DESCRIPTIONS, HOSTS)
def test_what_is_written_is_read_back_as_it_was(description: Description, address: str) -> None:
    assert parse(serialize(description, address)) == description


@given(st.sampled_from((PHONE, BROWSER)), st.data())
def test_what_was_read_from_a_damaged_body_is_written_and_read_the_same(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    until = data.draw(st.integers(at, min(len(text), at + 20)))
    damaged = text[:at] + data.draw(st.text(st.characters(max_codepoint=0x2FF), max_size=8)) + text[until:]
    try:
        found = parse(damaged)
    except RtpError:
        return
    assert parse(serialize(found, "192.0.2.1")) == found


@given(st.binary(max_size=600))
def test_random_bytes_are_a_description_or_refused(data: bytes) -> None:
    for body in (data, b"v=0\r\no=- 1 1 IN IP4 h\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/SAVP 0\r\na=" + data):
        try:
            parse(body.decode("utf-8", "replace"))
        except RtpError:
            continue


def test_feedback_of_all_formats_is_said_once_and_of_one_alone_by_its_type() -> None:
    both, one = frozenset({"nack pli"}), frozenset({"nack pli", "ccm fir"})
    media = Media("video", (Format(97, Codec("H264", 90000), both), Format(98, Codec("H264", 90000), one)))
    body = serialize(Description((media,)), "192.0.2.1")
    assert [line for line in body.split("\r\n") if "rtcp-fb" in line] == [
        "a=rtcp-fb:98 ccm fir",
        "a=rtcp-fb:* nack pli",
    ]


def test_a_key_is_in_the_body_and_in_no_representation() -> None:
    key = Key(1, Suite.AES_128_CM_80, b"thirty octets that are secret!")
    description = Description((Media("audio", keys=(key,), others=("0",)),))
    assert str(key) in serialize(description, "192.0.2.1")
    assert "secret" not in repr(description)
