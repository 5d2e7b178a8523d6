"""Phones that register straight at the gateway, and those that only try to."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import write_certificate

from .baresip import Baresip
from .gateway_process import Gateway
from .ports import free_ports
from .process import Process
from .programs import program
from .sipp_script import Step, hear, say, scenario
from .stage import BROWSER_TONE, Stage

USER, PASSWORD = "pod-a-3", "swordfish-of-pod-a-3"
TONE = 1900


def registered(stage: Stage, gateway: Gateway, transport: str = "udp", **more: Any) -> Baresip:
    place = f"127.0.0.1:{gateway.port_of(transport)};transport={transport}"
    return stage.baresip(tone=TONE, user=USER, registrar=place, password=PASSWORD, **more)


def test_a_registered_phone_is_rung_after_a_restart_and_calls(stage: Stage) -> None:
    gateway = stage.gateway({}, logins={USER: PASSWORD})
    phone = registered(stage, gateway)
    phone.wait_to_register()
    time.sleep(1)  # it is written behind the signalling's back
    gateway.kill()
    gateway.start_again()
    visit = gateway.add_visit(USER)
    page = stage.page(visit)
    page.join()
    page.wait_for_state("talking")
    page.wait_to_hear(TONE)
    phone.wait_to_hear(BROWSER_TONE)
    phone.hang_up()
    page.wait_for_state("ended")
    assert gateway.end_reason(visit) == "PhoneHungUp"

    gateway.cancel(visit)
    second = gateway.add_visit(USER, visitor="Bob Roe", rings=False)
    waiting = stage.page(second)
    waiting.join()
    waiting.wait_for_state("waiting")
    phone.dial(f"sip:{second['code']}@127.0.0.1:{gateway.sip_port}")
    waiting.wait_for_state("talking")
    waiting.hang_up()
    phone.wait_for_event("CALL_CLOSED", start=len(phone.events) - 1)
    assert gateway.call(second)["way_in"] == "inside"


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_a_phone_that_registered_on_a_connection_is_rung_and_calls_on_it(
    stage: Stage, tmp_path: Path, transport: str
) -> None:
    gateway = stage.gateway({}, logins={USER: PASSWORD}, transports=["tcp", "tls"], defaults={"srtp": "required"})
    secrets = {"certificate": write_certificate(tmp_path), "encryption": "srtp-mand"}
    phone = registered(stage, gateway, transport, **secrets)
    phone.wait_to_register()
    listed = parloir(gateway, "stations", "list")
    assert f"north/{USER}" in listed
    assert f"registered  {transport} 127.0.0.1:" in listed
    assert "baresip" in listed
    visit = gateway.add_visit(USER)
    page = stage.page(visit)
    page.join()
    page.wait_for_state("talking")
    page.wait_to_hear(TONE)
    phone.wait_to_hear(BROWSER_TONE)
    phone.hang_up()
    page.wait_for_state("ended")
    gateway.cancel(visit)

    second = gateway.add_visit(USER, visitor="Bob Roe", rings=False)
    waiting = stage.page(second)
    waiting.join()
    waiting.wait_for_state("waiting")
    phone.dial(gateway.dialled(second["code"], transport))
    waiting.wait_for_state("talking")
    waiting.hang_up()
    assert gateway.end_reason(second) == "VisitorLeft"


def parloir(gateway: Gateway, *words: str) -> str:
    """What a command prints, the gateway's configuration given."""
    command = [sys.executable, "-m", "parloir.cli", *words, "--config", str(gateway.file)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout


def register(number: int, *more: str) -> Step:
    """A REGISTER of the phone's."""
    return say(
        "REGISTER sip:[remote_ip]:[remote_port] SIP/2.0",
        "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport",
        f"From: <sip:{USER}@[remote_ip]>;tag=[pid]r[call_number]",
        f"To: <sip:{USER}@[remote_ip]>",
        "Call-ID: [call_id]",
        f"CSeq: {number} REGISTER",
        f"Contact: <sip:{USER}@[local_ip]:[local_port]>",
        *more,
    )


def guess(password: str, number: int) -> list[Step]:
    """Try a password, and be refused."""
    credentials = f"[authentication username={USER} password={password}]"
    return [
        register(number),
        Step('  <recv response="401" auth="true"/>\n'),
        register(number + 1, credentials),
        hear(403),
    ]


def sipp(home: Path, gateway: Gateway, host: str, *steps: Step) -> Process:
    """Do the steps once, from that address."""
    home.mkdir(exist_ok=True)
    (home / "scenario.xml").write_text(scenario(*steps))
    command = [program("sipp"), f"127.0.0.1:{gateway.sip_port}", "-sf", str(home / "scenario.xml"), "-m", "1"]
    command += ["-i", host, "-p", str(free_ports(2)), "-nostdin", "-fd", "1", "-trace_err"]
    return Process([*command, "-error_file", str(home / "errors.log")], home / "sipp.log", cwd=home)


def test_who_guesses_passwords_is_banned_and_the_right_phone_is_not(stage: Stage, tmp_path: Path) -> None:
    gateway = stage.gateway({}, logins={USER: PASSWORD})
    guesses = [step for n in range(5) for step in guess(f"guess-{n}", 2 * n + 1)]
    assert sipp(tmp_path / "guesser", gateway, "127.0.0.5", *guesses).wait(20) == 0
    assert "127.0.0.5" in parloir(gateway, "bans", "list")

    phone = registered(stage, gateway)
    phone.wait_to_register()
    answered = sipp(
        tmp_path / "again", gateway, "127.0.0.5", register(1), Step('  <recv response="401" timeout="1500"/>\n')
    )
    assert answered.wait(20) != 0, "a banned address was answered"

    assert "lifted" in parloir(gateway, "bans", "lift", "127.0.0.5")
    assert sipp(tmp_path / "lifted", gateway, "127.0.0.5", *guess("once-more", 1)).wait(20) == 0
    assert parloir(gateway, "bans", "list").strip() == "no bans"
