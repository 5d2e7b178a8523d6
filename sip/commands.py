"""The words between the gateway and a line (Twisted AMP)."""

# Twisted's AMP is not annotated.
# mypy: disable-error-code="no-untyped-call"

from typing import ClassVar

from twisted.protocols import amp

Fields = list[tuple[bytes, amp.Argument]]


class LineError(Exception):
    """The line could not do it; the message is pjsip's. The call ends and its slot is freed."""


ERRORS: dict[type[Exception], bytes] = {LineError: b"LINE"}


class Configure(amp.Command):
    """First word to a line: where the edge is on loopback, and how many calls to be ready for. Its SIP port answers."""

    arguments: ClassVar[Fields] = [
        (b"edge_port", amp.Integer()),
        (b"slots", amp.Integer()),
        (b"product", amp.Unicode()),
    ]
    response: ClassVar[Fields] = [(b"port", amp.Integer())]
    errors: ClassVar[dict[type[Exception], bytes]] = ERRORS


class Place(amp.Command):
    """Call `target` (a sip URI) from that slot."""

    arguments: ClassVar[Fields] = [
        (b"session", amp.Unicode()),
        (b"slot", amp.Integer()),
        (b"target", amp.Unicode()),
    ]
    errors: ClassVar[dict[type[Exception], bytes]] = ERRORS


class Answer(amp.Command):
    """Answer a call that came in with this status: 180 or 200."""

    arguments: ClassVar[Fields] = [(b"session", amp.Unicode()), (b"status", amp.Integer())]
    errors: ClassVar[dict[type[Exception], bytes]] = ERRORS


class HangUp(amp.Command):
    """End a call in whatever state it is; harmless when it is over."""

    arguments: ClassVar[Fields] = [(b"session", amp.Unicode())]
    errors: ClassVar[dict[type[Exception], bytes]] = ERRORS


class Freed(amp.Command):
    """Line to gateway: the call is over and its slot can be used again."""

    arguments: ClassVar[Fields] = [(b"session", amp.Unicode()), (b"status", amp.Integer())]
