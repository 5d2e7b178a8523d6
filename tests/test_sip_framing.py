"""A stream cut into messages (RFC 3261 section 18.3), with keep-alives between them (RFC 5626)."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from parloir.sip.framing import LONGEST_HEAD, PATIENCE, Fed, Framing
from parloir.sip.message import LARGEST, parse

ALWAYS = b"Via: SIP/2.0/TCP a;branch=z9hG4bKa\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\n"


def options(body: bytes = b"", length: bytes = b"Content-Length: %d\r\n") -> bytes:
    """A request with that body."""
    announced = length % len(body) if b"%d" in length else length
    return b"OPTIONS sip:c@d SIP/2.0\r\n" + ALWAYS + b"CSeq: 1 OPTIONS\r\n" + announced + b"\r\n" + body


def fed(data: bytes, cuts: list[int] | None = None) -> Fed:
    """All that comes out of these bytes, cut at those places."""
    framing, messages, pings, violation = Framing(), list[bytes](), 0, None
    edges = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts or [])})
    for start, end in pairwise(edges):
        some = framing.feed(data[start:end], 0.0)
        messages += some.messages
        pings += some.pings
        violation = violation or some.violation
    return Fed(tuple(messages), pings, violation)


pieces = st.one_of(
    st.binary(max_size=200).map(options),
    st.sampled_from([b"\r\n", b"\r\n\r\n", b"\r\n\r\n\r\n", b"\r", b"\n", b" ", options(length=b""), b"\x16\x03\x01"]),
    st.binary(max_size=30),
    st.sampled_from([options(b"ab", b"l:2\r\n"), options(b"ab", b"content-LENGTH :\r\n 2\r\n"), options()[:-30]]),
)


@given(st.lists(pieces, max_size=6).map(b"".join), st.lists(st.integers(0, 2000), max_size=40))
def test_every_cut_of_a_stream_gives_the_same(data: bytes, cuts: list[int]) -> None:
    assert fed(data, cuts) == fed(data)


@given(st.lists(pieces, max_size=4).map(b"".join))
def test_bytes_one_by_one_give_the_same(data: bytes) -> None:
    assert fed(data, list(range(len(data)))) == fed(data)


@given(st.lists(st.tuples(st.integers(0, 3), st.binary(max_size=300)), max_size=8))
def test_messages_come_out_as_they_went_in(sent: list[tuple[int, bytes]]) -> None:
    messages = [options(body) for _, body in sent]
    stream = b"".join(b"\r\n" * ends + message for (ends, _), message in zip(sent, messages, strict=True))
    found = fed(stream)
    assert list(found.messages) == messages
    assert found.violation is None
    assert found.pings == sum(ends // 2 for ends, _ in sent)


@given(st.binary(max_size=3000))
def test_random_bytes_never_raise(data: bytes) -> None:
    fed(data)


def test_every_message_found_is_one_that_can_be_read() -> None:
    for message in fed(options(b"v=0") + b"\r\n" + options(b"ab", b"l : 2\r\n")).messages:
        assert parse(message).body in (b"v=0", b"ab")


def test_keep_alive_alone_is_a_ping() -> None:
    assert fed(b"\r\n\r\n") == Fed((), 1)
    assert fed(b"\r\n") == Fed()


def test_message_without_content_length_ends_the_stream() -> None:
    assert fed(options() + options(length=b"")) == Fed((options(),), 0, "no Content-Length")


def test_two_content_lengths_end_the_stream() -> None:
    twice = options(b"ab", b"Content-Length: 2\r\nl: 0\r\n")
    assert fed(twice).violation == "Content-Length is not one number"


def test_negative_or_huge_content_length_ends_the_stream() -> None:
    for length in (b"-1", b"9999999", b"1e3", b"", b"0x10"):
        assert fed(options(b"", b"Content-Length: " + length + b"\r\n")).violation is not None


def test_message_larger_than_any_we_read_ends_the_stream_before_its_body() -> None:
    assert fed(options(b"", b"Content-Length: %d\r\n" % LARGEST)).violation == f"message over {LARGEST} bytes"
    assert fed(options(b"x" * (LARGEST - 200))).violation is None


def test_headers_that_never_end_are_not_kept() -> None:
    endless = b"OPTIONS sip:c@d SIP/2.0\r\n" + b"X: y\r\n" * LONGEST_HEAD
    framing = Framing()
    taken = 0
    while framing.feed(endless[taken : taken + 1000], 0.0).violation is None:
        taken += 1000
    assert taken <= LONGEST_HEAD


def test_what_is_no_sip_ends_the_stream_at_its_first_byte() -> None:
    for hello in (b"\x16\x03\x01\x02\x00", b"\x00", b"<xml", b"\r\n\x80"):
        assert fed(hello).violation == "not the beginning of a message"


def test_nothing_is_read_after_a_violation() -> None:
    framing = Framing()
    assert framing.feed(b"\x00", 0.0).violation
    after = framing.feed(options(), 0.0)
    assert (after.messages, after.violation) == ((), "not the beginning of a message")


def test_message_that_comes_in_drops_is_overdue() -> None:
    framing = Framing()
    framing.feed(options() + b"\r\n", 0.0)
    assert not framing.overdue(1000.0), "nothing has begun"
    framing.feed(b"O", 1000.0)
    framing.feed(b"PTIONS", 1000.0 + PATIENCE - 1)
    assert not framing.overdue(1000.0 + PATIENCE - 0.1)
    assert framing.overdue(1000.0 + PATIENCE)
    framing.feed(options()[7:], 1000.0 + PATIENCE)
    assert not framing.overdue(2000.0)
