"""The switch: carries out the forwarding table, packet by packet, over one private epoll.

All policy is above it: those above fill the table, read the punt queue and the counters, and never touch a packet.
A native core can take its place, for the table holds nothing but data.
"""

import ctypes
import select
import socket
import struct
import time
from collections.abc import Callable

from parloir.relay.entries import Drop, Peer, Punt, PuntKind, RawAddress
from parloir.relay.forwarder import Forwarder
from parloir.relay.srtp import Direction, Workbench
from parloir.relay.table import Table

ROUNDS = 4
"""How often one wake-up asks the epoll again before the reactor goes on."""
READS = 64
"""How many packets one round takes from a socket that browsers share, or as many as other sockets had any."""

_BARE = 12
_STUN_LAST, _DTLS_FIRST, _DTLS_LAST, _RTP_FIRST, _RTP_LAST = 3, 20, 63, 128, 191
_RTCP_FIRST, _RTCP_LAST = 192, 223
_NOBODY = struct.pack("H14x", socket.AF_UNSPEC)
_libc = ctypes.CDLL(None, use_errno=True)


class Switch:
    """Executes a table; `clock` gives monotonic nanoseconds."""

    def __init__(self, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self.table = Table()
        self.dropped: dict[Drop, int] = {}
        self._clock = clock
        self._bench = Workbench()
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._forwarder = Forwarder(self._bench, self._sockets)
        self._shared: dict[int, dict[RawAddress, Peer]] = {}
        self._named: dict[int, Peer] = {}
        self._learning: dict[int, tuple[Peer, frozenset[str]]] = {}
        self._control: set[int] = set()

    def fileno(self) -> int:
        """What becomes readable when a packet has arrived on any socket."""
        return self._epoll.fileno()

    def add_socket(self, fd: int, shared: bool = False, control: bool = False) -> None:
        """Take a bound UDP socket over.

        A shared one serves many secure peers; any other serves one peer, once it is named. `control`: it carries
        RTCP alone.
        """
        taken = socket.socket(fileno=fd)
        taken.setblocking(False)
        self._sockets[fd] = taken
        if shared:
            self._shared[fd] = {}
        if control:
            self._control.add(fd)
        self._epoll.register(fd, select.EPOLLIN)

    def remove_socket(self, fd: int) -> None:
        """Close a socket and forget its peers."""
        for peer in [peer for peer in self.table.peers.values() if peer.fd == fd]:
            self.remove_peer(peer.id)
        self._epoll.unregister(fd)
        self._sockets.pop(fd).close()
        self._shared.pop(fd, None)
        self._control.discard(fd)

    def add_peer(self, fd: int) -> int:
        """Say that someone is at the other end of a socket, as yet at no known address."""
        return self.table.add_peer(fd, secure=fd in self._shared).id

    def secure_peer(self, peer_id: int, receive: int, send: int) -> None:
        """Let a peer speak SRTP alone, under these contexts; with none of them, plain RTP alone."""
        peer = self.table.peers[peer_id]
        peer.secure = bool(receive or send)
        self.table.set_contexts(peer_id, receive, send)

    def move_peer(self, peer_id: int, address: RawAddress, latch: frozenset[str] = frozenset()) -> None:
        """Let a peer be at this address from now on.

        A socket of its own is connected there, and what strangers sent to it before is thrown away. With `latch` it
        may be at any port of these hosts: the first packet from one of them that fits the table, and is genuine
        where the peer is secure, tells which. Until then it is sent to `address`.
        """
        peer = self.table.peers[peer_id]
        self._forget_address(peer)
        if peer.fd in self._shared:
            self._shared[peer.fd][address] = peer
            peer.address = address
        elif latch:
            _disconnect(peer.fd)
            peer.address = address
            self._learning[peer.fd] = peer, latch
        else:
            self._connect(peer, address)

    def remove_peer(self, peer_id: int) -> None:
        """Forget a peer, its address, its routes and the streams toward it; its contexts are left."""
        self._forget_address(self.table.peers[peer_id])
        self.table.remove_peer(peer_id)

    def add_context(self, profile: str, key: bytes, salt: bytes, direction: Direction, identifier: int = 0) -> int:
        """Make an SRTP context; `identifier` is the length of the MKI on what is received. Raises BadKey."""
        return self._bench.add(profile, key, salt, direction, identifier)

    def remove_context(self, context: int) -> None:
        """Forget an SRTP context and its keys."""
        self._bench.remove(context)

    def pump(self) -> int:
        """Carry what has arrived; how many packets were read. More may be left when it returns."""
        count = 0
        for _ in range(ROUNDS):
            events = self._epoll.poll(0)
            if not events:
                break
            now = self._clock()
            for fd, _ in events:
                peer = self._named.get(fd)
                if peer is not None:
                    self._read_named(peer, now)
                    count += 1
                elif fd in self._shared:
                    count += self._read_shared(fd, max(READS, len(events)), now)
                else:
                    self._read_stranger(fd, now)
                    count += 1
        return count

    def take_punts(self) -> list[Punt]:
        """Empty the punt queue."""
        punts = list(self._forwarder.punts)
        self._forwarder.punts.clear()
        return punts

    def inject(self, sink_id: int, epoch: int, packet: bytes) -> bool:
        """Send an RTP packet of our own making, numbered within its epoch; False if a higher epoch has begun."""
        return self._forwarder.inject(self.table.sinks[sink_id], epoch, packet, self._clock())

    def resend(self, sink_id: int, sequence: int) -> bool:
        """Send the very bytes again that went out under that number; False if they are no longer kept."""
        return self._forwarder.resend(self.table.sinks[sink_id], sequence)

    def send_control(self, peer_id: int, packet: bytes) -> bool:
        """Send a compound RTCP packet, encrypted where the peer is secure; whether it went out."""
        peer = self.table.peers[peer_id]
        sealed = self._bench.control(peer.send, packet, "send") if peer.secure else packet
        return sealed is not None and self._forwarder.transmit(peer, sealed)

    def send_datagram(self, fd: int, address: RawAddress, datagram: bytes) -> None:
        """Send STUN or DTLS from a shared socket; a datagram the kernel does not take is lost, as on any wire."""
        try:
            self._sockets[fd].sendto(datagram, address)
        except OSError:
            self._drop(Drop.UNSENT)

    def close(self) -> None:
        """Close every socket."""
        for fd in list(self._sockets):
            self.remove_socket(fd)
        self._epoll.close()

    def _read_named(self, peer: Peer, now: int) -> None:
        """Take one packet from a connected socket."""
        try:
            size = self._sockets[peer.fd].recv_into(self._bench.inbox)
        except OSError:
            return
        if peer.secure:
            self._secure(peer, size, now)
        else:
            self._plain(peer, size, now)

    def _plain(self, peer: Peer, size: int, now: int) -> bool:
        """Deal with an unencrypted packet in the buffer; whether it fits what was agreed with the peer."""
        buffer = self._bench.buffer
        if size < 8 or size > Workbench.LARGEST or not _RTP_FIRST <= buffer[0] <= _RTP_LAST:
            peer.drop(Drop.MALFORMED)
            return False
        if _RTCP_FIRST <= buffer[1] <= _RTCP_LAST:
            self._forwarder.punt(Punt(PuntKind.RTCP, peer.id, now, bytes(buffer[:size])), peer)
            return peer.fd in self._control
        if size < _BARE or peer.fd in self._control:
            peer.drop(Drop.MALFORMED)
            return False
        return self._forwarder.media(peer, size, now)

    def _read_shared(self, fd: int, most: int, now: int) -> int:
        """Take packets from a socket that browsers share, and tell them apart (RFC 7983)."""
        receive = self._sockets[fd].recvfrom_into
        inbox, buffer, peers = self._bench.inbox, self._bench.buffer, self._shared[fd]
        for count in range(most):
            try:
                size, address = receive(inbox)
            except OSError:
                return count
            peer = peers.get(address)
            if size > 0 and _RTP_FIRST <= buffer[0] <= _RTP_LAST:
                if peer is None:
                    self._drop(Drop.UNNAMED)
                else:
                    self._secure(peer, size, now)
            elif size > 0 and (buffer[0] <= _STUN_LAST or _DTLS_FIRST <= buffer[0] <= _DTLS_LAST):
                self._handshake(fd, peer, address, size, now)
            else:
                self._drop(Drop.MALFORMED)
        return most

    def _secure(self, peer: Peer, size: int, now: int) -> bool:
        """Deal with an encrypted packet in the buffer; whether it is genuine and fits what was agreed with the peer."""
        bench = self._bench
        if size < _BARE or size > Workbench.LARGEST or not _RTP_FIRST <= bench.buffer[0] <= _RTP_LAST:
            peer.drop(Drop.MALFORMED)
        elif _RTCP_FIRST <= bench.buffer[1] <= _RTCP_LAST:
            plain = bench.control(peer.receive, bytes(bench.buffer[:size]), "receive")
            if plain is not None:
                self._forwarder.punt(Punt(PuntKind.RTCP, peer.id, now, plain), peer)
                return peer.fd in self._control
            peer.drop(Drop.UNAUTHENTIC)
        elif size := bench.open(peer.receive, size):
            return self._forwarder.media(peer, size, now)
        else:
            peer.drop(Drop.UNAUTHENTIC)
        return False

    def _handshake(self, fd: int, peer: Peer | None, address: RawAddress, size: int, now: int) -> None:
        buffer = self._bench.buffer
        kind = PuntKind.STUN if buffer[0] <= _STUN_LAST else PuntKind.DTLS
        if kind is PuntKind.DTLS and peer is None:
            self._drop(Drop.UNNAMED)
            return
        punt = Punt(kind, peer.id if peer else 0, now, bytes(buffer[:size]), fd, address)
        if peer is not None:
            self._forwarder.punt(punt, peer)
        elif len(self._forwarder.punts) < READS * ROUNDS:
            self._forwarder.punts.append(punt)
        else:
            self._drop(Drop.FLOOD)

    def _read_stranger(self, fd: int, now: int) -> None:
        """Take a packet from a socket whose peer is unnamed, or at a port that is not known yet."""
        try:
            size, address = self._sockets[fd].recvfrom_into(self._bench.inbox)
        except OSError:
            return
        peer, hosts = self._learning.get(fd, (None, frozenset()))
        if peer is None or address[0] not in hosts:
            self._drop(Drop.UNNAMED)
        elif self._secure(peer, size, now) if peer.secure else self._plain(peer, size, now):
            self._forget_address(peer)
            self._connect(peer, address)
            self._forwarder.punt(Punt(PuntKind.LEARNED, peer.id, now, b"", fd, address), peer)

    def _connect(self, peer: Peer, address: RawAddress) -> None:
        """Let the kernel refuse all others; what they had sent is thrown away unseen."""
        connected = self._sockets[peer.fd]
        connected.connect(address)
        peer.address = None
        try:
            for _ in range(READS * ROUNDS):
                connected.recv_into(self._bench.inbox)
                self._drop(Drop.UNNAMED)
        except OSError:
            pass
        self._named[peer.fd] = peer

    def _forget_address(self, peer: Peer) -> None:
        if peer.fd in self._shared:
            peers = self._shared[peer.fd]
            if peer.address is not None and peers.get(peer.address) is peer:
                del peers[peer.address]
            peer.address = None
        elif self._named.get(peer.fd) is peer:
            del self._named[peer.fd]
        else:
            self._learning.pop(peer.fd, None)

    def _drop(self, why: Drop) -> None:
        self.dropped[why] = self.dropped.get(why, 0) + 1


def _disconnect(fd: int) -> None:
    """Let a connected UDP socket hear everyone again, which Python's sockets cannot express (connect(2))."""
    if _libc.connect(fd, _NOBODY, len(_NOBODY)) != 0:
        raise OSError(ctypes.get_errno(), "cannot disconnect a UDP socket")
