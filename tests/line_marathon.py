"""Many short answered calls through one line, in a process of its own. `python -m tests.line_marathon CALLS`

The far end answers every INVITE; exits with 1 when a call is not answered, or does not end.
"""

import socket
import sys
import time

from parloir.sip import dummy
from parloir.sip.line import Line

PATIENCE = 5.0
TALK = 5
"""For how many polls a call stays up."""
KEPT = ("via:", "from:", "call-id:", "cseq:")


class FarEnd:
    """A phone that answers everything with 200."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.port = self._socket.getsockname()[1]
        self.acknowledged = 0

    def pump(self) -> None:
        while True:
            try:
                data, source = self._socket.recvfrom(65536)
            except BlockingIOError:
                return
            text = data.decode()
            method = text.split(" ", 1)[0]
            self.acknowledged += method == "ACK"
            if method in ("INVITE", "BYE"):
                self._socket.sendto(self._answer(text, dummy.SDP if method == "INVITE" else ""), source)

    def _answer(self, request: str, body: str) -> bytes:
        lines = request.split("\r\n")
        kept = [line for line in lines if line.lower().startswith(KEPT)]
        to = next(line for line in lines if line.lower().startswith("to:"))
        kept.append(to if "tag=" in to else f"{to};tag=far")
        kind = ["Content-Type: application/sdp"] if body else []
        head = ["SIP/2.0 200 OK", *kept, f"Contact: <sip:far@127.0.0.1:{self.port}>", *kind]
        return "\r\n".join([*head, f"Content-Length: {len(body)}", "", body]).encode()


def main(calls: int) -> int:
    """Make the calls one after another."""
    far, ended = FarEnd(), list[str]()
    line = Line(lambda session, status: ended.append(session))
    line.start(far.port, 4, "marathon")
    for number in range(calls):
        line.place(f"call{number}", number % 4, f"sip:far@127.0.0.1:{far.port}")
        give_up, up, hung_up = time.monotonic() + PATIENCE, 0, False
        while len(ended) <= number:
            line.poll(1)
            far.pump()
            up += far.acknowledged > number
            if up == TALK:
                line.hang_up(f"call{number}")
                hung_up = True
            if time.monotonic() > give_up:
                print(f"call {number} did not end", file=sys.stderr)
                return 1
        if not hung_up:
            print(f"call {number} was not answered, or ended by itself", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
