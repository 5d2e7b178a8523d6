"""What can be wrong with media, its packets and its descriptions."""


class RtpError(Exception):
    """Something that came from the network as media, or as a description of media, cannot be used."""


class SdpError(RtpError):
    """A session description breaks the grammar or a bound. `line` counts from 1, 0 meaning the body as a whole.

    The party that sent it is at fault: trace its signalling and compare the line with RFC 4566.
    """

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"SDP line {line}: {what}" if line else f"SDP: {what}")
        self.line = line
        self.what = what


class NothingInCommon(RtpError):
    """Phone and browser share no audio codec, or the phone's encryption is not what is configured; `why` says which.

    Enable PCMU, PCMA, G722 or opus on the phone, and compare its SRTP setting with the station's `srtp`.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class MalformedPacket(RtpError):
    """A datagram is not the RTP or RTCP it claims to be; drop it and count it."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class UnusableKey(RtpError):
    """An a=crypto line cannot be used; `why` says so without the key. Others of the same media may do (RFC 4568).

    Enable AES_CM_128_HMAC_SHA1_80 or a GCM suite on the phone, with one key to a line.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why
