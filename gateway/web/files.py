"""The pages' files: our own are read once at the start and answered from memory, a plugin's when they are wanted."""

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

LARGEST = 8 * 1024 * 1024
TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpg": "image/jpeg",
    "webp": "image/webp",
    "ico": "image/x-icon",
    "woff2": "font/woff2",
    "json": "application/json",
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
            found[entry.name] = _file(entry.read_bytes(), type)
    return found


def read_file(folder: Path, name: str) -> File | None:
    """One file beneath a folder, of a type that pages are made of; None for any other. Blocks."""
    type = TYPES.get(name.rpartition(".")[2])
    try:
        root = folder.resolve()
        file = (root / name).resolve()
        if type is None or not file.is_relative_to(root) or not file.is_file() or file.stat().st_size > LARGEST:
            return None
        return _file(file.read_bytes(), type)
    except (OSError, ValueError):
        return None


def _file(content: bytes, type: str) -> File:
    return File(content, type, f'"{hashlib.sha256(content).hexdigest()[:20]}"')
