"""One kind of media's way in from a phone: two sockets, who is named at them, and the keys that are spoken there."""

from parloir.relay.bodies import PhoneStream, Secrets
from parloir.relay.commands import Refused
from parloir.relay.entries import Drop
from parloir.relay.errors import BadKey
from parloir.relay.ports import Ports, bind_pair
from parloir.relay.switch import Switch
from parloir.rtp.description import Address

NOWHERE = ("0.0.0.0", "::")
"""The address by which old phones ask to be sent nothing (RFC 3264 section 8.4)."""


class Door:
    """An RTP socket and its RTCP neighbour, bound when it is made; raises NoPorts.

    `rtp` and `rtcp` are the switch's numbers of the peers at them, `named` the stream they were last opened to.
    """

    def __init__(self, switch: Switch, ports: Ports, host: str, now: float) -> None:
        self._switch = switch
        self._ports = ports
        self._host = host
        self.port, *self._sockets = bind_pair(ports, host, now)
        for fd, control in zip(self._sockets, (False, True), strict=True):
            switch.add_socket(fd, control=control)
        self.rtp, self.rtcp = (switch.add_peer(fd) for fd in self._sockets)
        self.named: PhoneStream | None = None
        self._receive = self._send = 0

    def open_to(self, wanted: PhoneStream) -> bool:
        """Hear this stream, and nobody else; whether its address is news. Raises Refused."""
        before = self.named
        self._secure(before.secrets if before else None, wanted.secrets)
        moved = before is None or _place(before) != _place(wanted)
        if moved and wanted.remote.host not in NOWHERE:
            self._name(wanted)
        self.named = wanted
        return moved

    def dropped(self) -> dict[Drop, int]:
        """What came here and went no further, by reason."""
        total: dict[Drop, int] = {}
        for peer in (self.rtp, self.rtcp):
            for why, count in self._switch.table.dropped(peer).items():
                total[why] = total.get(why, 0) + count
        return total

    def close(self, now: float) -> None:
        """Forget the keys and close the sockets; their ports rest."""
        self._forget(self._receive, self._send)
        for fd in self._sockets:
            self._switch.remove_socket(fd)
        self._ports.give_back(self.port, now)

    def _name(self, wanted: PhoneStream) -> None:
        control = wanted.rtcp or Address(wanted.remote.host, wanted.remote.port + 1)
        latch = frozenset(self._raw(Address(host, 0))[0] for host in wanted.latch)
        try:
            self._switch.move_peer(self.rtp, self._raw(wanted.remote), latch)
            self._switch.move_peer(self.rtcp, self._raw(control), latch)
        except (OSError, OverflowError) as error:
            raise Refused(f"the phone's {wanted.kind} address {wanted.remote.host}: {error}") from error

    def _raw(self, address: Address) -> tuple[str, int] | tuple[str, int, int, int]:
        """The address as a socket of our family spells it."""
        if ":" not in self._host:
            return address.host, address.port
        return address.host if ":" in address.host else f"::ffff:{address.host}", address.port, 0, 0

    def _secure(self, before: Secrets | None, wanted: Secrets | None) -> None:
        """Encrypt as was agreed. A direction whose key stays keeps its context, so that no number is used again."""
        receive, send = self._receive, self._send
        if wanted is None:
            self._receive = self._send = 0
        else:
            try:
                if before is None or heard_under(before) != heard_under(wanted):
                    self._receive = self._switch.add_context(
                        wanted.profile, wanted.receive, b"", "receive", wanted.identifier
                    )
                if before is None or (before.profile, before.send) != (wanted.profile, wanted.send):
                    self._send = self._switch.add_context(wanted.profile, wanted.send, b"", "send")
            except BadKey as error:
                raise Refused(f"the phone's key: {error}") from error
        for peer in (self.rtp, self.rtcp):
            self._switch.secure_peer(peer, self._receive, self._send)
        self._forget(*({receive, send} - {self._receive, self._send}))

    def _forget(self, *contexts: int) -> None:
        for context in contexts:
            self._switch.remove_context(context)


def heard_under(secrets: Secrets) -> tuple[object, ...]:
    """What makes the key that the phone encrypts with."""
    return secrets.profile, secrets.receive, secrets.identifier


def _place(stream: PhoneStream) -> tuple[object, ...]:
    return stream.remote, stream.rtcp, stream.latch
