"""What the edge turns down for calls' sake: transfers, loops, too many hops, and more calls than there are slots."""

from typing import Any

import pytest

from parloir.sip.message import Header, Request, Response
from parloir.sip.session import EndKind, NoFreeLine
from tests.sip_border import Border, message
from tests.sip_phone import SDP


def dial(border: Border, call: str, number: str = "123456", *more: Header) -> None:
    asked = message("INVITE", 1, to=f"<sip:{number}@127.0.0.2>", branch=f"dial-{call}").with_headers(*more)
    headers = tuple((name, call if name == "Call-ID" else value) for name, value in asked.headers)
    border.phone_sends(bytes(Request(headers, b"", "INVITE", f"sip:{number}@127.0.0.2").with_body(SDP)))


def answers(border: Border) -> dict[str, int]:
    """The last final answer to each call that was dialled."""
    return {m.call_id: m.status for m in border.responses("INVITE")}


@pytest.mark.parametrize("method", ["REFER", "INVITE", "UPDATE"])
def test_a_transfer_in_a_call_is_refused_and_told(method: str) -> None:
    border = Border()
    call, answer = border.answered()
    header = ("Refer-To", "<sip:9@example.org?Subject=x>") if method == "REFER" else ("Replaces", "a;to-tag=b")
    border.phone_sends(bytes(message(method, 2, to=answer.one("To")).with_headers(header)))
    assert border.responses(method)[-1].status == 403
    by = "REFER" if method == "REFER" else "Replaces"
    assert call.told[1:] == [("transfer_refused", (by, header[1].partition("?")[0]))]


def test_a_call_that_would_take_ours_over_is_refused_and_told() -> None:
    border = Border()
    call, answer = border.answered()
    dial(border, "other", "1002", ("Replaces", f"call;to-tag={answer.recipient.tag};from-tag=pt"))
    assert answers(border)["other"] == 403
    assert [what for what, _ in call.told] == ["answered", "transfer_refused"]
    dial(border, "another", "1002", ("Replaces", "none;to-tag=x;from-tag=y"))
    assert answers(border)["another"] == 403
    assert len(call.told) == 2


def test_a_referral_outside_a_call_reaches_the_call_that_it_names() -> None:
    border = Border()
    call, answer = border.answered()
    target = ("Target-Dialog", f"call;local-tag={answer.recipient.tag};remote-tag=pt")
    border.phone_sends(bytes(message("REFER", 9).with_headers(("Refer-To", "<sip:9@x>"), target)))
    assert border.responses("REFER")[-1].status == 403
    assert call.told[-1] == ("transfer_refused", ("REFER", "<sip:9@x>"))


@pytest.mark.parametrize("status", [300, 301, 302, 305, 380])
def test_a_redirection_is_never_followed(status: int) -> None:
    border = Border()
    call, invite = border.rings()
    border.phone_answers(invite, status, ("Contact", "<sip:elsewhere@127.0.0.9>"))
    [(_, end)] = [told for told in call.told if told[0] == "ended"]
    assert (end.kind, end.status) == (EndKind.UNREACHABLE, status)
    assert len(border.requests("INVITE")) == 1


def test_an_early_description_joins_nothing_and_counts_if_the_200_has_none() -> None:
    border = Border()
    call, invite = border.rings()
    border.phone_answers(invite, 183, body=SDP)
    border.phone_answers(invite, 180)
    assert call.told == [("ringing", None)]
    border.phone_answers(invite, 200)
    assert call.told == [("ringing", None), ("answered", SDP)]


def test_a_request_that_comes_round_is_a_loop() -> None:
    border = Border()
    dial(border, "round", "123456", ("Via", "SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bKours"))
    assert answers(border) == {"round": 482}
    assert border.incoming == []


@pytest.mark.parametrize(("hops", "status"), [("0", 483), ("00", 483), ("-1", 400), ("256", 400), ("x", 400)])
def test_hops_are_counted(hops: str, status: int) -> None:
    border = Border()
    dial(border, "far", "123456", ("Max-Forwards", hops))
    assert answers(border) == {"far": status}
    assert border.lines.free == 2


def test_what_ends_here_needs_no_more_hops() -> None:
    border = Border()
    border.phone_sends(bytes(message("OPTIONS", 1).with_headers(("Max-Forwards", "0"))))
    assert border.responses("OPTIONS")[-1].status == 200


