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
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import yaml

from parloir.store import vault
from tests.certificates import write_certificate

from .gateway_terms import Ports, Terms
from .ports import free_ports, keep, let_go, literal
from .process import Process, children

T = TypeVar("T")
PLAIN = Terms()
PATIENCE = 5.0
IDLE = re.compile(r"^parloir_calls_live 0(\.0)?$", re.MULTILINE)
LEAKS = re.compile(r"ice-pwd|a=crypto|inline:|Bearer |visit=[\w-]{20}|/visit/[\w-]{20}")

FAULTS = re.compile(r'"event": "(fault|store.failed)"|Traceback')


class ApiError(Exception):
    """The API refused; `status` is HTTP's."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status


class Gateway:
    """A running gateway with stations named in `stations` (a SIP address each), otherwise on these `terms`.

    It keeps its ports when it is started again in the same home.
    """

    def __init__(self, home: Path, stations: Mapping[str, str], terms: Terms = PLAIN) -> None:
        self.home = home
        self.terms = terms
        first = free_ports(terms.rtp_ports)
        self.rtp_ports = keep(range(first, first + terms.rtp_ports))
        self._ports = Ports(free_ports(2), free_ports(2), free_ports(max(2, terms.relays)), self.rtp_ports)
        self.sip_port, self.webrtc_port = self._ports.sip, self._ports.webrtc
        self.token = "token-of-the-tests-0123456789abcdef"
        self._secrets = {self.token} | terms.secrets()
        self._visits: list[str] = []
        self.config = terms.config(home, self._ports, stations)
        self.file = home / "parloir.yaml"
        (home / "data").mkdir(parents=True, mode=0o700)
        if "tls" in terms.transports:
            write_certificate(home)
        if terms.records:
            vault.create(home / "recordings.keys", "first")
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
        return f"http://127.0.0.1:{self._ports.http}"

    def _start(self) -> Process:
        token = self.home / "data" / "api.token"
        token.touch(mode=0o600)
        token.write_text(self.token + "\n")
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
        self._visits.append(visit["id"])
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

    def logged(self, name: str, count: int = 1) -> list[dict[str, Any]]:
        """Every line of its log about that event, once there are so many: what it sends may overtake its log. Raises
        TimeoutError."""

        def look() -> list[dict[str, Any]] | None:
            found = self.log_events(name)
            return found if len(found) >= count else None

        return self.wait_until(look, f"{count} of {name} in the log", 40.0)

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
        self._reload(accepted)

    def _reload(self, accepted: bool = True) -> None:
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

    # One test after another.

    def occupy(self, stations: Mapping[str, str], terms: Terms) -> None:
        """Take other stations, for a test whose terms differ in nothing that needs another gateway."""
        self.config["facilities"]["north"] = terms.north(stations)
        self._reload()

    def vacate(self) -> bool:
        """End what a test has left, and forget what was logged; whether it may serve another. Raises AssertionError
        for a secret or a fault in the log."""
        if not self.process.running:
            return False
        for visit in self._visits:
            self.cancel({"id": visit})
        self._visits.clear()
        deadline = time.monotonic() + PATIENCE
        while not (IDLE.search(self.metrics()) and self._healthy()):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        self.check_log()
        self.process.forget()
        return True

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
        let_go(self.rtp_ports)
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
