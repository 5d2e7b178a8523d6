"""What can go wrong inside a relay; what its gateway is told is in commands."""

from parloir.errors import ParloirError


class RelayError(ParloirError):
    """Base of a relay's own errors."""


class BadKey(RelayError):
    """An SRTP key does not fit its profile: the DTLS handshake gave something this build of libsrtp cannot use."""

    def __init__(self, profile: str) -> None:
        super().__init__(f"SRTP profile {profile!r}: key of the wrong size, or profile unknown to libsrtp")
        self.profile = profile


class BadPrompt(RelayError):
    """A prompt cannot be played: its WAV is missing or unreadable; look into the prompts directory of config."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"prompt {name!r}: {why}")
        self.name = name
        self.why = why
