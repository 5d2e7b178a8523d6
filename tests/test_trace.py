"""The trace of a phone: what belongs to a station, what is withheld, and how the ladder reads."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from parloir.calls.stations import UnknownStation
from parloir.calls.trace import MOST, PER_HOST, Mark, Trace, withheld
from parloir.config.loader import load
from parloir.config.schema import Config
from parloir.rtp.description import Address
from parloir.trace import NoOneStation, facility_of, ladder
from parloir.tracing import Tracing

NOON = datetime(2030, 1, 31, 12, tzinfo=UTC)
PHONE = Address("10.0.0.21", 5060)
OTHER = Address("10.0.0.21", 5070)


def invite(user: str, to: str, call: str = "c1") -> bytes:
    return (
        f"INVITE sip:{to}@10.0.0.1 SIP/2.0\r\nFrom: <sip:{user}@10.0.0.21>;tag=1\r\nTo: <sip:{to}@10.0.0.1>\r\n"
        f"Call-ID: {call}\r\nCSeq: 1 INVITE\r\n\r\nv=0\r\nm=audio 4000 RTP/AVP 0\r\na=sendonly\r\n"
    ).encode()


def answer(status: str, user: str = "1001", call: str = "c1") -> bytes:
    return (
        f"SIP/2.0 {status}\r\nFrom: <sip:{user}@10.0.0.21>;tag=1\r\nTo: <sip:x@10.0.0.1>;tag=2\r\n"
        f"Call-ID: {call}\r\nCSeq: 1 INVITE\r\n\r\n"
    ).encode()


def texts(trace: Trace, *marks: Mark) -> list[str]:
    return [seen.text.splitlines()[0] for seen in trace.of(marks)]


def test_stations_on_one_host_are_told_apart_by_port_or_user() -> None:
    trace = Trace()
    trace.saw("in", PHONE, invite("1001", "500", "a"), NOON)
    trace.saw("in", OTHER, invite("1002", "500", "b"), NOON)
    trace.saw("out", PHONE, answer("404 Not Found", call="a"), NOON)
    trace.saw("in", Address("10.0.0.99", 5060), invite("1003", "500", "d"), NOON)
    assert texts(trace, Mark("10.0.0.21", 5060)) == ["INVITE sip:500@10.0.0.1 SIP/2.0", "SIP/2.0 404 Not Found"]
    assert texts(trace, Mark("10.0.0.21", None, "1002")) == ["INVITE sip:500@10.0.0.1 SIP/2.0"]
    assert len(texts(trace, Mark("10.0.0.21"))) == 3
    assert len(texts(trace, Mark(user="1003"), Mark("10.0.0.21", 5070))) == 2
    assert [seen.number for seen in trace.of([Mark("10.0.0.21")], after=2)] == [3]


def test_nothing_secret_is_told() -> None:
    secret = (
        'INFO sip:x SIP/2.0\r\nauthorization: Digest username="1001", response="abc"\r\n'
        "Proxy-Authorization : Digest response=def\r\n\r\n"
    )
    keys = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\nk=clear:xyz\r\n"
    relay = "INFO sip:x SIP/2.0\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=7\r\nDuration=160\r\n"
    bare = "INFO sip:x SIP/2.0\r\nContent-Type: application/dtmf\r\n\r\n7"
    told = withheld(secret + keys)
    for word in ("abc", "def", "WVNf", "xyz"):
        assert word not in told
    assert "a=crypto:1 AES_CM_128_HMAC_SHA1_80 withheld" in told
    assert "7" not in withheld(relay)
    assert "7" not in withheld(bare)
    assert "483920" not in withheld(invite("1001", "483920").decode())
    assert withheld(invite("100100", "483920").decode(), "100100").count("100100") == 1


def test_calls_to_untraced_numbers_leave_nothing_behind() -> None:
    trace = Trace(frozenset({"911"}))
    trace.saw("in", PHONE, invite("1001", "911", "help"), NOON)
    trace.saw("out", PHONE, answer("200 OK", call="help").replace(b"x@10", b"911@10"), NOON)
    trace.saw("in", PHONE, b"BYE sip:parloir@10.0.0.1 SIP/2.0\r\nCall-ID: help\r\n\r\n", NOON)
    trace.saw("in", PHONE, b"\r\n\r\n", NOON)
    assert trace.of([Mark("10.0.0.21")]) == []


def test_a_call_that_is_sent_to_a_hotline_is_forgotten() -> None:
    trace = Trace()
    trace.saw("in", PHONE, invite("1001", "500", "c1"), NOON)
    trace.saw("in", PHONE, invite("1001", "501", "c2"), NOON)
    refer = b"REFER sip:1001@10.0.0.21 SIP/2.0\r\nTo: <sip:1001@10.0.0.21>\r\nCall-ID: c1\r\n"
    trace.saw("out", PHONE, refer + b"Refer-To: <sip:777@10.0.0.9>\r\n\r\n", NOON)
    trace.saw("in", PHONE, answer("202 Accepted", call="c1"), NOON)
    assert texts(trace, Mark(PHONE.host, PHONE.port)) == ["INVITE sip:501@10.0.0.1 SIP/2.0"]


def test_memory_is_bounded_by_host_and_in_all() -> None:
    trace = Trace()
    for number in range(PER_HOST + 50):
        trace.saw("in", PHONE, invite("1001", "500", f"c{number}") + b"x" * 60_000, NOON)
    kept = trace.of([Mark("10.0.0.21")])
    assert len(kept) == PER_HOST
    assert max(len(seen.text) for seen in kept) <= 4096
    for number in range(MOST + 100):
        trace.saw("in", Address(f"10.1.{number >> 8}.{number & 255}", 5060), answer("200 OK"), NOON)
    assert len(trace.of([Mark()])) == MOST
    assert trace.of([Mark("10.0.0.21")]) == []


def test_the_ladder_shows_ways_media_and_repeats() -> None:
    def message(number: int, way: str, data: bytes) -> dict[str, object]:
        at = (NOON + timedelta(milliseconds=number * 500)).isoformat()
        text = data.decode()
        return {"number": number, "at": at, "way": way, "peer": "10.0.0.21 port 5060", "call": "c1", "text": text}

    messages = [
        message(1, "in", invite("1001", "500")),
        message(2, "in", invite("1001", "500")),
        message(3, "out", answer("488 Not Acceptable Here")),
    ]
    heading, first, second, third = ladder(messages)
    assert heading == "-- 10.0.0.21 port 5060, Call-ID c1"
    assert first.endswith("phone ---> gateway  INVITE sip:500@10.0.0.1  media: audio 4000 RTP/AVP 0 sendonly")
    assert second.endswith("INVITE sip:500@10.0.0.1  (again)")
    assert third.endswith("phone <--- gateway  488 Not Acceptable Here  (INVITE)")
    whole = list(ladder(messages[:2], full=True))
    assert sum("m=audio" in line for line in whole) == 1


@pytest.mark.parametrize("text", ["", "\r\n", "garbage", ":::\r\n:"])
def test_the_ladder_reads_whatever_was_said(text: str) -> None:
    message = {"number": 1, "at": NOON.isoformat(), "way": "in", "peer": "p", "call": "", "text": text}
    assert len(list(ladder([message]))) == 2


CONFIG = """\
sip: {reserved: {calls: 1, numbers: ["911"]}}
facilities:
  north:
    name: North
    timezone: America/Chicago
    trunks: {pbx: {address: "sip:10.0.0.10"}}
    stations:
      fixed: {address: "sip:1001@10.0.0.21:5060"}
      named: {address: "sip:1002@phone.example:5060"}
      behind: {trunk: pbx, number: "1003"}
      registers: {login: {user: "1004", password: secret}}
  south: {name: South, timezone: America/Chicago, stations: {fixed: {address: "sip:1001@10.9.0.21:5060"}}}
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    file = tmp_path / "parloir.yaml"
    file.write_text(CONFIG)
    return load(file)


