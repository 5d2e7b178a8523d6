"""What can go wrong with SIP, each with what the operator can do about it."""


class SipError(Exception):
    """Base of the SIP package's errors."""


class MalformedMessage(SipError):
    """A datagram is not a SIP message we accept (RFC 3261 section 7); look at the sender named in the log."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where}: {why}")
        self.where = where
        self.why = why


class Unreachable(SipError):
    """A phone's address cannot be sent to from any listener; check its host and sip.listen."""

    def __init__(self, host: str, why: str) -> None:
        super().__init__(f"{host}: {why}; check the station's address and sip.listen")
        self.host = host
        self.why = why


class NotRegistered(Unreachable):
    """No phone is registered as this station; look at its settings, its password and `parloir stations list`."""

    def __init__(self, facility: str, station: str) -> None:
        super().__init__(f"{facility}/{station}", "no phone is registered as this station")


class BadCertificate(SipError):
    """The certificate, its key or the authorities of sip.tls cannot be used; `parloir check` says which."""
