"""The whole gateway as a process of its own, as `parloir run` starts it, and its HTTP API."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import yaml

from parloir.store import vault
from tests.certificates import write_certificate

from .coturn import Coturn
from .ports import free_ports, literal
from .process import Process, children

T = TypeVar("T")
RTP_PORTS = 160
LEAKS = re.compile(r"ice-pwd|a=crypto|inline:|Bearer |visit=[\w-]{20}|/visit/[\w-]{20}")

FAULTS = re.compile(r'"event": "(fault|store.failed)"|Traceback')


class ApiError(Exception):
    """The API refused; `status` is HTTP's."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status


class Gateway:
    """A running gateway with stations named in `stations` (a SIP address each). Seconds for all times.

    `logins` are stations that register, by name (which is their user) and password; `behind` are those behind the
    `trunks`; `sip` and `facility` are further keys of those parts. `transports` are those of SIP, tls on the next port.
    With `records` it has keys for recordings. It keeps its ports when it is started again in the same home.
    """

    def __init__(
        self,
        home: Path,
        stations: Mapping[str, str],
        *,
        calls: int = 8,
        calls_per_line: int = 4,
        relays: int = 1,
        rejoin_window: float = 60,
        drain: float = 30,
        plugin_deadline: float = 5,
        ring_timeout: float = 45,
        port_rest: float = 5,
        rtp_ports: int = RTP_PORTS,
        kinds: Mapping[str, str] | None = None,
        turn: Coturn | None = None,
        relay_only: bool = False,
        host: str = "127.0.0.1",
        transports: Sequence[str] = ("udp",),
        plugins: Mapping[str, Any] | None = None,
        defaults: Mapping[str, Any] | None = None,
        logins: Mapping[str, str] | None = None,
        trunks: Mapping[str, Any] | None = None,
        behind: Mapping[str, Mapping[str, str]] | None = None,
        sip: Mapping[str, Any] | None = None,
        records: bool = False,
        facility: Mapping[str, Any] | None = None,
    ) -> None:
        self.home = home
        self.sip_port = free_ports(2)
        self.http_port = free_ports(2)
        self.webrtc_port = free_ports(max(2, relays))
        self.token = "token-of-the-tests-0123456789abcdef"
        self._secrets = {self.token}
        first = free_ports(rtp_ports)
        self.rtp_ports = range(first, first + rtp_ports)
        webrtc: dict[str, Any] = {"listen": f"127.0.0.1:{self.webrtc_port}", "public_address": "127.0.0.1"}
        webrtc["relays"] = relays
        if turn is not None:
            webrtc |= {"turn": {"urls": [turn.url], "secret": turn.secret}, "relay_only": relay_only}
            self._secrets.add(turn.secret)
        self.config: dict[str, Any] = {
            "gateway": {
                "data_dir": "./data",
                "http": f"127.0.0.1:{self.http_port}",
                "public_url": self.url,
                "rejoin_window": rejoin_window,
                "drain": drain,
                "plugin_deadline": plugin_deadline,
            },
            "sip": {
                "listen": [f"{name}://{literal(host)}:{self.port_of(name)}" for name in transports],
                "rtp_address": host,
                "rtp_ports": f"{first}-{first + rtp_ports - 1}",
                "calls": calls,
                "calls_per_line": calls_per_line,
                "ring_timeout": ring_timeout,
                "port_rest": port_rest,
            },
            "webrtc": webrtc,
            "facilities": {
                "north": {
                    "name": "North County Jail",
                    "timezone": "America/Chicago",
                    "station_defaults": dict(defaults or {}),
                    "stations": {
                        name: {
                            "unit": "A",
                            "address": address,
                            "trust": "address",
                            "kind": (kinds or {}).get(name, "video"),
                        }
                        for name, address in stations.items()
                    }
                    | {
                        name: {"unit": "A", "login": {"user": name, "password": password, "algorithms": ["md5"]}}
                        for name, password in (logins or {}).items()
                    }
                    | {name: {"unit": "A", **way} for name, way in (behind or {}).items()},
                    "trunks": dict(trunks or {}),
                    "plugins": dict(plugins or {}),
                }
            },
        }
        if "tls" in transports:
            self.home.mkdir(parents=True, exist_ok=True)
            certificate, key = write_certificate(self.home)
            self.config["sip"]["tls"] = {"certificate": str(certificate), "key": str(key)}
        self.config["sip"] |= dict(sip or {})
        self.config["facilities"]["north"] |= dict(facility or {})
        if records:
            self.home.mkdir(parents=True, exist_ok=True)
            self.config["recording"] = {"key_file": str(self.home / "recordings.keys")}
            vault.create(self.home / "recordings.keys", "first")
        self._secrets |= set((logins or {}).values())
        self.process = self._start()

    def port_of(self, transport: str) -> int:
        """Where it takes SIP by that transport."""
        return self.sip_port + (transport == "tls")

    def dialled(self, number: str, transport: str, host: str = "127.0.0.1") -> str:
        """The address that a phone dials for a number by that transport."""
        return f"sip:{number}@{literal(host)}:{self.port_of(transport)};transport={transport}"

    @property
    def url(self) -> str:
        """Where its pages are."""
        return f"http://127.0.0.1:{self.http_port}"

    def _start(self) -> Process:
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "data").mkdir(mode=0o700, exist_ok=True)
        token = self.home / "data" / "api.token"
        token.touch(mode=0o600)
        token.write_text(self.token + "\n")
        self.file = self.home / "parloir.yaml"
        self.file.write_text(yaml.safe_dump(self.config, sort_keys=False))
        command = [sys.executable, "-m", "parloir.cli", "run"]
        process = Process([*command, str(self.file)], self.home / "gateway.log", cwd=self.home)
        deadline = time.monotonic() + 60
        while not self._healthy():
            if not process.running or time.monotonic() > deadline:
                process.stop(1)
                raise AssertionError(f"the gateway did not come up:\n{process.tail()}")
            time.sleep(0.05)
        return process

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError as error:
            error.close()
            return False
        except OSError:
            return False

    def healthy_within(self, seconds: float) -> None:
        """Wait until every part works. Raises AssertionError."""
        deadline = time.monotonic() + seconds
        while not self._healthy():
            assert time.monotonic() < deadline, f"not healthy again in {seconds} s:\n{self.process.tail()}"
            time.sleep(0.02)

    # The API.

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """One request with the bearer token; the answer's JSON. Raises ApiError."""
        headers = {"Authorization": f"Bearer {self.token}"}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                text = answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                raise ApiError(error.code, error.read().decode(errors="replace")) from None
        return json.loads(text) if text else None

    def metrics(self) -> str:
        """What /metrics shows."""
        request = urllib.request.Request(f"{self.url}/metrics", headers={"Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return str(answer.read().decode())

    def add_visit(
        self,
        station: str = "pod-a-1",
        *,
        visitor: str = "Ann Doe",
        start: datetime | None = None,
        minutes: int = 10,
        rings: bool = True,
        **more: Any,
    ) -> dict[str, Any]:
        """Book a visit: its id, link and code among others. Raises ApiError where the policies deny it."""
        when = start.astimezone(UTC).isoformat() if start else "now"
        body = {"facility": "north", "station": station, "visitor": visitor, "start": when, "minutes": minutes}
        visit: dict[str, Any] = self.api("POST", "/api/v1/visits", {**body, "rings": rings, **more})
        self._secrets |= {visit["link"].rsplit("/", 1)[-1], visit["code"]}
        return visit

    def cancel(self, visit: Mapping[str, Any]) -> None:
        """Call a visit off, so that its station is free for the next; harmless when it is over."""
        try:
            self.api("DELETE", f"/api/v1/visits/{visit['id']}", {"reason": "next"})
        except ApiError as error:
            if error.status != 409:
                raise

    def calls(self, visit: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """All calls, or those of one visit, the newest first."""
        found: list[dict[str, Any]] = self.api("GET", "/api/v1/calls")["calls"]
        return [call for call in found if visit is None or call["visit"] == visit["id"]]

    def call(self, visit: Mapping[str, Any]) -> dict[str, Any]:
        """The newest call of a visit, with its timeline."""
        newest = self.calls(visit)
        assert newest, f"visit {visit['id']} has no call:\n{self.process.tail()}"
        detail: dict[str, Any] = self.api("GET", f"/api/v1/calls/{newest[0]['id']}")
        return detail

    def timeline(self, visit: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What happened to the visit's newest call, in order."""
        events: list[dict[str, Any]] = self.call(visit)["timeline"]
        return events

    def event(self, visit: Mapping[str, Any], kind: str, timeout: float = 30.0, **data: Any) -> dict[str, Any]:
        """The first such event of the visit's newest call, waited for. Raises TimeoutError."""

        def look() -> dict[str, Any] | None:
            fits = (e for e in self.timeline(visit) if e["kind"] == kind)
            return next((e for e in fits if all(e["data"].get(k) == v for k, v in data.items())), None)

        return self.wait_until(look, f"{kind} {data} on the timeline", timeout)

    def wait_until(self, look: Callable[[], T | None], what: str, timeout: float = 30.0) -> T:
        """Look again and again until there is something. Raises TimeoutError, with the end of the log."""
        deadline = time.monotonic() + timeout
        while True:
            found = look()
            if found is not None:
                return found
            if time.monotonic() > deadline:
                raise TimeoutError(f"no {what} in {timeout} s:\n{self.process.tail()}")
            time.sleep(0.1)

    def end_reason(self, visit: Mapping[str, Any], timeout: float = 30.0) -> str:
        """Why the visit's newest call ended, once it has."""

        def look() -> str | None:
            newest = self.calls(visit)
            return newest[0]["reason"] if newest and newest[0]["ended"] else None

        return self.wait_until(look, f"end of the call of visit {visit['id']}", timeout)

    # Its processes.

    def lines(self) -> list[int]:
        """Process ids of the line processes."""
        return [pid for pid, command in children(self.process.pid).items() if "line_main" in command]

    def relays(self) -> list[int]:
        """Process ids of the relays."""
        return [pid for pid, command in children(self.process.pid).items() if "relay.main" in command]

    def log_events(self, name: str) -> list[dict[str, Any]]:
        """Every line of its log about that event."""
        parsed = (json.loads(line) for line in list(self.process.lines) if line.startswith("{"))
        return [line for line in parsed if line.get("event") == name]

    def configure(
        self,
        stations: Mapping[str, str] | None = None,
        plugins: Mapping[str, Any] | None = None,
        accepted: bool = True,
    ) -> None:
        """Add stations, change the plugins, and have the running gateway read that; wait until it says so."""
        north = self.config["facilities"]["north"]
        for name, address in (stations or {}).items():
            north["stations"][name] = {"unit": "A", "address": address, "trust": "address"}
        if plugins is not None:
            north["plugins"] = dict(plugins)
        self.file.write_text(yaml.safe_dump(self.config, sort_keys=False))
        said = "reloaded" if accepted else "reload.refused"
        before = len(self.log_events(said))
        self.signal(signal.SIGHUP)
        self.wait_until(lambda: len(self.log_events(said)) > before or None, said)

    def signal(self, number: signal.Signals) -> None:
        """Send the gateway a signal."""
        self.process.signal(number)

    def kill(self) -> None:
        """End it as a power cut would, with all its children."""
        for pid in (self.process.pid, *children(self.process.pid)):
            os.kill(pid, signal.SIGKILL)
        self.process.wait(5)

    def start_again(self) -> None:
        """Start it with the same configuration and data."""
        self.process = self._start()

    def stop(self) -> None:
        """End it, and hold it to what must be true of every run: no secret and no fault in its log."""
        self.signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(0.5)
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.stop(1)
            raise AssertionError(f"the gateway does not end:\n{self.process.tail()}") from None
        self.check_log()

    def check_log(self) -> None:
        """No line of the log holds a secret, and none tells of a fault."""
        words = re.compile("|".join(rf"(?<![\w.]){re.escape(secret)}(?![\w.])" for secret in self._secrets))
        for line in self.process.lines:
            assert not LEAKS.search(line), f"a secret in the log: {line}"
            assert not words.search(line), f"a secret in the log: {line}"
        faults = [line for line in self.process.lines if FAULTS.search(line)]
        assert not faults, "\n".join(faults)


def when(event: Mapping[str, Any]) -> float:
    """The wall time of a timeline's event, in seconds since 1970."""
    return datetime.fromisoformat(event["wall"]).timestamp()
