"""What is fuzzed: each target takes any bytes, and raises only where there is a finding."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from parloir.rtp import sdp
from parloir.rtp.agreement import agree
from parloir.rtp.errors import RtpError
from parloir.rtp.sdp_body import serialize
from parloir.sip import info, reception, refresh
from parloir.sip.errors import MalformedMessage
from parloir.sip.flow import Face
from parloir.sip.message import Request, parse
from parloir.sip.refusal import refusal
from parloir.sip.uri import NameAddr, Uri
from tests.browser_offers import AUDIO, VIDEO, offer
from tests.torture.invalid import INVALID
from tests.torture.layers import APPLICATION, BACKWARD, TRANSACTION
from tests.torture.valid import VALID

GOLDEN = Path(__file__).parents[1] / "golden"
BROWSER = sdp.parse(offer(AUDIO, VIDEO))
US = Face("192.0.2.1", 5060, "Parloir")


def message(data: bytes) -> None:
    """A datagram to the SIP port: read, judged by its looks, and read again as it would be written."""
    refusal(data, "Parloir")
    try:
        read = parse(data)
    except MalformedMessage:
        return
    assert parse(bytes(read)) == read
    for name in ("Contact", "Route", "Record-Route"):
        for value in read.all(name):
            with suppress(MalformedMessage):
                address = NameAddr.parse(value)
                assert NameAddr.parse(str(address)) == address
    if isinstance(read, Request):
        _request(read)


def _request(read: Request) -> None:
    with suppress(MalformedMessage):
        uri = Uri.parse(read.uri)
        assert Uri.parse(str(uri)) == uri
    for judge in (reception.outside, reception.inside, reception.transfer, reception.replaced, info.read):
        with suppress(MalformedMessage):
            judge(read)
    with suppress(MalformedMessage):
        reception.looped(read, US)
        refresh.answer(read)
        reception.dialled(read)


def description(data: bytes) -> None:
    """A phone's description: read, agreed with a browser's, and read again as it would be written."""
    try:
        read = sdp.parse(data.decode(errors="replace"))
    except RtpError:
        return
    assert sdp.parse(serialize(read, "192.0.2.1")) == read
    with suppress(RtpError):
        agree(read, BROWSER, None)


def message_seeds() -> list[bytes]:
    """RFC 4475's messages."""
    return [vector.data for vector in (*VALID, *INVALID, *TRANSACTION, *APPLICATION, *BACKWARD)]


def description_seeds() -> list[bytes]:
    """The phones' own descriptions, and the bodies of RFC 4475."""
    bodies = [data.partition(b"\r\n\r\n")[2] for data in message_seeds()]
    return [*(path.read_bytes() for path in sorted(GOLDEN.glob("*.sdp"))), *filter(None, bodies)]


TARGETS: dict[str, tuple[Callable[[bytes], None], Callable[[], list[bytes]]]] = {
    "message": (message, message_seeds),
    "description": (description, description_seeds),
}
