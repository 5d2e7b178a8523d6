"""What a relay tells the gateway (Twisted AMP)."""
# Twisted types its own arguments loosely, and lists where every user of AMP writes tuples.
# mypy: disable-error-code="assignment, no-untyped-call"

from twisted.protocols import amp

from parloir.relay.bodies import Json, Report


class RecordingOver(amp.Command):
    """A journal is closed, with so many chunks and octets and this last hash; or it failed."""

    arguments = (
        (b"recording", amp.Unicode()),
        (b"chunks", amp.Integer()),
        (b"octets", amp.Integer()),
        (b"hash", amp.Unicode()),
        (b"failure", amp.Unicode()),
    )


class ListenerUp(amp.Command):
    """A listener's keys are there."""

    arguments = ((b"bridge", amp.Unicode()), (b"listener", amp.Unicode()))


class ListenerGone(amp.Command):
    """A listener's browser has stopped answering, or never finished its handshake."""

    arguments = ((b"bridge", amp.Unicode()), (b"listener", amp.Unicode()), (b"why", amp.Unicode()))


class SpeakerUp(amp.Command):
    """A speaker's keys are there, and it is heard."""

    arguments = ((b"bridge", amp.Unicode()), (b"speaker", amp.Unicode()))


class SpeakerGone(amp.Command):
    """A speaker's browser has stopped answering, or never finished its handshake."""

    arguments = ((b"bridge", amp.Unicode()), (b"speaker", amp.Unicode()), (b"why", amp.Unicode()))


class LegUp(amp.Command):
    """The browser's DTLS is up ("browser"), first or again; or the first RTP of the phone."""

    arguments = ((b"bridge", amp.Unicode()), (b"leg", amp.Unicode()))


class LegLost(amp.Command):
    """The browser's consent checks have stopped, or its DTLS failed or closed."""

    arguments = ((b"bridge", amp.Unicode()), (b"leg", amp.Unicode()), (b"why", amp.Unicode()))


class LegBack(amp.Command):
    """A lost browser's checks have come back on the same DTLS session."""

    arguments = ((b"bridge", amp.Unicode()), (b"leg", amp.Unicode()))


class LegSilent(amp.Command):
    """No media from this leg for media_timeout seconds (an event, not an end)."""

    arguments = ((b"bridge", amp.Unicode()), (b"leg", amp.Unicode()), (b"silent", amp.Boolean()))


class Digit(amp.Command):
    """One key pressed on the phone (RFC 4733)."""

    arguments = ((b"bridge", amp.Unicode()), (b"digit", amp.Unicode()))


class PhoneStrays(amp.Command):
    """The phone sends a payload type that is not the one in use; told once for each SetPhone."""

    arguments = ((b"bridge", amp.Unicode()),)


class KeyframeWanted(amp.Command):
    """The phone is to make a keyframe, and it said of no RTCP message that it would heed it."""

    arguments = ((b"bridge", amp.Unicode()),)


class PictureRests(amp.Command):
    """The phone's picture is withheld from a browser whose way cannot bear it, or shown again."""

    arguments = ((b"bridge", amp.Unicode()), (b"rests", amp.Boolean()))


class Quality(amp.Command):
    """Every quality_interval seconds: the counters."""

    arguments = ((b"bridge", amp.Unicode()), (b"report", Json(Report)))
