"""One sipp that is a phone and dials: it does what its scenario says, and finds fault with what it hears."""

import signal
import socket
from pathlib import Path

from .gateway_process import Gateway
from .ports import free_ports
from .process import Process
from .programs import program


class SippPhone:
    """Its address is settled at once, so that a gateway can know it; it dials later."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._home = home
        self._port = free_ports(2)
        self._media = free_ports(4)
        self._processes: list[Process] = []

    @property
    def address(self) -> str:
        """The station's address."""
        return f"sip:1001@127.0.0.1:{self._port}"

    def dial(self, gateway: Gateway, number: str, scenario: str, *options: str) -> Process:
        """Begin the scenario, with `number` as what is dialled."""
        name = f"scenario-{len(self._processes)}"
        file = self._home / f"{name}.xml"
        file.write_text(scenario)
        command = [program("sipp"), f"127.0.0.1:{gateway.sip_port}", "-sf", str(file), "-s", number, "-m", "1"]
        command += ["-i", "127.0.0.1", "-p", str(self._port), "-mi", "127.0.0.1", "-mp", str(self._media), "-rtp_echo"]
        command += ["-cid_str", self._call_id(name), "-nostdin", "-fd", "1"]
        command += ["-trace_err", "-error_file", str(self._home / f"{name}.errors"), *options]
        process = Process(command, self._home / f"{name}.log", cwd=self._home)
        self._processes.append(process)
        return process

    def go_on(self, process: Process) -> None:
        """Let a scenario that waits at GO_ON go on. It reads a MESSAGE there, which no gateway sends."""
        lines = [
            f"MESSAGE {self.address} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self._port};branch=z9hG4bK-go-on",
            "From: <sip:test@127.0.0.1>;tag=test",
            f"To: <{self.address}>",
            f"Call-ID: {self._call_id(f'scenario-{self._processes.index(process)}')}",
            "CSeq: 1 MESSAGE",
            "Content-Length: 0",
        ]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as test:
            test.sendto("".join(f"{line}\r\n" for line in [*lines, ""]).encode(), ("127.0.0.1", self._port))

    def _call_id(self, scenario: str) -> str:
        return f"{scenario}-{self._port}@127.0.0.1"

    def finish(self, process: Process, timeout: float = 40.0) -> None:
        """Wait for the scenario's end; every step must have gone as it should."""
        status = process.wait(timeout)
        name = f"scenario-{self._processes.index(process)}.errors"
        errors = (self._home / name).read_text() if (self._home / name).exists() else process.tail()
        assert status == 0, errors

    def stop(self) -> None:
        """End what still runs."""
        for process in self._processes:
            process.signal(signal.SIGKILL)
            process.stop(1)
