"""Dialogs as phones speak them, by sipp: hold, late offers, refresh, keys, transfers, storms, and a gateway killed."""

import re
import subprocess
import sys
import threading
from datetime import datetime
from typing import Any

import pytest

from ..torture.invalid import INVALID
from ..torture.layers import APPLICATION, BACKWARD, TRANSACTION
from ..torture.valid import VALID
from . import sipp_script as script
from .gateway_process import Gateway
from .raw_phone import Message, RawPhone, answer_all
from .sipp_phone import SippPhone
from .sipp_script import GO_ON, Step, asked, dial, hang_up, hear, ok, request, scenario, sdp, wait
from .stage import Stage
from .visitor import Visitor

ACK = request("ACK", 1)


@pytest.fixture
def phone(stage: Stage) -> SippPhone:
    return stage.sipp_phone()


def at_a_visit(stage: Stage, phone: SippPhone, **settings: Any) -> tuple[Gateway, dict[str, Any], Visitor]:
    """A gateway that knows the phone, and a visitor who waits for it to dial."""
    gateway = stage.gateway({"pod-a-1": phone.address}, **settings)
    visit = gateway.add_visit(rings=False)
    visitor = stage.visitor(visit)
    visitor.join()
    visitor.wait_for_state("waiting")
    return gateway, visit, visitor


def reinvite(number: int, body: str, *expected: str) -> list[Step]:
    """Another offer, and its answer."""
    return [
        request("INVITE", number, body=body),
        hear(100, optional=True),
        hear(200, *expected, dialog=True),
        request("ACK", number),
    ]


HOLDS = [
    (sdp(2, "sendonly"), "a=recvonly"),
    (sdp(2, "inactive"), "a=inactive"),
    (sdp(2, address="0.0.0.0"), "a=recvonly"),
]


def test_offers_in_mid_call_hold_move_and_resume_visit_and_bill(stage: Stage, phone: SippPhone) -> None:
    """A call that begins without an offer, is put on hold in each way, and again by a late offer of a phone that then
    moves its stream."""
    gateway, visit, visitor = at_a_visit(stage, phone)
    steps = [*dial(body="", expected=("m=audio [0-9]+ RTP/AVP",)), request("ACK", 1, body=sdp()), GO_ON]
    for number, (body, mirrored) in enumerate(HOLDS):
        steps += [*reinvite(2 * number + 2, body, mirrored), wait(800)]
        steps += [*reinvite(2 * number + 3, sdp(3), "a=sendrecv"), wait(400)]
    steps += [request("INVITE", 8), hear(100, optional=True), hear(200, "m=audio [0-9]+ RTP/AVP", dialog=True)]
    steps += [request("ACK", 8, body=sdp(4, "sendonly")), wait(2000)]
    moved = sdp(5).replace("m=audio [media_port]", "m=audio [media_port+2]")
    steps += [*reinvite(9, moved, "a=sendrecv"), wait(400)]
    steps += [request("UPDATE", 10, body=sdp(6)), hear(200, "a=sendrecv"), wait(800), *hang_up(11)]
    running = phone.dial(gateway, visit["code"], scenario(*steps))
    visitor.wait_for_state("talking")
    visitor.wait_for_packets("audio", 25)
    phone.go_on(running)
    phone.finish(running)
    assert gateway.end_reason(visit) == "PhoneHungUp"
    said = [(at, message["state"]) for at, message in visitor.messages if message["type"] == "status"]
    talking = said[[state for _, state in said].index("talking") :]
    assert [state for _, state in talking] == ["talking", *["held", "talking"] * 4]
    longest, resumed = talking[-2][0], talking[-1][0]
    heard = [packet.at for packet in visitor.received["audio"]]
    assert sum(longest < at < resumed for at in heard) < 50 * (resumed - longest) / 2
    assert sum(at > resumed for at in heard) > 0
    events = gateway.timeline(visit)
    turns = [event for event in events if event["kind"] in ("held", "resumed")]
    assert [(each["kind"], each["data"]["by"]) for each in turns] == [("held", "phone"), ("resumed", "phone")] * 4
    held = sum(seconds_between(*turns[index : index + 2]) for index in range(0, 8, 2))
    found = {event["kind"]: event for event in events}
    active = seconds_between(found["announced"], found["end"])
    assert 0 < found["report"]["data"]["flowing"] <= (active - held / 2) * 1000, (active, held)


