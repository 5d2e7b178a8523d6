"""The forwarding table: who sends what from where, and what becomes of it. Data alone; the switch executes it."""

from parloir.relay import numbering, reception
from parloir.relay.entries import (
    HISTORY,
    Copy,
    Drop,
    FrameSample,
    Kept,
    Peer,
    Ring,
    Route,
    Sink,
    SinkCounters,
    Source,
    SourceCounters,
    ToRing,
    ToSink,
    Verb,
)


class Table:
    """Peers, streams and routes by number; 0 is never one. Every change takes effect with the next packet."""

    def __init__(self) -> None:
        self.peers: dict[int, Peer] = {}
        self.sources: dict[int, Source] = {}
        self.sinks: dict[int, Sink] = {}
        self.rings: dict[int, Ring] = {}
        self._routes: dict[int, tuple[Peer, int, Route]] = {}
        self._ids = 0

    def add_peer(self, fd: int, secure: bool = False) -> Peer:
        """Name who is at the other end of a socket; a secure peer speaks SRTP only, once it has its contexts."""
        peer = Peer(self._next_id(), fd, secure=secure)
        self.peers[peer.id] = peer
        return peer

    def set_contexts(self, peer_id: int, receive: int, send: int) -> None:
        """Give a peer its SRTP contexts."""
        peer = self.peers[peer_id]
        peer.receive, peer.send = receive, send

    def remove_peer(self, peer_id: int) -> None:
        """Forget a peer, its routes, and the streams toward it."""
        peer = self.peers.pop(peer_id)
        for route in [route for route, (owner, _, _) in self._routes.items() if owner is peer]:
            self.remove_route(route)
        for sink in [sink.id for sink in self.sinks.values() if sink.peer is peer]:
            self.remove_sink(sink)

    def add_source(self, clock: int, ssrcs: frozenset[int] = frozenset()) -> int:
        """Make an incoming stream; `ssrcs` are those that signalling named (none: the first that comes is locked)."""
        source = Source(self._next_id(), clock, ssrcs)
        self.sources[source.id] = source
        return source.id

    def restart_source(self, source_id: int, clock: int) -> None:
        """Let the next packet's SSRC, whichever it is, be this stream's from now on; its figures go on."""
        reception.unlock(self.sources[source_id], clock)

    def remove_source(self, source_id: int) -> None:
        """Forget an incoming stream; no route may name it any more."""
        del self.sources[source_id]

    def add_sink(
        self, peer_id: int, ssrc: int, clock: int, step: int, sequence: int, timestamp: int, resend: bool = False
    ) -> int:
        """Make an outgoing stream that begins with these numbers; `resend` keeps what was sent for retransmission."""
        sink = Sink(self._next_id(), self.peers[peer_id], ssrc, clock, step, sequence, timestamp)
        sink.history = [None] * HISTORY if resend else None
        self.sinks[sink.id] = sink
        return sink.id

    def set_clock(self, sink_id: int, clock: int, step: int) -> None:
        """Let an outgoing stream go on under another clock, because its codec changed."""
        sink = self.sinks[sink_id]
        sink.clock, sink.step = clock, step

    def take_beneath(self, sink_id: int) -> list[bytes]:
        """The packets that wait to be mixed into what this outgoing stream sends; none for one that is gone."""
        sink = self.sinks.get(sink_id)
        packets = list(sink.beneath) if sink else []
        if sink:
            sink.beneath.clear()
        return packets

    def remove_sink(self, sink_id: int) -> None:
        """Forget an outgoing stream; the routes that fed it drop what comes."""
        sink = self.sinks.pop(sink_id)
        for _, _, route in self._routes.values():
            if route.sink is sink:
                route.sink, route.verb = None, Verb.DROP
            route.copies = tuple(c for c in route.copies if not (isinstance(c, ToSink) and c.sink is sink))

    def add_route(self, peer_id: int, payload_type: int, source_id: int, extension: int = 0) -> int:
        """Match one payload type of one peer to an incoming stream; what comes is dropped until `swap_route`.

        `extension` is the id of the abs-send-time header extension to sample for the bandwidth estimate, or 0.
        """
        route = Route(self._next_id(), self.sources[source_id], extension=extension)
        peer = self.peers[peer_id]
        peer.routes[payload_type] = route
        self._routes[route.id] = (peer, payload_type, route)
        return route.id

    def swap_route(
        self,
        route_id: int,
        verb: Verb,
        epoch: int = 0,
        sink_id: int = 0,
        out_type: int = 0,
        prelude: tuple[bytes, ...] = (),
    ) -> None:
        """Change at once what becomes of a route's packets.

        They take the sink over if `epoch` is the highest it has seen. A route that punts or drops names its sink
        too, when its packets share that stream's sequence numbers, so that no gap is left there.
        """
        route = self._routes[route_id][2]
        route.sink = self.sinks[sink_id] if sink_id else None
        route.verb, route.epoch, route.out_type, route.prelude = verb, epoch, out_type, prelude

    def add_ring(self, limit: int) -> int:
        """Make a place for copies of packets, of `limit` bytes at most between two calls of `take_ring`."""
        ring = Ring(self._next_id(), limit)
        self.rings[ring.id] = ring
        return ring.id

    def take_ring(self, ring_id: int) -> tuple[list[Kept], int]:
        """Empty a ring; what was in it, and how many packets have not fitted since it was made."""
        ring = self.rings[ring_id]
        packets, ring.packets, ring.octets = ring.packets, [], 0
        return packets, ring.lost

    def remove_ring(self, ring_id: int) -> None:
        """Forget a ring; nothing is copied to it any more."""
        ring = self.rings.pop(ring_id)
        for _, _, route in self._routes.values():
            route.copies = tuple(c for c in route.copies if not (isinstance(c, ToRing) and c.ring is ring))

    def copy_to_ring(self, route_id: int, ring_id: int, stream: int) -> None:
        """Copy what the route forwards, as it comes in, to a ring."""
        self._copy(route_id, ToRing(self.rings[ring_id], stream))

    def copy_to_sink(self, route_id: int, sink_id: int, out_type: int, sparse: bool = False) -> None:
        """Copy what the route forwards, or its keyframes alone, to a sink of a listener's, which nothing else feeds."""
        self._copy(route_id, ToSink(self.sinks[sink_id], out_type, sparse))

    def remove_copies(self, route_id: int) -> None:
        """Copy nothing of this route any more."""
        self._routes[route_id][2].copies = ()

    def _copy(self, route_id: int, copy: Copy) -> None:
        route = self._routes[route_id][2]
        route.copies = (*route.copies, copy)

    def remove_route(self, route_id: int) -> None:
        """Forget a route."""
        peer, payload_type, route = self._routes.pop(route_id)
        if peer.routes.get(payload_type) is route:
            del peer.routes[payload_type]

    def source(self, source_id: int) -> SourceCounters:
        """A snapshot of an incoming stream."""
        return reception.snapshot(self.sources[source_id])

    def sink(self, sink_id: int) -> SinkCounters:
        """A snapshot of an outgoing stream."""
        return numbering.snapshot(self.sinks[sink_id])

    def dropped(self, peer_id: int) -> dict[Drop, int]:
        """What of a peer's went no further, by reason."""
        return dict(self.peers[peer_id].dropped)

    def take_frames(self, source_id: int) -> list[FrameSample]:
        """The frames sampled since the last call, for the bandwidth estimator."""
        source = self.sources[source_id]
        frames, source.frames = source.frames, []
        return frames

    def _next_id(self) -> int:
        self._ids += 1
        return self._ids
