"""What the gateway asks of a relay (Twisted AMP), and what a relay may refuse it with."""
# Twisted types its own arguments loosely, and lists where every user of AMP writes tuples.
# mypy: disable-error-code="assignment, no-untyped-call"

from twisted.protocols import amp

from parloir.relay.bodies import (
    BrowserSide,
    BrowserTerms,
    Json,
    ListenerSide,
    ListenerTerms,
    PhonePorts,
    PhoneSide,
    RecordingTerms,
    RelaySettings,
    Report,
    SpeakerSide,
    Withheld,
)


class NoSuchBridge(Exception):
    """The relay has no bridge of that id: it ended, or the relay was restarted."""


class NoPorts(Exception):
    """Every RTP port of this relay is in use or at rest; widen sip.rtp_ports."""


class NotAnnounced(Exception):
    """Media was to be joined before the notice had been played to both legs (invariant 3)."""


class Interrupted(Exception):
    """The prompt was cut short: its leg went away, or another prompt took its place."""


class Refused(Exception):
    """The relay will not do this to a privileged bridge, or the request contradicts itself."""


ERRORS: dict[type[Exception], bytes] = {
    NoSuchBridge: b"NO_SUCH_BRIDGE",
    NoPorts: b"NO_PORTS",
    NotAnnounced: b"NOT_ANNOUNCED",
    Interrupted: b"INTERRUPTED",
    Refused: b"REFUSED",
}


class Configure(amp.Command):
    """First word to a relay; answered when its sockets are bound."""

    arguments = ((b"settings", Json(RelaySettings)),)
    errors = ERRORS


class OpenBridge(amp.Command):
    """Make a bridge. Its class never changes: a privileged one has no way to attach a tap."""

    arguments = ((b"bridge", amp.Unicode()), (b"privileged", amp.Boolean()))
    errors = ERRORS


class OpenPhone(amp.Command):
    """Bind the phone leg's sockets, before the SDP that names them is sent."""

    arguments = ((b"bridge", amp.Unicode()), (b"video", amp.Boolean()))
    response = ((b"ports", Json(PhonePorts)),)
    errors = ERRORS


class TakePhone(amp.Command):
    """Go on with the phone of another bridge (`source`), one that no browser has ever been on: the attendant's."""

    arguments = ((b"bridge", amp.Unicode()), (b"source", amp.Unicode()))
    errors = ERRORS


class SetPhone(amp.Command):
    """Say what the phone agreed to; nothing is received from any other address."""

    arguments = ((b"bridge", amp.Unicode()), (b"side", Json(PhoneSide)))
    errors = ERRORS


class OpenBrowser(amp.Command):
    """Make fresh ICE credentials and a fresh DTLS transport; an earlier browser leg lives until this one is up."""

    arguments = ((b"bridge", amp.Unicode()),)
    response = ((b"terms", Json(BrowserTerms)),)
    errors = ERRORS


class SetBrowser(amp.Command):
    """Say what the browser agreed to; answers the terms of the last OpenBrowser."""

    arguments = ((b"bridge", amp.Unicode()), (b"side", Json(BrowserSide)))
    errors = ERRORS


class RestartIce(amp.Command):
    """New ICE credentials for the same DTLS session; the old ones stay valid until the new pair is nominated."""

    arguments = ((b"bridge", amp.Unicode()),)
    response = ((b"terms", Json(BrowserTerms)),)
    errors = ERRORS


class Announce(amp.Command):
    """Play the notice that both must hear to both legs; answered when it has ended on both. Only then may Join.

    `told` says what both have been told by then: "record", "monitor", both words or neither. What was not told in
    this very notice is refused for as long as the bridge lives.
    """

    arguments = (
        (b"bridge", amp.Unicode()),
        (b"prompt", amp.Unicode()),
        (b"told", amp.Unicode(optional=True)),
    )
    response = ((b"milliseconds", amp.Integer()),)
    errors = ERRORS


