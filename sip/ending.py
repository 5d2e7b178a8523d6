"""What a refusal of our INVITE means for the call."""

from parloir.sip.session import EndKind

_KINDS = {
    486: EndKind.BUSY, 600: EndKind.BUSY, 603: EndKind.DECLINED, 403: EndKind.DECLINED, 480: EndKind.NO_ANSWER,
    487: EndKind.NO_ANSWER, 415: EndKind.NOT_ACCEPTABLE, 488: EndKind.NOT_ACCEPTABLE, 606: EndKind.NOT_ACCEPTABLE,
    404: EndKind.UNREACHABLE, 410: EndKind.UNREACHABLE, 484: EndKind.UNREACHABLE, 604: EndKind.UNREACHABLE,
}  # fmt: skip


def kind_of(status: int, rang: bool) -> EndKind:
    """The end that a final status of 300 or more brings; `rang` says whether the phone had been heard ringing.

    Redirections are never followed: whom a facility's call reaches is decided by its configuration.
    """
    if status == 408:
        return EndKind.NO_ANSWER if rang else EndKind.UNREACHABLE
    if status in _KINDS:
        return _KINDS[status]
    return EndKind.UNREACHABLE if status < 400 or 500 <= status < 600 else EndKind.FAILED
