"""Networks of a test's own: hosts that are network namespaces, the wires between them, and all that crosses a wire."""

import ctypes
import os
import select
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .programs import program

CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
_libc = ctypes.CDLL(None, use_errno=True)


class MayNot(Exception):
    """Only root may make networks."""


def _checked(status: int) -> None:
    if status:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _own_namespace() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY)


class Capture:
    """Every frame that arrives at a host's end of a wire, or leaves it."""

    def __init__(self, wire: str) -> None:
        self.frames: list[bytes] = []
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self._socket.bind((wire, 0))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            if select.select([self._socket], [], [], 0.1)[0]:
                self.frames.append(self._socket.recv(65536))

    def stop(self) -> None:
        """Capture no more."""
        self._stop.set()
        self._thread.join(5)
        self._socket.close()


class Host:
    """A network namespace without any way out but the wires laid to it."""

    def __init__(self) -> None:
        self.captures: dict[str, Capture] = {}
        former = _own_namespace()
        try:
            if _libc.unshare(CLONE_NEWNET):
                raise MayNot(os.strerror(ctypes.get_errno()))
            self.handle = _own_namespace()
        finally:
            _checked(_libc.setns(former, CLONE_NEWNET))
            os.close(former)
        self.run("ip", "link", "set", "lo", "up")

    @contextmanager
    def inside(self) -> Iterator[None]:
        """This thread is at that host meanwhile; so are the threads and processes it starts, and stay there."""
        former = _own_namespace()
        _checked(_libc.setns(self.handle, CLONE_NEWNET))
        try:
            yield
        finally:
            _checked(_libc.setns(former, CLONE_NEWNET))
            os.close(former)

    def run(self, command: str, *words: str) -> None:
        """Run a program there."""
        with self.inside():
            subprocess.run([program(command), *words], check=True, capture_output=True)

    def wire(self, own: str, other: "Host", others: str, name: str) -> None:
        """Lay a wire to another host; the addresses with their prefix length, like 10.77.1.1/24."""
        there = Path(f"/proc/{os.getpid()}/fd/{other.handle}")
        self.run("ip", "link", "add", name, "type", "veth", "peer", "name", name, "netns", str(there))
        for host, address in ((self, own), (other, others)):
            host.run("ip", "address", "add", address, "dev", name, *(("nodad",) if ":" in address else ()))
            host.run("ip", "link", "set", name, "up")
        with other.inside():
            other.captures[name] = Capture(name)

    def stop(self) -> None:
        """Take it down, with its wires."""
        for capture in self.captures.values():
            capture.stop()
        os.close(self.handle)
