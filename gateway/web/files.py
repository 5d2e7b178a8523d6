"""The pages' files, read once at the start and answered from memory."""

import hashlib
from dataclasses import dataclass
from importlib.resources import files

TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


@dataclass(frozen=True)
class File:
    """One file: its bytes, media type, and strong entity tag (RFC 9110 section 8.8.3)."""

    content: bytes
    type: str
    etag: str


def read_files() -> dict[str, File]:
    """All files of this package's static directory by name."""
    found: dict[str, File] = {}
    for entry in files("parloir.web").joinpath("static").iterdir():
        type = TYPES.get(entry.name.rpartition(".")[2])
        if type and entry.is_file():
            content = entry.read_bytes()
            found[entry.name] = File(content, type, f'"{hashlib.sha256(content).hexdigest()[:20]}"')
    return found
