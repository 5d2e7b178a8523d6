"""What can go wrong on the browser's side."""


class WebRtcError(Exception):
    """A browser sent something this gateway cannot take; the message says what, and the visit's page shows it."""
