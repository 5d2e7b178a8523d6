"""Phones that register straight at the gateway, and those that only try to."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.certificates import write_certificate

from .baresip import FAKE_VIDEO, Baresip
from .gateway_process import Gateway
from .picture import BLUE
from .ports import free_ports
from .process import Process
from .programs import program
from .sipp_script import Step, hear, say, scenario
from .stage import BROWSER_TONE, Stage

USER, PASSWORD = "pod-a-3", "swordfish-of-pod-a-3"
TONE = 1900
REQUIRED = {"srtp": "required"}


def registered(stage: Stage, gateway: Gateway, transport: str = "udp", user: str = USER, **more: Any) -> Baresip:
    """A phone that is registered by that transport and insists on encryption."""
    place = f"127.0.0.1:{gateway.port_of(transport)};transport={transport}"
    secrets: dict[str, Any] = {"password": PASSWORD, "encryption": "srtp-mand"}
    phone = stage.baresip(tone=TONE, user=user, registrar=place, **secrets, **more)
    phone.wait_to_register()
    return phone


def visits(stage: Stage, gateway: Gateway, phone: Baresip, transport: str = "udp", user: str = USER) -> None:
    """It is rung, on its connection where it has one, and hangs up; it dials, and the visitor hangs up."""
    visit = gateway.add_visit(user)
    page = stage.page(visit)
    page.join()
    page.wait_for_state("talking")
    page.wait_to_hear(TONE)
    page.wait_to_see(FAKE_VIDEO)
    phone.wait_to_hear(BROWSER_TONE)
    phone.wait_to_see(BLUE)
    phone.hang_up()
    page.wait_for_state("ended")
    assert gateway.end_reason(visit) == "PhoneHungUp"
    gateway.cancel(visit)

    second = gateway.add_visit(user, visitor="Bob Roe", rings=False)
    waiting = stage.page(second)
    waiting.join()
    waiting.wait_for_state("waiting")
    phone.dial(gateway.dialled(second["code"], transport))
    waiting.wait_for_state("talking")
    waiting.wait_to_hear(TONE)
    waiting.hang_up()
    phone.wait_for_event("CALL_CLOSED", start=len(phone.events) - 1)
    assert gateway.end_reason(second) == "VisitorLeft"
    assert gateway.call(second)["way_in"] == "inside"


def test_a_registration_and_a_ban_outlive_the_gateway(stage: Stage, tmp_path: Path) -> None:
    gateway = stage.gateway({}, logins={USER: PASSWORD}, defaults=REQUIRED, own=True)
    guesses = [step for n in range(5) for step in guess(f"guess-{n}", 2 * n + 1)]
    assert sipp(tmp_path / "guesser", gateway, "127.0.0.5", *guesses).wait(60) == 0
    phone = registered(stage, gateway)
    gateway.kill()
    gateway.start_again()
    assert "127.0.0.5" in parloir(gateway, "bans", "list")
    answered = sipp(
        tmp_path / "again", gateway, "127.0.0.5", register(1), Step('  <recv response="401" timeout="1500"/>\n')
    )
    visits(stage, gateway, phone)
    assert answered.wait(20) != 0, "a banned address was answered"
    assert "lifted" in parloir(gateway, "bans", "lift", "127.0.0.5")
    assert parloir(gateway, "bans", "list").strip() == "no bans"
    gateway.config["sip"]["admission"] = {"failures": 1}
    gateway.configure()
    assert sipp(tmp_path / "lifted", gateway, "127.0.0.5", *guess("once-more", 1)).wait(60) == 0
    assert "127.0.0.5" in parloir(gateway, "bans", "list")


def test_phones_that_registered_on_connections_are_rung_and_call_on_them(stage: Stage, tmp_path: Path) -> None:
    users = {"tcp": "pod-a-3", "tls": "pod-a-4"}
    logins = dict.fromkeys(users.values(), PASSWORD)
    gateway = stage.gateway({}, logins=logins, transports=["tcp", "tls"], defaults=REQUIRED)
    certificate = write_certificate(tmp_path)
    phones = {
        transport: registered(stage, gateway, transport, user, certificate=certificate)
        for transport, user in users.items()
    }
    listed = parloir(gateway, "stations", "list").splitlines()
    for transport, user in users.items():
        [line] = [line for line in listed if f"north/{user}" in line]
        assert f"registered  {transport} 127.0.0.1:" in line
        assert "baresip" in line
    for transport, user in users.items():
        visits(stage, gateway, phones[transport], transport, user)


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
