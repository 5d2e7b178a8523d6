"""SIP messages: what is written is read back the same, and nothing a stranger sends gets through as something else."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parloir.rtp.description import Address
from parloir.sip.errors import MalformedMessage
from parloir.sip.message import CSeq, Request, Response, Via, parse
from parloir.sip.uri import NameAddr, Uri, items

token = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-.!*_+'~", min_size=1, max_size=20)
word = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=12)
host = st.one_of(word, st.ip_addresses().map(str))
port = st.none() | st.integers(1, 65535)
pairs = st.lists(st.tuples(word, st.none() | word), max_size=4).map(tuple)
user = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()&=+$,;?/%#", max_size=20)
uris = st.builds(Uri, user, host, port, pairs, st.just("") | word, st.sampled_from(["sip", "sips"]))
display = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=20)
tagged = st.tuples(token.map(lambda tag: ("tag", tag)))
addresses = st.builds(NameAddr, uris.map(str), display, tagged)
branch = st.tuples(token.map(lambda name: ("branch", name)))
vias = st.builds(Via, st.sampled_from(["UDP", "TCP", "TLS"]), host, port, branch)
cseqs = st.integers(0, 2**31 - 1)
extra = st.lists(st.tuples(token.map(lambda name: f"X-{name}"), word), max_size=5)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    method = draw(st.sampled_from(["INVITE", "BYE", "INFO", "OPTIONS"]))
    headers = (
        *(("Via", str(via)) for via in draw(st.lists(vias, min_size=1, max_size=3))),
        ("From", str(draw(addresses))),
        ("To", str(draw(addresses))),
        ("Call-ID", draw(token)),
        ("CSeq", str(CSeq(draw(cseqs), method))),
        *draw(extra),
    )
    return Request(headers, draw(st.binary(max_size=50)), method, str(draw(uris)))


@given(requests())
def test_requests_are_read_as_written(request: Request) -> None:
    assert parse(bytes(request)) == request


@given(requests(), st.integers(100, 699), word)
def test_responses_are_read_as_written(request: Request, status: int, phrase: str) -> None:
    response = Response(request.headers, request.body, status, phrase)
    assert parse(bytes(response)) == response


@given(uris)
def test_uris_are_read_as_written(uri: Uri) -> None:
    assert Uri.parse(str(uri)) == uri


@given(addresses)
def test_addresses_are_read_as_written(address: NameAddr) -> None:
    assert NameAddr.parse(str(address)) == address


@given(st.binary(max_size=400))
def test_random_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedMessage):
        parse(data)


@given(requests(), st.data())
def test_damaged_messages_are_refused_or_whole(request: Request, data: st.DataObject) -> None:
    written = bytearray(bytes(request))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(written) - 1))
        written[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        message = parse(bytes(written))
    except MalformedMessage:
        return
    assert message.via.host
    assert message.sender.tag is not None
    assert 0 <= message.cseq.number < 2**31
    assert message.recipient.uri
    assert message.call_id


@given(st.text(max_size=80))
def test_any_text_is_a_value_or_refused(text: str) -> None:
    for read in (Uri.parse, NameAddr.parse, Via.parse, CSeq.parse):
        with suppress(MalformedMessage):
            assert read(text) is not None


PLAIN = (
    b"OPTIONS sip:gw@127.0.0.2 SIP/2.0\r\nv: SIP / 2.0 / UDP 127.0.0.3:5090 ;branch=z9hG4bK1;rport\r\n"
    b'f: "A, \\"B\\"" <sip:a@b>;tag=1\r\nt: <sip:gw@127.0.0.2>\r\ni: x\r\nCSEQ: 1\r\n\tOPTIONS\r\n'
)


def test_compact_folded_and_oddly_spelt_headers_are_understood() -> None:
    message = parse(PLAIN + b"l: 2\r\n\r\nhi and more")
    assert isinstance(message, Request)
    assert message.via == Via("UDP", "127.0.0.3", 5090, (("branch", "z9hG4bK1"), ("rport", None)))
    assert message.sender.display == 'A, "B"'
    assert message.cseq == CSeq(1, "OPTIONS")
    assert message.body == b"hi"


@pytest.mark.parametrize(
    "datagram",
    [
        PLAIN + b"l: 3\r\n\r\nhi",
        PLAIN + b"l: 1\r\nl: 1\r\n\r\nhi",
        PLAIN + b"l: -1\r\n\r\nhi",
        PLAIN + b"f: <sip:c@d>;tag=2\r\n\r\n",
        PLAIN + b"x y: z\r\n\r\n",
        PLAIN + b"Subject: a\x00b\r\n\r\n",
        PLAIN + b"Subject: \xff\r\n\r\n",
        PLAIN + b"Subject: " + b"a" * 5000 + b"\r\n\r\n",
        PLAIN + b"a: b\r\n" * 200 + b"\r\n",
        PLAIN.replace(b"\r\n", b"\n") + b"\n",
        PLAIN.replace(b"1\r\n\tOPTIONS", b"1 BYE") + b"\r\n",
        PLAIN.replace(b"1\r\n\tOPTIONS", b"2147483648 OPTIONS") + b"\r\n",
        PLAIN.replace(b";tag=1", b"") + b"\r\n",
        PLAIN.replace(b"SIP/2.0\r\n", b"SIP/3.0\r\n") + b"\r\n",
        PLAIN.replace(b"5090", b"99999") + b"\r\n",
        b"SIP/2.0 99 Low\r\n" + PLAIN.partition(b"\r\n")[2] + b"\r\n",
    ],
)
def test_what_breaks_the_grammar_is_refused(datagram: bytes) -> None:
    with pytest.raises(MalformedMessage):
        parse(datagram)


def test_old_phones_transactions_are_told_apart_without_a_branch() -> None:
    def named(change: bytes, into: bytes) -> tuple[str, str]:
        message = parse(PLAIN.replace(b"z9hG4bK1", b"z9hG4bK").replace(change, into) + b"\r\n")
        assert isinstance(message, Request)
        return message.transaction

    same = named(b"", b"")
    assert named(b"branch=z9hG4bK;", b"") != same
    assert len({same, named(b"1\r\n\tOPT", b"2\r\n\tOPT"), named(b"i: x", b"i: y"), named(b"tag=1", b"tag=2")}) == 4


def test_lists_are_split_outside_quotes_and_brackets() -> None:
    assert items('<sip:a,b@c>, "x, \\" y" <sip:d>,, e') == ["<sip:a,b@c>", '"x, \\" y" <sip:d>', "e"]


def test_via_says_where_answers_go() -> None:
    peer = Address("10.0.0.9", 40000)
    plain = Via.parse("SIP/2.0/UDP phone.local:5062;branch=b")
    assert plain.answer_to(peer) == Address("10.0.0.9", 5062)
    assert plain.stamped(peer).value("received") == "10.0.0.9"
    symmetric = Via.parse("SIP/2.0/UDP 10.0.0.9;rport;branch=b").stamped(peer)
    assert symmetric.value("rport") == "40000"
    assert symmetric.answer_to(peer) == peer


def test_nothing_of_ours_can_break_a_line() -> None:
    with pytest.raises(MalformedMessage):
        bytes(Request((("Subject", "a\r\nContact: <sip:x>"),), b"", "BYE", "sip:a"))
