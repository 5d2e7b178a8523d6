"""What can go wrong across the gateway, each with what the operator can do about it."""


class ParloirError(Exception):
    """Something failed that the operator can act on; the message says what and where."""