def test_the_page_says_on_hold_behind_a_card_and_shows_the_picture_again(stage: Stage) -> None:
    raw = stage.raw_phone()
    gateway = stage.gateway({"pod-a-1": raw.address})
    visit = gateway.add_visit()
    page = stage.page(visit)
    page.join()
    raw.talk(raw.wait_for("INVITE").body)
    page.wait_for_state("talking")
    shown = "getComputedStyle(document.getElementById('remote')).visibility"
    assert page.evaluate(shown) == "visible"
    assert raw.request("INVITE", raw.sdp(direction="sendonly")).status == 200
    page.wait_for_state("held")
    assert "hold" in page.evaluate("document.getElementById('held').textContent").lower()
    assert page.evaluate(shown) == "hidden"
    assert raw.request("INVITE", raw.sdp()).status == 200
    page.wait_for_state("talking")
    assert page.evaluate(shown) == "visible"
    page.hang_up()
    assert gateway.end_reason(visit) == "VisitorLeft"


def seconds_between(first: dict[str, Any], last: dict[str, Any]) -> float:
    """Between two events."""
    return float(last["monotonic"] - first["monotonic"]) / 1e9


def test_requests_in_mid_call_are_answered_each_as_it_should_be(stage: Stage, phone: SippPhone) -> None:
    """Session timers that the phone keeps, keys and wishes for a picture by INFO, and a transfer that is refused."""
    gateway, visit, visitor = at_a_visit(stage, phone)
    timer = ("Supported: timer", "Allow: INVITE, ACK, BYE, UPDATE")
    too_brief = [
        script.invite(*timer, "Session-Expires: 20;refresher=uac", body=sdp()),
        hear(100, optional=True),
        hear(422, "Min-SE: 90"),
        like_the_invite("ACK", 3),
    ]
    phone.finish(phone.dial(gateway, visit["code"], scenario(*too_brief)))
    ours = "Session-Expires: 90;refresher=uac"
    steps = [*dial(*timer, ours, expected=("Session-Expires: 90;refresher=uac", "Require:.*timer")), ACK, GO_ON]
    steps += [request("UPDATE", 2, *timer, ours), hear(200, "Session-Expires: 90;refresher=uac")]
    five, hash = ("application/dtmf-relay", "Signal=5\nDuration=160\n"), ("application/dtmf", "#")
    for number, (kind, body) in enumerate((five, five, hash), 3):
        steps += [request("INFO", number, body=body, kind=kind), hear(200)]
    fast = "<media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder></vc_primitive></media_control>"
    steps += [request("INFO", 6, body=fast, kind="application/media_control+xml"), hear(200)]
    steps += [request("INFO", 7, body="?", kind="application/dtmf"), hear(400)]
    steps += [request("INFO", 8, body="hello", kind="text/plain"), hear(415, "application/dtmf-relay")]
    steps += [request("REFER", 9, "Refer-To: <sip:outside@192.0.2.9>"), hear(403), *hang_up(10)]
    before = max((alert["id"] for alert in alerts(gateway)), default=0)
    running = phone.dial(gateway, visit["code"], scenario(*steps))
    visitor.wait_for_state("talking")
    phone.go_on(running)
    phone.finish(running)
    assert gateway.end_reason(visit) == "PhoneHungUp"
    assert [event["data"] for event in pressed(gateway, visit)] == [{}] * 3
    refused = gateway.event(visit, "transfer_refused")
    assert refused["data"] == {"by": "REFER", "target": "<sip:outside@192.0.2.9>"}
    [alert] = alerts(gateway, before)
    assert alert["severity"] == "warning"
    assert "pod-a-1" in alert["text"]


def alerts(gateway: Gateway, after: int = 0) -> list[dict[str, Any]]:
    """The facility's alerts later than that one."""
    found: list[dict[str, Any]] = gateway.api("GET", f"/api/v1/alerts?facility=north&after={after}")["alerts"]
    return found


