"""How directions combine when one party answers another (RFC 3264 sections 6.1 and 8.4)."""

from parloir.rtp.description import Direction, Media

_SENDS = {Direction.SENDRECV, Direction.SENDONLY}
_HEARS = {Direction.SENDRECV, Direction.RECVONLY}
_NOWHERE = ("0.0.0.0", "::")


def direction(sends: bool, hears: bool) -> Direction:
    """The word for a party that sends, hears, both or neither."""
    if sends:
        return Direction.SENDRECV if hears else Direction.SENDONLY
    return Direction.RECVONLY if hears else Direction.INACTIVE


def sends(stated: Direction) -> bool:
    """Whether a party of this direction sends."""
    return stated in _SENDS


def hears(stated: Direction) -> bool:
    """Whether a party of this direction wants to be sent to."""
    return stated in _HEARS


def mirrored(stated: Direction) -> Direction:
    """The same flows as the other party states them: sendonly becomes recvonly."""
    return direction(hears(stated), sends(stated))


def common(one: Direction, other: Direction) -> Direction:
    """What is left when a party may do only what both say."""
    return direction(sends(one) and sends(other), hears(one) and hears(other))


def stated(media: Media) -> Direction:
    """What the sender of this line means to do; an address of 0.0.0.0 says it hears nothing (RFC 2543 hold)."""
    deaf = media.rtp is None or media.rtp.host in _NOWHERE
    return direction(sends(media.direction), hears(media.direction) and not deaf)
