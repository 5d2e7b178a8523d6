"""What is between a relay and one browser whatever it came for: an address found by ICE, and the keys of its DTLS."""

from collections.abc import Callable

from parloir.relay.entries import RawAddress
from parloir.relay.errors import BadKey
from parloir.relay.switch import Switch
from parloir.webrtc.dtls import Certificate, DtlsSession, Keys


class Association:
    """One browser on the shared socket `fd`. `up` is called when its keys are there, `down` with why there are none."""

    def __init__(
        self, switch: Switch, fd: int, certificate: Certificate, up: Callable[[], None], down: Callable[[str], None]
    ) -> None:
        self.switch = switch
        self.peer = switch.add_peer(fd)
        self.secured = False
        self._fd = fd
        self._address: RawAddress | None = None
        self._contexts: tuple[int, ...] = ()
        self._report_up = up
        self._report_down = down
        self._dtls = DtlsSession(certificate, self._send, self._up, self._down)

    @property
    def placed(self) -> bool:
        """Whether the browser's address is known."""
        return self._address is not None

    def start(self, fingerprints: tuple[tuple[str, str], ...]) -> None:
        """Begin the handshake with the browser that has these fingerprints."""
        self._dtls.start(fingerprints)

    def move(self, address: RawAddress) -> None:
        """ICE says that the browser is at this address now."""
        self._address = address
        self.switch.move_peer(self.peer, address)

    def handshake(self, datagram: bytes) -> None:
        """Take a DTLS datagram of this browser's."""
        self._dtls.receive(datagram)

    def close(self) -> None:
        """Say goodbye; forget the address, the streams toward the browser, and the keys."""
        self._dtls.stop()
        self.switch.remove_peer(self.peer)
        for context in self._contexts:
            self.switch.remove_context(context)
        self._contexts = ()

    def _send(self, datagram: bytes) -> None:
        if self._address is not None:
            self.switch.send_datagram(self._fd, self._address, datagram)

    def _up(self, keys: Keys) -> None:
        try:
            receive = self.switch.add_context(keys.profile, keys.receive_key, keys.receive_salt, "receive")
            send = self.switch.add_context(keys.profile, keys.send_key, keys.send_salt, "send")
        except BadKey as error:
            self._down(str(error))
            return
        self._contexts = (receive, send)
        self.switch.table.set_contexts(self.peer, receive, send)
        self.secured = True
        self._report_up()

    def _down(self, why: str) -> None:
        self.secured = False
        self._report_down(why)
