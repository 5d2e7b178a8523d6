"""What phones and PBXs really say in SDP, and what is answered to it: tests/golden with its manifest."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from parloir.rtp.agreement import Agreed, Agreement, agree, offer_for_phone
from parloir.rtp.description import Description, Kind
from parloir.rtp.errors import NothingInCommon
from parloir.rtp.sdes import Encryption, Key
from parloir.rtp.sdp import parse
from parloir.rtp.sdp_body import serialize
from parloir.sip.sdp import Place, answer, offer

from .test_rtp_agreement import CHROME

FOLDER = Path(__file__).parent / "golden"
HALVES = ("offer", "answer")


@dataclass(frozen=True)
class Pair:
    """One entry of the manifest."""

    name: str
    terms: dict[str, Any]

    @property
    def encryption(self) -> Encryption:
        return Encryption(self.terms.get("srtp", "off"))

    def text(self, half: str) -> str:
        return (FOLDER / f"{self.name}.{half}.sdp").read_text()

    def description(self, half: str) -> Description:
        return parse(self.text(half))


PAIRS = [Pair(name, terms) for name, terms in yaml.safe_load((FOLDER / "manifest.yaml").read_text()).items()]


def pairs(*offers: str, refused: bool = False) -> Any:
    fitting = [p for p in PAIRS if p.terms["offers"] in offers and ("refused" in p.terms) is refused]
    return pytest.mark.parametrize("pair", fitting, ids=lambda pair: pair.name)


def place(agreement: Agreement | None = None) -> Place:
    """Where the gateway is, with keys that do not change from run to run."""
    streams = agreement.streams if agreement else ()
    keys = {s.kind: (Key(s.key.tag, s.key.suite, bytes(range(s.key.suite.octets))),) for s in streams if s.key}
    return Place("192.0.2.9", 6000, 6002, "5", 1, keys)


def said(body: str) -> str:
    """A body with the line ends of this folder's files."""
    return body.replace("\r\n", "\n")


def settled(agreement: Agreement) -> dict[str, str]:
    """What a call carries, as the manifest writes it."""
    found = {str(stream.kind): _settled(stream) for stream in agreement.streams}
    return found | ({"no video": str(agreement.why_no_video)} if agreement.why_no_video else {})


def _settled(stream: Agreed) -> str:
    codec = stream.phone.codec.name
    sound = f"{codec} {stream.phone.payload_type} {stream.receive_type} {stream.address.host} {stream.address.port}"
    if stream.kind is Kind.AUDIO:
        return sound
    assert stream.size is not None
    feedback = " ".join(sorted(stream.phone.feedback)) or "no feedback"
    return f"{sound} mode {stream.packetization_mode} {stream.size[0]}x{stream.size[1]} {stream.bitrate} {feedback}"


def test_every_file_is_in_the_manifest_with_its_source() -> None:
    assert all(pair.terms["source"] and pair.terms["family"] for pair in PAIRS)
    named = {f"{p.name}.{half}.sdp" for p in PAIRS for half in HALVES}
    without = {f"{p.name}.answer.sdp" for p in PAIRS if "refused" in p.terms and p.terms["offers"] == "phone"}
    assert {path.name for path in FOLDER.glob("*.sdp")} == named - without


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.sdp")), ids=lambda path: path.name)
def test_every_body_is_read_and_written_the_same(path: Path) -> None:
    found = parse(path.read_text())
    assert parse(serialize(found, "192.0.2.1")) == found


@pairs("phone")
def test_a_phones_offer_is_answered_so(pair: Pair) -> None:
    theirs = pair.description("offer")
    agreement = agree(theirs, CHROME, None, pair.encryption)
    assert said(answer(theirs, agreement, place(agreement))) == pair.text("answer")


@pairs("phone", "both")
def test_an_answer_has_the_lines_of_its_offer(pair: Pair) -> None:
    theirs, ours = pair.description("offer").media, pair.description("answer").media
    assert [(m.kind, m.protocol) for m in ours] == [(m.kind, m.protocol) for m in theirs]


@pairs("phone", refused=True)
def test_a_phones_offer_is_refused_and_told_why(pair: Pair) -> None:
    with pytest.raises(NothingInCommon, match=pair.terms["refused"]):
        agree(pair.description("offer"), CHROME, None, pair.encryption)


@pairs("gateway")
def test_phones_are_offered_so(pair: Pair) -> None:
    assert said(offer(offer_for_phone(CHROME, video=True), place())) == pair.text("offer")


@pairs("gateway", "both")
def test_a_phones_answer_settles_the_call_so(pair: Pair) -> None:
    agreement = agree(pair.description("answer"), CHROME, pair.description("offer"), pair.encryption)
    assert settled(agreement) == pair.terms["settled"]


@pairs("gateway", "both", refused=True)
def test_a_phones_answer_with_nothing_for_us_is_told_why(pair: Pair) -> None:
    with pytest.raises(NothingInCommon, match=pair.terms["refused"]):
        agree(pair.description("answer"), CHROME, pair.description("offer"), pair.encryption)
