"""Many sipp phones for a benchmark that has the reactor to itself: they dial, or are rung, by the hundred."""

import signal
import subprocess
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from parloir.rtp.description import Address
from tests.end_to_end import sipp_script as script
from tests.end_to_end.ports import free_ports
from tests.end_to_end.programs import program

LAST = ("[last_Via:]", "[last_From:]", "[last_To:]", "[last_Call-ID:]", "[last_CSeq:]")
TAGGED = tuple(f"{line};tag=[pid]s[call_number]" if line == "[last_To:]" else line for line in LAST)


async def pause(reactor: Any, seconds: float) -> None:
    """Let the reactor run."""
    waiting: Deferred[None] = Deferred()
    reactor.callLater(seconds, waiting.callback, None)
    await waiting


class Running:
    """One sipp; `faults` is what it complained of once it is over."""

    def __init__(self, reactor: Any, command: list[str], home: Path, port: int) -> None:
        self.port = port
        self.faults: list[str] = []
        self._reactor = reactor
        self._errors = home / "errors"
        self._home = home
        with (home / "output").open("wb") as output:
            self.process = subprocess.Popen(
                command, cwd=home, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )

    async def over(self, seconds: float) -> None:
        """Wait until it has ended, though not for ever."""
        deadline = self._reactor.seconds() + seconds
        while self.process.poll() is None and self._reactor.seconds() < deadline:
            await pause(self._reactor, 0.1)
        if self.process.poll() is None:
            self.faults.append("sipp does not end: some of its calls were not made or not ended")
            self.stop()
        elif self.process.returncode != 0:
            said = self._errors.read_text()[-2000:] if self._errors.exists() else ""
            self.faults.append(f"sipp ended with {self.process.returncode}: {said or (self._home / 'output').name}")

    def stop(self) -> None:
        """End it at once."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


class SippPhones:
    """Starts them, each with a port of its own at `host`."""

    def __init__(self, reactor: Any, home: Path, host: str) -> None:
        self._reactor = reactor
        self._home = home
        self._host = host
        self._running: list[Running] = []

    def dials(
        self, gateway: Address, calls: int, *, rate: float, talk: float, number: str = "123456", expected: int = 200
    ) -> Running:
        """Phones that dial `number`, talk for so many seconds and hang up; or are refused, where that is expected."""
        if expected == 200:
            steps = [*script.dial(), script.request("ACK", 1), script.wait(int(talk * 1000)), *script.hang_up(2)]
        else:
            refused = script.inside("ACK", 1)
            refused[0] = refused[0].replace("[branch]", "[branch-3]")
            first = "ACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0"
            steps = [script.invite(body=script.sdp()), script.hear(100), script.hear(expected)]
            steps.append(script.say(first, *refused, again=False))
        where = f"{gateway.host}:{gateway.port}"
        milliseconds = "1000" if rate >= 1 else str(int(1000 / rate))
        pace = ["-r", str(max(1, int(rate))), "-rp", milliseconds, "-l", str(calls), "-s", number]
        return self._start(steps, [where, "-m", str(calls), *pace])

    def answers(self, calls: int, *, mute: bool = False) -> Running:
        """Phones that ring, answer and wait for our BYE; mute ones never answer that."""
        ringing = script.say("SIP/2.0 180 Ringing", *TAGGED, script.CONTACT, again=False)
        answer = script.say("SIP/2.0 200 OK", *TAGGED, script.CONTACT, body=script.sdp())
        steps = [script.asked("INVITE"), ringing, answer, script.asked("ACK"), script.asked("BYE")]
        if not mute:
            steps.append(script.say("SIP/2.0 200 OK", *LAST, again=False))
        return self._start(steps, ["-m", str(calls)])

    def _start(self, steps: list[script.Step], options: list[str]) -> Running:
        home = self._home / f"sipp-{len(self._running)}"
        home.mkdir()
        (home / "scenario.xml").write_text(script.scenario(*steps))
        port, media = free_ports(2), free_ports(4)
        command = [program("sipp"), *options, "-sf", "scenario.xml", "-i", self._host, "-p", str(port)]
        command += ["-mi", self._host, "-mp", str(media), "-nostdin", "-trace_err", "-error_file", "errors"]
        self._running.append(Running(self._reactor, command, home, port))
        return self._running[-1]

    def stop(self) -> None:
        """End all that still run."""
        for each in self._running:
            each.stop()
