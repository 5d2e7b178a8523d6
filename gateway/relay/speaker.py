"""A speaker's leg: the browser of an officer who speaks to the parties, and is sent nothing."""

import secrets
from collections.abc import Callable

from parloir.relay.association import Association
from parloir.relay.bodies import SpeakerSide
from parloir.relay.commands import Refused
from parloir.relay.entries import RawAddress, Verb
from parloir.relay.switch import Switch
from parloir.rtp.description import Kind
from parloir.webrtc.dtls import Certificate


class SpeakerLeg:
    """One speaker's browser. `up` is called when it can speak, `down` with the reason when it failed."""

    def __init__(
        self,
        name: str,
        switch: Switch,
        fd: int,
        certificate: Certificate,
        up: Callable[[], None],
        down: Callable[[str], None],
    ) -> None:
        self.name = name
        self.cname = secrets.token_hex(8)
        self.ssrcs: dict[Kind, int] = {}
        self.side: SpeakerSide | None = None
        self.source = 0
        self.route = 0
        self._switch = switch
        self._association = Association(switch, fd, certificate, up, down)
        self.peer = self._association.peer

    @property
    def placed(self) -> bool:
        """Whether the browser's address is known."""
        return self._association.placed

    @property
    def secured(self) -> bool:
        """Whether the browser's keys are there."""
        return self._association.secured

    def set(self, side: SpeakerSide) -> None:
        """Let what it says be copied, and begin the handshake. Raises Refused the second time."""
        if self.side is not None:
            raise Refused("a speaker is set once")
        self.side = side
        table = self._switch.table
        self.source = table.add_source(side.clock)
        self.route = table.add_route(self.peer, side.payload_type, self.source)
        table.swap_route(self.route, Verb.COPY)
        self._association.start(side.fingerprints)

    def move(self, address: RawAddress) -> None:
        """ICE says that the browser is at this address now."""
        self._association.move(address)

    def handshake(self, datagram: bytes) -> None:
        """Take a DTLS datagram of this browser's."""
        self._association.handshake(datagram)

    def close(self) -> None:
        """Say goodbye and forget everything."""
        self._association.close()
        if self.source:
            self._switch.table.remove_source(self.source)
