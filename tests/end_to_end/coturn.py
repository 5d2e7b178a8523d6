"""A TURN server on the loopback interface, with credentials made from a shared secret."""

from pathlib import Path

from .ports import free_ports
from .process import Process
from .programs import program

RELAY_PORTS = 40


class Coturn:
    """One turnserver. `url` and `secret` go into the gateway's configuration."""

    def __init__(self, home: Path, secret: str = "turn-of-the-tests") -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.secret = secret
        self.port = free_ports(2)
        first = free_ports(RELAY_PORTS)
        self.relay_ports = range(first, first + RELAY_PORTS)
        self.process = Process(
            [
                program("turnserver"),
                "-n",
                "--listening-ip=127.0.0.1",
                f"--listening-port={self.port}",
                "--relay-ip=127.0.0.1",
                f"--min-port={first}",
                f"--max-port={first + RELAY_PORTS - 1}",
                "--use-auth-secret",
                f"--static-auth-secret={secret}",
                "--realm=parloir.test",
                "--allow-loopback-peers",
                "--no-tls",
                "--no-dtls",
                "--no-cli",
                "--fingerprint",
                "--verbose",
                f"--pidfile={home / 'turnserver.pid'}",
                f"--userdb={home / 'turn.db'}",
                "--log-file=stdout",
                "--simple-log",
            ],
            home / "turnserver.log",
        )
        self.process.wait_for_line("Total auth threads|relay addresses initialization done|IPv4. UDP listener opened")

    @property
    def url(self) -> str:
        return f"turn:127.0.0.1:{self.port}?transport=udp"

    def stop(self) -> None:
        """End it."""
        self.process.stop(3)
