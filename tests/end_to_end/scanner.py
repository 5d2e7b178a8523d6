"""A host that looks for phones to abuse: what such programs send, as fast as wanted, and whatever comes back."""

import itertools
import socket
import threading
import time

METHODS = ("OPTIONS", "REGISTER", "INVITE", "SUBSCRIBE", "BYE")
AGENTS = ("friendly-scanner", "sipvicious", "Phone/1", "Cisco-SIPGateway/IOS-12.x")
BATCH = 20


class Scanner:
    """Sends `rate` messages a second from all of `hosts` together, until it is stopped; `answers` is what it heard.

    `users` are what it takes for users of ours.
    """

    def __init__(self, target: tuple[str, int], rate: float, hosts: tuple[str, ...], users: tuple[str, ...]) -> None:
        self.sent = 0
        self.answers: list[bytes] = []
        self._target = target
        self._rate = rate
        self._users = itertools.cycle(users)
        self._sockets = [_bound(host) for host in hosts]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        ways = itertools.product(METHODS, AGENTS)
        messages = itertools.cycle(list(ways))
        sockets = itertools.cycle(self._sockets)
        begun = time.monotonic()
        while not self._stop.is_set():
            for _ in range(BATCH):
                method, agent = next(messages)
                one = next(sockets)
                one.sendto(self._message(one, method, agent), self._target)
                self.sent += 1
            self._listen()
            ahead = self.sent / self._rate - (time.monotonic() - begun)
            if ahead > 0:
                self._stop.wait(ahead)

    def _message(self, one: socket.socket, method: str, agent: str) -> bytes:
        host, port = one.getsockname()
        user = next(self._users)
        return (
            f"{method} sip:{user}@{self._target[0]} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{self.sent:x};rport\r\n"
            f"From: <sip:{user}@{host}>;tag={self.sent:x}\r\nTo: <sip:{user}@{self._target[0]}>\r\n"
            f"Call-ID: scan-{self.sent}\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\n"
            f"Contact: <sip:{user}@{host}:{port}>\r\nUser-Agent: {agent}\r\nContent-Length: 0\r\n\r\n"
        ).encode()

    def _listen(self) -> None:
        for one in self._sockets:
            try:
                while True:
                    self.answers.append(one.recv(65536))
            except BlockingIOError:
                continue

    def stop(self) -> None:
        """Be quiet, and hear what may still come; harmless when it has been done."""
        if self._stop.is_set():
            return
        self._stop.set()
        self._thread.join(5)
        time.sleep(0.3)
        self._listen()
        for one in self._sockets:
            one.close()


def _bound(host: str) -> socket.socket:
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind((host, 0))
    one.setblocking(False)
    return one
