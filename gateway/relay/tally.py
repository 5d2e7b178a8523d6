"""A leg's streams in figures, added up over everything that has been one stream to the other party."""

from parloir.relay.bodies import StreamReport
from parloir.relay.leg import Leg, Stream
from parloir.rtp.description import Kind
from parloir.rtp.statistics import mos


def tally(leg: Leg, carried: dict[Kind, StreamReport]) -> dict[Kind, StreamReport]:
    """The leg's streams now, each added to what was carried over from legs it has replaced."""
    found = {kind: _report(leg, stream) for kind, stream in leg.streams.items()}
    added = {kind: _added(report, carried[kind]) if kind in carried else report for kind, report in found.items()}
    return {**carried, **added}


def _report(leg: Leg, stream: Stream) -> StreamReport:
    table = leg.switch.table
    source, sink = table.source(stream.source), table.sink(stream.sink)
    session = leg.session(stream.kind)
    remote = session.reporter.remote.get(stream.ssrc) if session else None
    lost = max(0, source.expected - source.received)
    jitter = round(source.jitter * 1000 / stream.clock, 2)
    round_trip = remote.round_trip if remote else None
    share = lost / source.expected if source.expected else 0.0
    heard = stream.kind is Kind.AUDIO and source.received > 0
    return StreamReport(
        kind=stream.kind,
        received=source.received,
        sent=sink.packets,
        lost=lost,
        jitter=jitter,
        round_trip=round_trip,
        remote_lost=remote.lost if remote else None,
        mos=mos(stream.codec, share, round_trip or 0.0, jitter) if heard else None,
        bytes_received=source.octets,
        bytes_sent=sink.octets,
    )


def _added(now: StreamReport, before: StreamReport) -> StreamReport:
    return now.model_copy(
        update={
            name: getattr(now, name) + getattr(before, name)
            for name in ("received", "sent", "lost", "bytes_received", "bytes_sent")
        }
    )
