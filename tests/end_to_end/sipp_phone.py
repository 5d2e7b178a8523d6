"""One sipp that is a phone and dials: it does what its scenario says, and finds fault with what it hears."""

import signal
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
        command += ["-nostdin", "-trace_err", "-error_file", str(self._home / f"{name}.errors"), "-fd", "1", *options]
        process = Process(command, self._home / f"{name}.log", cwd=self._home)
        self._processes.append(process)
        return process

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
