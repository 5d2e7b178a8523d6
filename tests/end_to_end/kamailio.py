"""Kamailio as a facility's PBX: phones and the gateway register at it, and it passes calls between them."""

from pathlib import Path

from .ports import free_ports
from .process import Process
from .programs import program

CONFIG = Path(__file__).with_name("kamailio.cfg")


class Kamailio:
    """One kamailio with the configuration beside this file, on UDP and TCP. It forgets all when it is stopped."""

    password = "swordfish-of-the-pbx"

    def __init__(self, home: Path, port: int = 0) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.port = port or free_ports(2)
        command = [program("kamailio"), "-f", str(CONFIG), "-DD", "-E", "-n", "2", "-m", "64", "-M", "8"]
        command += [
            "-l",
            f"udp:127.0.0.1:{self.port}",
            "-l",
            f"tcp:127.0.0.1:{self.port}",
            "-Y",
            str(home),
            "-w",
            str(home),
        ]
        self.process = Process(command, home / "kamailio.log", cwd=home)
        self.process.wait_for_line(r"SO_RCVBUF is finally")

    @property
    def address(self) -> str:
        """Where it takes calls, for the configuration's trunk."""
        return f"sip:127.0.0.1:{self.port}"

    def stop(self) -> None:
        """End it."""
        self.process.stop(5)