@pytest.mark.parametrize(("trunk", "status"), [(False, 480), (True, 503)])
def test_a_burst_waits_a_moment_and_is_then_refused(trunk: bool, status: int) -> None:
    border = Border(trunk=trunk)
    for number in range(4):
        dial(border, f"call-{number}")
    assert len(border.incoming) == 2
    assert answers(border) == {}
    border.incoming[0].reject(404)
    freed(border, border.incoming[0])
    assert len(border.incoming) == 3
    border.clock.advance(2)
    assert answers(border) == {"call-0": 404, "call-3": status}
    assert border.responses("INVITE")[-1].has("Retry-After")


def test_a_phone_that_gives_up_leaves_the_queue() -> None:
    border = Border()
    for number in range(4):
        dial(border, f"call-{number}")
    cancel = message("CANCEL", 1, branch="dial-call-2")
    headers = tuple((name, "call-2" if name == "Call-ID" else value) for name, value in cancel.headers)
    border.phone_sends(bytes(Request(headers, b"", "CANCEL", cancel.uri)))
    assert answers(border) == {"call-2": 487}
    freed(border, border.incoming[0])
    assert [incoming.dialled for incoming in border.incoming] == ["123456"] * 3
    assert len(border.lines.waiting) == 0


def test_reserved_slots_are_for_their_numbers_also_through_a_queue() -> None:
    border = Border(calls=3, reserved=1, urgent=frozenset({"911"}))
    for number in range(4):
        dial(border, f"call-{number}")
    assert len(border.incoming) == 2
    dial(border, "help", "911")
    assert border.incoming[-1].dialled == "911"
    dial(border, "more-help", "911")
    border.incoming[0].reject(404)
    freed(border, border.incoming[0])
    assert [incoming.dialled for incoming in border.incoming] == ["123456", "123456", "911", "911"]
    border.clock.advance(2)
    assert {call for call, status in answers(border).items() if status == 480} == {"call-2", "call-3"}


def test_a_call_out_waits_for_a_slot_too() -> None:
    border = Border(calls=1)
    border.rings("first")
    slots: list[Any] = []
    border.lines.reserve_soon("second").addCallback(slots.append)
    refused: list[Any] = []
    border.lines.reserve_soon("third").addErrback(lambda failure: refused.append(failure.value))
    border.edge.legs["first"].end()
    border.lines.freed(0, "first", 487)
    assert len(slots) == 1
    border.clock.advance(2)
    assert [type(error) for error in refused] == [NoFreeLine]


def test_an_answer_to_a_call_of_an_earlier_run_is_hung_up_on() -> None:
    border = Border()
    headers: tuple[Header, ...] = (
        ("Via", "SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bKearlier"),
        ("From", "<sip:parloir@127.0.0.2>;tag=ours"),
        ("To", "<sip:1001@127.0.0.3>;tag=theirs"),
        ("Call-ID", "earlier"),
        ("CSeq", "1 INVITE"),
        ("Contact", "<sip:1001@127.0.0.3:5090>"),
        ("Record-Route", "<sip:127.0.0.3:5095;lr>"),
    )
    border.phone_sends(bytes(Response(headers, SDP.encode(), 200, "OK")))
    [ack], [bye] = border.requests("ACK"), border.requests("BYE")
    assert (ack.cseq.number, bye.cseq.number) == (1, 2)
    assert ack.all("Route") == bye.all("Route") == ["<sip:127.0.0.3:5095;lr>"]
    assert (bye.sender.tag, bye.recipient.tag, bye.uri) == ("ours", "theirs", "sip:1001@127.0.0.3:5090")
    for changed in (("Via", "SIP/2.0/UDP 127.0.0.9:5060;branch=z9hG4bKearlier"), ("Contact", "<tel:5>")):
        border.phone_sends(bytes(Response(tuple({**dict(headers), changed[0]: changed[1]}.items()), b"", 200, "OK")))
    assert len(border.requests("BYE")) == 1


def test_a_late_answer_to_a_call_that_was_cancelled_is_hung_up_on() -> None:
    border = Border()
    _, invite = border.rings()
    border.phone_answers(invite, 180)
    border.edge.legs["out"].end()
    border.clock.pump([1.0] * 40)
    assert border.edge.legs == {}
    border.phone_answers(invite, 200, body=SDP)
    assert len(border.requests("BYE")) == 1


def freed(border: Border, session: Any) -> None:
    """The line has let go of a call."""
    border.lines.freed(0, session.id, 480)
