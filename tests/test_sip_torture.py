"""RFC 4475's torture messages at the border: what must happen to each, and that none of them breaks anything."""

import pytest

from parloir.rtp.description import Address
from parloir.sip.errors import MalformedMessage
from parloir.sip.framing import Framing
from parloir.sip.message import Request, Response, parse
from tests.sip_border import Border, message
from tests.torture.invalid import INVALID
from tests.torture.layers import APPLICATION, BACKWARD, TRANSACTION
from tests.torture.valid import VALID
from tests.torture.vector import Vector

ALL = {vector.name: vector for vector in (*VALID, *INVALID, *TRANSACTION, *APPLICATION, *BACKWARD)}
TAKEN = "a call is offered to the calls"
DROPPED = "nothing is answered"

EXPECTED: dict[str, int | str] = {
    # Valid, and served or refused as any message of that kind.
    "wsinv": 481,  # its To has a tag, of a dialog that we do not know
    "intmeth": 405,
    "esc01": TAKEN,
    "escnull": 405,  # nobody of that name registers here
    "esc02": 405,  # not a REGISTER, though it unescapes to one
    "lwsdisp": 200,
    "longreq": TAKEN,
    "dblreq": 405,  # the REGISTER; the INVITE behind it in the datagram is not looked at
    "semiuri": 200,
    "transports": 200,
    "mpart01": 405,
    "unreason": DROPPED,  # a response to nothing of ours
    "noreason": DROPPED,
    # Invalid: "should respond with a 400", but for responses, which are dropped.
    **{vector.name: 400 for vector in INVALID},
    "scalarlg": DROPPED,
    "bigcode": DROPPED,
    "badvers": 505,
    "baddate": TAKEN,  # "an element wishing to be liberal could ignore" the Date
    "regbadct": 405,
    # A branch that is only the magic cookie is none: matched as RFC 2543 says.
    "badbranch": 200,
    "insuf": 400,
    "unkscm": 416,
    "novelsc": 416,
    "unksm2": 405,
    "bext01": 420,
    "invut": 415,
    "regaut01": 405,
    "multi01": 400,
    "mcl01": 400,
    "bcast": DROPPED,
    "zeromf": 200,  # "an endpoint should process the request as if the Max-Forwards were still positive"
    "cparam01": 405,
    "cparam02": 405,
    "regescrt": 405,
    "sdp01": 406,
    # Only "elements that want to maintain backwards compatibility" take an RFC 2543 phone's INVITE without From tag.
    "inv2543": 400,
}


def statuses(border: Border) -> list[int]:
    return [int(data.split(b" ", 2)[1]) for data in border.raw if data.startswith(b"SIP/2.0 ")]


def test_every_message_of_the_rfc_is_here() -> None:
    assert len(ALL) == 49
    assert ALL.keys() == EXPECTED.keys()


@pytest.mark.parametrize("vector", ALL.values(), ids=lambda vector: vector.name)
def test_what_happens_to_it(vector: Vector) -> None:
    border, expected = Border(), EXPECTED[vector.name]
    border.phone_sends(vector.data)
    border.clock.advance(0.1)
    if expected is TAKEN:
        assert statuses(border) == [100]
        assert len(border.incoming) == 1
    else:
        assert border.incoming == []
        assert [status for status in statuses(border) if status > 100] == ([] if expected is DROPPED else [expected])
        assert border.lines.free == 2
    border.clock.pump([1.0] * 120)
    assert not [event for event, _ in border.log if event == "sip.failed"]
    border.phone_sends(bytes(message("OPTIONS", 99)))
    assert statuses(border)[-1] == 200


@pytest.mark.parametrize("vector", ALL.values(), ids=lambda vector: vector.name)
def test_strangers_hear_nothing_of_it(vector: Vector) -> None:
    border = Border()
    border.phone_sends(vector.data, Address("127.0.0.77", 5060))
    assert border.raw == []


@pytest.mark.parametrize("vector", VALID, ids=lambda vector: vector.name)
def test_valid_ones_are_read_as_they_are_written(vector: Vector) -> None:
    read = parse(vector.data)
    assert parse(bytes(read)) == read


@pytest.mark.parametrize(
    "vector", [each for each in (*VALID, *TRANSACTION) if each.name != "dblreq"], ids=lambda vector: vector.name
)
def test_valid_ones_are_framed_whole_on_a_stream(vector: Vector) -> None:
    fed = Framing().feed(vector.data + bytes(message("OPTIONS", 99)), 0.0)
    assert fed.violation is None
    assert isinstance(parse(fed.messages[0]), Request | Response)
    assert fed.messages[-1] == bytes(message("OPTIONS", 99))


def test_facts_that_the_rfc_states() -> None:
    tortuous = parse(ALL["wsinv"].data)
    assert len(tortuous.all("Via")) == 3
    assert tortuous.recipient.tag == "1918181833n"
    assert tortuous.sender.display == 'J Rosenberg \\"'
    assert len(tortuous.body) == 150
    odd = parse(ALL["unreason"].data)
    assert isinstance(odd, Response)
    assert odd.phrase.endswith("простое")
    assert len(parse(ALL["longreq"].data).all("Via")) == 34
    with pytest.raises(MalformedMessage):
        parse(ALL["bigcode"].data)
