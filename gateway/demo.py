"""A whole visit on this machine: the gateway, a simulated video phone, and a link to open in a browser."""

import argparse
import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from parloir.config import first
from parloir.config.address import HostPort, host_port
from parloir.errors import ParloirError

FACILITY, STATION, VISITOR, MINUTES = "north", "pod-a-1", "Ann Doe", 60
HOST = "127.0.0.1"
PATIENCE = 30.0
LAST_WORDS = 8.0

CONFIG = """\
gateway:
  data_dir: data
  http: {http}
  public_url: "http://{http}"
  drain: 3
sip:
  listen: ["udp://{host}:{sip}"]
  rtp_address: {host}
  rtp_ports: {rtp}-{rtp_last}
  calls: 4
webrtc: {{listen: "{host}:{webrtc}", public_address: {host}}}
facilities:
  {facility}:
    name: North County Jail (demonstration)
    timezone: America/Chicago
    stations:
      {station}: {{unit: A, address: "sip:1001@{host}:{phone}", trust: address}}
"""


class DemoFailed(ParloirError):
    """A part of the demonstration ended or did not begin; what it said last follows."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `parloir demo`."""
    parser.add_argument(
        "--http",
        default=f"{HOST}:8080",
        metavar="ADDRESS",
        help="where the page is served, HOST:PORT; port 0 takes a free one (default: %(default)s)",
    )


def main(options: argparse.Namespace) -> int:
    """Run the demonstration until interrupted; its data live in a temporary folder. Raises DemoFailed, ConfigError."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    with tempfile.TemporaryDirectory(prefix="parloir-demo-") as folder:
        demo = Demo(Path(folder), _with_port(host_port(options.http)))
        try:
            demo.start()
            print(f"visit: {demo.book()}", flush=True)
            print("Open it in a browser on this machine and press Join. Ctrl-C ends it.", file=sys.stderr, flush=True)
            demo.watch()
        except KeyboardInterrupt:
            return 0
        finally:
            demo.stop()
    return 0


class Demo:
    """The two processes, their configuration and what they print."""

    def __init__(self, folder: Path, http: HostPort) -> None:
        self.folder = folder
        self.http = http
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Write the configuration, start both processes, and wait until the gateway is well."""
        config = self.folder / "parloir.yaml"
        token = first.write(config)
        phone, rtp = _free(socket.SOCK_DGRAM), _free_range(64)
        config.write_text(
            CONFIG.format(
                http=self.http,
                host=HOST,
                sip=_free(socket.SOCK_DGRAM),
                webrtc=_free(socket.SOCK_DGRAM),
                phone=phone,
                rtp=rtp,
                rtp_last=rtp + 63,
                facility=FACILITY,
                station=STATION,
            )
        )
        self.token = token.read_text().strip()
        self._run("phone", "phone", "--listen", f"{HOST}:{phone}", "--user", "1001", "--answer-after", "2")
        self._run("gateway", "run", str(config))
        self._wait(self._well)

    def _run(self, name: str, *words: str) -> None:
        with (self.folder / f"{name}.log").open("wb") as output:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "parloir.cli", *words],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _wait(self, well: Callable[[], bool]) -> None:
        print("starting the gateway and a phone ...", file=sys.stderr, flush=True)
        until = time.monotonic() + PATIENCE
        while not well():
            self._check()
            if time.monotonic() > until:
                raise DemoFailed(f"the gateway was not ready after {PATIENCE:.0f} s\n{self._last('gateway')}")
            time.sleep(0.1)

    def _well(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.http}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _check(self) -> None:
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise DemoFailed(f"the {name} ended by itself\n{self._last(name)}")

    def _last(self, name: str) -> str:
        return "\n".join((self.folder / f"{name}.log").read_text(errors="replace").splitlines()[-12:])

    def book(self) -> str:
        """Book a visit that begins now; its link."""
        body = {"facility": FACILITY, "station": STATION, "visitor": VISITOR, "start": "now", "minutes": MINUTES}
        request = urllib.request.Request(
            f"http://{self.http}/api/v1/visits",
            data=json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return str(json.load(answer)["link"])
        except urllib.error.HTTPError as error:
            raise DemoFailed(f"the visit was not booked: {error.read().decode(errors='replace')}") from None

    def watch(self) -> None:
        """Return only by an exception: an interruption, or a process that ended."""
        while True:
            time.sleep(0.5)
            self._check()

    def stop(self) -> None:
        """End both processes, the gateway gently first."""
        for process in self.processes.values():
            if process.poll() is None:
                process.terminate()
        for process in self.processes.values():
            try:
                process.wait(LAST_WORDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _with_port(where: HostPort) -> HostPort:
    return where if where.port else HostPort(where.host, _free(socket.SOCK_STREAM))


def _free(kind: int) -> int:
    """A port that is free now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _free_range(count: int) -> int:
    """The first, even, of `count` UDP ports in a row that are free now."""
    for first_port in range(21_000, 31_000, count):
        probes = []
        try:
            for port in range(first_port, first_port + count):
                probes.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                probes[-1].bind((HOST, port))
            return first_port
        except OSError:
            continue
        finally:
            for probe in probes:
                probe.close()
    raise DemoFailed("no range of free UDP ports for media was found")
