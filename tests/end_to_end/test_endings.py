"""Every way a call can come to nothing or to an end, by its name on the page and on the timeline."""

from typing import Any

import pytest

from .gateway_process import Gateway
from .raw_phone import Message, RawPhone, answer_all
from .stage import Stage
from .visitor import Visitor


def refuse(status: int) -> Any:
    """A phone's decision to answer every INVITE so."""

    def decide(phone: RawPhone, invite: Message) -> tuple[int, str]:
        return status, ""

    return decide


def join(stage: Stage, gateway: Gateway) -> tuple[dict[str, Any], Visitor]:
    visit = gateway.add_visit()
    visitor = stage.visitor(visit)
    visitor.join()
    return visit, visitor


def ended_as(gateway: Gateway, visit: dict[str, Any], visitor: Visitor, reason: str) -> dict[str, Any]:
    _, message = visitor.wait_for("ended")
    assert message["reason"] == reason
    assert message["text"]
    assert gateway.end_reason(visit) == reason
    gateway.event(visit, "end", reason=reason)
    return message


@pytest.mark.parametrize(
    ("status", "reason", "again"),
    [
        (486, "Busy", True),
        (600, "Busy", True),
        (603, "Declined", True),
        (488, "CodecMismatch", False),
        (404, "Unreachable", True),
        (302, "Unreachable", True),
    ],
)
def test_refusal_of_the_phone_reaches_page_and_timeline(stage: Stage, status: int, reason: str, again: bool) -> None:
    phone = stage.raw_phone(decide=refuse(status))
    gateway = stage.gateway({"pod-a-1": phone.address})
    visit, visitor = join(stage, gateway)
    assert ended_as(gateway, visit, visitor, reason)["again"] is again


def test_phone_that_nobody_answers(stage: Stage) -> None:
    phone = stage.raw_phone(ring=30)
    gateway = stage.gateway({"pod-a-1": phone.address}, ring_timeout=2)
    visit, visitor = join(stage, gateway)
    visitor.wait_for_state("ringing")
    ended_as(gateway, visit, visitor, "NoAnswer")
    phone.wait_for("CANCEL")


def test_visitor_who_leaves_while_the_phone_rings(stage: Stage) -> None:
    phone = stage.raw_phone(ring=30)
    gateway = stage.gateway({"pod-a-1": phone.address})
    visit, visitor = join(stage, gateway)
    visitor.wait_for_state("ringing")
    visitor.leave()
    phone.wait_for("CANCEL")
    ended_as(gateway, visit, visitor, "VisitorLeft")


def test_visitor_may_try_again_after_a_busy_phone(stage: Stage) -> None:
    decisions = [refuse(486), answer_all]
    phone = stage.raw_phone(decide=lambda phone, invite: decisions.pop(0)(phone, invite))
    gateway = stage.gateway({"pod-a-1": phone.address})
    visit, visitor = join(stage, gateway)
    ended_as(gateway, visit, visitor, "Busy")
    visitor.join()
    visitor.wait_for_state("talking")
    phone.hang_up()
    assert visitor.wait_for("ended", 1.0, start=len(visitor.messages) - 1)[1]["reason"] == "PhoneHungUp"
    assert len(gateway.calls(visit)) == 2


def test_officer_ends_a_call_with_a_reason(stage: Stage) -> None:
    phone = stage.raw_phone()
    gateway = stage.gateway({"pod-a-1": phone.address})
    visit, visitor = join(stage, gateway)
    visitor.wait_for_state("talking")
    call = gateway.calls(visit)[0]["id"]
    gateway.api("DELETE", f"/api/v1/calls/{call}", {"reason": "fire drill"})
    phone.wait_for("BYE")
    ended_as(gateway, visit, visitor, "OfficerEnded")
    assert gateway.event(visit, "end")["data"]["why"] == "fire drill"


def test_five_wrong_codes_pause_a_station(stage: Stage) -> None:
    phone, other = stage.raw_phone(), stage.raw_phone(user="1002")
    gateway = stage.gateway({"pod-a-1": phone.address, "pod-a-2": other.address}, own=True)
    visit = gateway.add_visit(rings=False)
    dial = f"sip:{visit['code']}@127.0.0.1:{gateway.sip_port}"
    wrong = "000000" if visit["code"] != "000000" else "000001"
    assert other.dial(dial).status == 404, "another station dialled the visit's code"
    for _ in range(5):
        assert phone.dial(f"sip:{wrong}@127.0.0.1:{gateway.sip_port}").status == 404
    assert phone.dial(dial).status == 403
    assert gateway.calls(visit) == []


@pytest.mark.invariant
def test_stranger_who_calls_hears_nothing(stage: Stage) -> None:
    phone, stranger = stage.raw_phone(), stage.raw_phone(user="1001", host="127.0.0.5")
    gateway = stage.gateway({"pod-a-1": phone.address})
    visit = gateway.add_visit(rings=False)
    with pytest.raises(TimeoutError):
        stranger.dial(f"sip:{visit['code']}@127.0.0.1:{gateway.sip_port}", timeout=2)
    assert stranger.messages == []


def test_phone_that_dials_and_gives_up_before_the_visitor_comes(stage: Stage) -> None:
    phone = stage.raw_phone()
    gateway = stage.gateway({"pod-a-1": phone.address})
    visit = gateway.add_visit(rings=False)
    phone.ring_up(f"sip:{visit['code']}@127.0.0.1:{gateway.sip_port}")
    phone.wait_for_status(180)
    phone.cancel()
    phone.wait_for_status(487)
    visitor = stage.visitor(visit)
    visitor.join()
    visitor.wait_for("status", state="waiting", why="dial")
    assert gateway.calls(visit) == []