@pytest.mark.long
def test_the_gateway_refreshes_by_what_a_phone_knows_and_hangs_up_on_one_that_answers_no_more(
    stage: Stage, phone: SippPhone
) -> None:
    """A phone that knows no timers, behind a proxy that asks for one: refreshing is the gateway's."""
    gateway, visit, visitor = at_a_visit(stage, phone)
    brief, ours = "Session-Expires: 30", "Session-Expires: 30;refresher=uas"
    refresh = ("Session-Expires: 30;refresher=uac", "Supported:.*timer")
    steps = [*dial(brief, expected=(ours,)), ACK, asked("INVITE", *refresh), ok(body=sdp()), asked("ACK")]
    steps += [request("UPDATE", 2, "Allow: INVITE, ACK, BYE, UPDATE", brief), hear(200, ours)]
    steps += [asked("UPDATE", *refresh), asked("BYE"), ok()]
    phone.finish(phone.dial(gateway, visit["code"], scenario(*steps)), 120)
    assert gateway.end_reason(visit) == "MediaLost"
    said = said_to_phone(gateway)
    answer, offer = (each["text"].partition("\r\n\r\n")[2] for each in said if "m=audio" in each["text"])
    assert offer == answer, "a mere refresh has the version of what it repeats"
    asked_again, end = (
        next(datetime.fromisoformat(each["at"]).timestamp() for each in said if each["text"].startswith(method))
        for method in ("UPDATE", "BYE")
    )
    assert any(asked_again < packet.at < end for packet in visitor.received["audio"]), "the first refresh was in vain"


def said_to_phone(gateway: Gateway) -> list[dict[str, Any]]:
    """What the gateway has said to the phone in its last call, each message once."""
    messages: list[dict[str, Any]] = gateway.api("GET", "/api/v1/stations/north/pod-a-1/trace")["messages"]
    call = [each for each in messages if each["way"] == "out" and each["call"] == messages[-1]["call"]]
    return list({each["text"]: each for each in reversed(call)}.values())[::-1]


def test_reliable_ringing(stage: Stage, phone: SippPhone) -> None:
    gateway = stage.gateway({"pod-a-1": phone.address})
    visit = gateway.add_visit(rings=False)
    name = "rseq"
    ringing = Step(
        '  <recv response="180" rrs="true">\n    <action>\n'
        f'      <ereg regexp="[0-9]+" search_in="hdr" header="RSeq:" check_it="true" assign_to="{name}"/>\n'
        "    </action>\n  </recv>\n"
    )
    steps = [script.invite("Require: 100rel", "Supported: 100rel", body=sdp()), hear(100, optional=True), ringing]
    steps += [request("PRACK", 2, f"RAck: [${name}] 1 INVITE"), hear(200), wait(500)]
    steps += [like_the_invite("CANCEL", 6), hear(200), hear(487), like_the_invite("ACK", 9)]
    phone.finish(phone.dial(gateway, visit["code"], scenario(*steps)))


def like_the_invite(method: str, back: int) -> Step:
    """A CANCEL, or the ACK of a refusal: the branch is that of the INVITE so many steps back."""
    headers = script.inside(method, 1) if method == "ACK" else script.outside(method, 1)
    headers[0] = headers[0].replace("[branch]", f"[branch-{back}]")
    return script.say(f"{method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0", *headers, again=method != "ACK")


def test_a_key_told_twice_is_one_press_and_a_phone_without_feedback_is_asked_by_info(stage: Stage) -> None:
    raw = stage.raw_phone()
    gateway = stage.gateway({"pod-a-1": raw.address})
    visit = gateway.add_visit()
    visitor = stage.visitor(visit)
    visitor.join()
    raw.talk(raw.wait_for("INVITE").body)
    visitor.wait_for_state("talking")
    asked_for = raw.wait_for("INFO")
    assert asked_for["content-type"] == "application/media_control+xml"
    assert "<picture_fast_update/>" in asked_for.body

    def told(digit: str, *, media: bool = True, info: bool = True, lost: frozenset[int] = frozenset()) -> None:
        if media:
            raw.audio.press(digit, lost)
        if info:
            relay = f"Signal={digit}\r\nDuration=160\r\n"
            assert raw.request("INFO", relay, kind="application/dtmf-relay").status == 200

    told("5")
    told("5", lost=frozenset({0, 1, 2, 8, 9}))
    told("#", info=False)
    told("*", media=False)
    told("1", lost=frozenset(range(11)))
    told("2", info=False, lost=frozenset(range(10)))
    gateway.wait_until(lambda: len(pressed(gateway, visit)) >= 6 or None, "keys")
    raw.hang_up()
    assert gateway.end_reason(visit) == "PhoneHungUp"
    assert len(pressed(gateway, visit)) == 6