class Play(amp.Command):
    """Play a prompt to "phone", "browser" or "both" in place of what they hear; answered at its end.

    `prompt` may name several to be played in a row, one a line. It waits for what its legs hear and are to hear, or
    silences that at once with `interrupt`. `times` 0 repeats it (a second of silence between) until Stop, Join or
    another Play to that leg. With `over`, once only, they go on hearing each other beneath it.
    """

    arguments = (
        (b"bridge", amp.Unicode()),
        (b"prompt", amp.Unicode()),
        (b"to", amp.Unicode()),
        (b"times", amp.Integer()),
        (b"interrupt", amp.Boolean(optional=True)),
        (b"over", amp.Boolean(optional=True)),
    )
    response = ((b"milliseconds", amp.Integer()),)
    errors = ERRORS


class StopPrompts(amp.Command):
    """Silence whatever prompts this bridge is playing."""

    arguments = ((b"bridge", amp.Unicode()),)
    errors = ERRORS


class Join(amp.Command):
    """Let media cross, or cross again after Part; refused before the notice."""

    arguments = ((b"bridge", amp.Unicode()),)
    errors = ERRORS


class Part(amp.Command):
    """Stop media crossing (hold); both legs stay up."""

    arguments = ((b"bridge", amp.Unicode()),)
    errors = ERRORS


class AskKeyframe(amp.Command):
    """Ask a leg ("phone" or "browser") for a keyframe, throttled."""

    arguments = ((b"bridge", amp.Unicode()), (b"leg", amp.Unicode()))
    errors = ERRORS


class GetReport(amp.Command):
    """The bridge's counters now."""

    arguments = ((b"bridge", amp.Unicode()),)
    response = ((b"report", Json(Report)),)
    errors = ERRORS


class CloseBridge(amp.Command):
    """End the bridge; its ports rest before reuse."""

    arguments = ((b"bridge", amp.Unicode()),)
    response = ((b"report", Json(Report)),)
    errors = ERRORS


class StartRecording(amp.Command):
    """Write what crosses the bridge to a journal; refused on a privileged one, or if the notice did not say so."""

    arguments = ((b"bridge", amp.Unicode()), (b"terms", Json(RecordingTerms)))
    errors = ERRORS


class StopRecording(amp.Command):
    """Close the bridge's journal, if there is one; its end also closes it. RecordingOver follows."""

    arguments = ((b"bridge", amp.Unicode()),)
    errors = ERRORS


class OpenListener(amp.Command):
    """Make ready for a listener's browser. Refused on a privileged bridge, and where the notice did not say so."""

    arguments = ((b"bridge", amp.Unicode()), (b"listener", amp.Unicode()))
    response = ((b"terms", Json(ListenerTerms)),)
    errors = ERRORS


class SetListener(amp.Command):
    """Say what the listener's browser agreed to; it hears and sees the parties as soon as its keys are there."""

    arguments = ((b"bridge", amp.Unicode()), (b"listener", amp.Unicode()), (b"side", Json(ListenerSide)))
    errors = ERRORS


class CloseListener(amp.Command):
    """Send a listener away; harmless when it has gone."""

    arguments = ((b"bridge", amp.Unicode()), (b"listener", amp.Unicode()))
    errors = ERRORS


class Withhold(amp.Command):
    """Let exactly these streams of the parties not cross, though they are joined. Refused on a privileged bridge."""

    arguments = ((b"bridge", amp.Unicode()), (b"streams", Json(Withheld)))
    errors = ERRORS


class OpenSpeaker(amp.Command):
    """Make ready for the browser of an officer who will speak. Refused on a privileged bridge, or if one speaks."""

    arguments = ((b"bridge", amp.Unicode()), (b"speaker", amp.Unicode()))
    response = ((b"terms", Json(BrowserTerms)),)
    errors = ERRORS


class SetSpeaker(amp.Command):
    """Say what the speaker's browser agreed to; the parties named hear it as soon as its keys are there."""

    arguments = ((b"bridge", amp.Unicode()), (b"speaker", amp.Unicode()), (b"side", Json(SpeakerSide)))
    errors = ERRORS


class CloseSpeaker(amp.Command):
    """Send a speaker away; the parties hear each other as before. Harmless when it has gone."""

    arguments = ((b"bridge", amp.Unicode()), (b"speaker", amp.Unicode()))
    errors = ERRORS