def test_a_station_is_found_however_it_is_reached(config: Config) -> None:
    tracing = Tracing(config, lambda facility, station: [Address("10.0.0.44", 40_000)])
    tracing.saw("in", PHONE, invite("1001", "500", "fixed"))
    tracing.saw("in", Address("10.0.0.9", 5060), invite("1002", "500", "named"))
    tracing.saw("in", Address("10.0.0.10", 5060), invite("1003", "500", "behind"))
    tracing.saw("in", Address("10.0.0.44", 40_000), invite("x", "500", "bound"))
    tracing.saw("in", Address("10.0.0.66", 5060), invite("1004", "500", "elsewhere"))
    tracing.saw("in", PHONE, invite("1001", "911", "help"))

    def calls(station: str) -> list[str]:
        return [seen.call_id for seen in tracing.of("north", station, 0)]

    assert calls("fixed") == ["fixed"]
    assert calls("named") == ["named"]
    assert calls("behind") == ["behind"]
    assert calls("registers") == ["bound", "elsewhere"]
    for facility, station in (("north", "none"), ("none", "fixed")):
        with pytest.raises(UnknownStation):
            tracing.of(facility, station, 0)


def test_a_name_that_two_facilities_have_needs_the_facility(config: Config) -> None:
    assert facility_of(config, "behind", None) == "north"
    assert facility_of(config, "fixed", "south") == "south"
    for station, facility in (("fixed", None), ("none", None), ("behind", "south")):
        with pytest.raises(NoOneStation):
            facility_of(config, station, facility)