def pressed(gateway: Gateway, visit: dict[str, Any]) -> list[dict[str, Any]]:
    """The presses on the visit's timeline."""
    return [event for event in gateway.timeline(visit) if event["kind"] == "key_pressed"]


def test_a_storm_of_repeats_is_absorbed(stage: Stage, phone: SippPhone) -> None:
    gateway, visit, visitor = at_a_visit(stage, phone)
    storm = Step(script.invite(body=sdp()).xml.replace(' retrans="500"', ""))
    again = [Step(storm.xml.replace("[branch]", f"[branch-{number}]")) for number in range(1, 20)]
    steps = [storm, *again, hear(100, optional=True), hear(200, dialog=True), ACK, GO_ON]
    steps += hang_up(2)
    running = phone.dial(gateway, visit["code"], scenario(*steps), "-nd")
    visitor.wait_for_state("notice")
    phone.go_on(running)
    phone.finish(running)
    assert gateway.end_reason(visit) == "PhoneHungUp"
    assert len(gateway.calls(visit)) == 1
    assert len(gateway.logged("sip.incoming")) == 1


CALLS = 20


@pytest.mark.invariant
def test_a_killed_gateway_ends_every_call_when_it_is_back_and_those_that_rang(stage: Stage) -> None:
    back = threading.Event()

    def answers_late(phone: RawPhone, invite: Message) -> tuple[int, str]:
        back.wait(60)
        return answer_all(phone, invite)

    late = stage.raw_phone(decide=answers_late)
    phones = stage.sipp(CALLS)
    names = [f"pod-{number:02}" for number in range(CALLS)]
    stations = {name: phones.address(name) for name in names} | {"late": late.address}
    gateway = stage.gateway(stations, calls=CALLS + 1, own=True)
    visitors = [stage.visitor(gateway.add_visit(name)) for name in names]
    waiting = stage.visitor(gateway.add_visit("late"))
    for visitor in (*visitors, waiting):
        visitor.join()
    for visitor in visitors:
        visitor.wait_for_state("notice")
    waiting.wait_for_state("ringing")
    gateway.kill()
    gateway.start_again()
    assert phones.wait(60) == 0, phones.errors
    assert len(gateway.logged("sip.left_over", CALLS)) == CALLS
    assert {call["reason"] for call in gateway.calls()} == {"GatewayRestarted"}
    back.set()
    late.wait_for("ACK")
    late.wait_for("BYE")
    assert len(gateway.logged("sip.unknown_answer")) == 1


def test_torture_harms_no_running_gateway(stage: Stage) -> None:
    raw = stage.raw_phone()
    gateway = stage.gateway({"pod-a-1": raw.address})
    lines = gateway.lines()
    for vector in (*VALID, *INVALID, *TRANSACTION, *APPLICATION, *BACKWARD):
        raw.send_datagram(vector.data, gateway.sip_port)
    visitor = stage.visitor(gateway.add_visit())
    visitor.join()
    raw.talk(raw.wait_for("INVITE").body)
    visitor.wait_for_state("talking")
    assert gateway.lines() == lines


def test_the_trace_of_a_phone_is_a_ladder_without_secrets(stage: Stage, phone: SippPhone) -> None:
    gateway, visit, _ = at_a_visit(stage, phone)
    running = phone.dial(gateway, visit["code"], scenario(*dial(), ACK, wait(500), *hang_up(2)))
    phone.finish(running)
    ladder = traced(gateway)
    said = [re.sub(r"^\S+\s+", "", line) for line in ladder.splitlines() if line[:1].isdigit()]
    assert [" ".join(line.split()[:4]) for line in said][-6:] == [
        "phone ---> gateway INVITE",
        "phone <--- gateway 100",
        "phone <--- gateway 200",
        "phone ---> gateway ACK",
        "phone ---> gateway BYE",
        "phone <--- gateway 200",
    ]
    assert visit["code"] not in ladder
    full = traced(gateway, "--full")
    assert "m=audio" in full
    assert visit["code"] not in full


def traced(gateway: Gateway, *options: str) -> str:
    """What `parloir trace` prints."""
    command = [sys.executable, "-m", "parloir.cli", "trace", "pod-a-1", "--config", str(gateway.file), *options]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout
