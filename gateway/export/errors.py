"""What can go wrong when a recording is exported or a bundle is verified."""

from parloir.errors import ParloirError


class ExportError(ParloirError):
    """Base of what keeps a recording from being exported."""


class NothingRecorded(ExportError):
    """The journal holds no media: nobody was heard while it was written, or none of it can be recovered."""

    def __init__(self, recording: str) -> None:
        super().__init__(f"recording {recording}: there is no sound and no picture in its journal")
        self.recording = recording


class NotABundle(ExportError):
    """The file is no bundle of this gateway's: its first part is not a manifest that can be read."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why
