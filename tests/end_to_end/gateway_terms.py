"""What a gateway of the tests is configured with: a few terms in, a configuration as in parloir.yaml out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .coturn import Coturn
from .ports import literal

Stations = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Ports:
    """Where a gateway listens on loopback. SIP by TLS is on the port after `sip`, each further relay after `webrtc`."""

    sip: int
    http: int
    webrtc: int
    rtp: range


@dataclass(frozen=True)
class Terms:
    """How a gateway differs from the plain one. Seconds for all times.

    `logins` are stations that register, by name (which is their user) and password; `behind` are those behind the
    `trunks`; `sip` and `facility` are further keys of those parts, `defaults` and `kinds` say more of the stations.
    `transports` are those of SIP. With `records` it has keys for recordings.
    """

    calls: int = 8
    calls_per_line: int = 4
    relays: int = 1
    rejoin_window: float = 60
    drain: float = 30
    plugin_deadline: float = 5
    ring_timeout: float = 45
    port_rest: float = 5
    rtp_ports: int = 160
    turn: Coturn | None = None
    relay_only: bool = False
    host: str = "127.0.0.1"
    transports: Sequence[str] = ("udp",)
    plugins: Mapping[str, Any] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    logins: Mapping[str, str] = field(default_factory=dict)
    trunks: Mapping[str, Any] = field(default_factory=dict)
    behind: Stations = field(default_factory=dict)
    sip: Mapping[str, Any] = field(default_factory=dict)
    records: bool = False
    facility: Mapping[str, Any] = field(default_factory=dict)

    def config(self, home: Path, ports: Ports, stations: Mapping[str, str]) -> dict[str, Any]:
        """The whole configuration, with a station for each name and SIP address in `stations`."""
        config: dict[str, Any] = {
            "gateway": {
                "data_dir": "./data",
                "http": f"127.0.0.1:{ports.http}",
                "public_url": f"http://127.0.0.1:{ports.http}",
                "rejoin_window": self.rejoin_window,
                "drain": self.drain,
                "plugin_deadline": self.plugin_deadline,
            },
            "sip": self._sip(home, ports),
            "webrtc": self._webrtc(ports),
            "facilities": {"north": self.north(stations)},
        }
        if self.records:
            config["recording"] = {"key_file": str(home / "recordings.keys")}
            config["facilities"]["north"].setdefault("recording", {"on_failure": "go_on"})
        return config

    def north(self, stations: Mapping[str, str]) -> dict[str, Any]:
        """The facility."""
        placed = {
            name: {"unit": "A", "address": address, "trust": "address", "kind": self.kinds.get(name, "video")}
            for name, address in stations.items()
        }
        registered = {
            name: {"unit": "A", "login": {"user": name, "password": password, "algorithms": ["md5"]}}
            for name, password in self.logins.items()
        }
        behind = {name: {"unit": "A", **way} for name, way in self.behind.items()}
        return {
            "name": "North County Jail",
            "timezone": "America/Chicago",
            "station_defaults": dict(self.defaults),
            "stations": placed | registered | behind,
            "trunks": dict(self.trunks),
            "plugins": dict(self.plugins),
            **self.facility,
        }

    def secrets(self) -> set[str]:
        """What its log must never hold."""
        return set(self.logins.values()) | ({self.turn.secret} if self.turn is not None else set())

    def _sip(self, home: Path, ports: Ports) -> dict[str, Any]:
        port = {name: ports.sip + (name == "tls") for name in self.transports}
        sip: dict[str, Any] = {
            "listen": [f"{name}://{literal(self.host)}:{port[name]}" for name in self.transports],
            "rtp_address": self.host,
            "rtp_ports": f"{ports.rtp[0]}-{ports.rtp[-1]}",
            "calls": self.calls,
            "calls_per_line": self.calls_per_line,
            "ring_timeout": self.ring_timeout,
            "port_rest": self.port_rest,
        }
        if "tls" in self.transports:
            sip["tls"] = {"certificate": str(home / "cert.pem"), "key": str(home / "key.pem")}
        return sip | dict(self.sip)

    def _webrtc(self, ports: Ports) -> dict[str, Any]:
        webrtc: dict[str, Any] = {
            "listen": f"127.0.0.1:{ports.webrtc}",
            "public_address": "127.0.0.1",
            "relays": self.relays,
        }
        if self.turn is not None:
            webrtc |= {"turn": {"urls": [self.turn.url], "secret": self.turn.secret}, "relay_only": self.relay_only}
        return webrtc
