"""A first configuration and the secret it needs, written where nothing stands yet."""

import os
import secrets
from importlib.resources import files
from pathlib import Path

from parloir.config.errors import ConfigError

TOKEN_BYTES = 32


class AlreadyThere(ConfigError):
    """A file that would be overwritten; move it away or name another."""

    def __init__(self, file: Path) -> None:
        self.file = file
        super().__init__(f"{file} is already there and stays as it is; move it away or name another file")


class CannotWrite(ConfigError):
    """A file or folder could not be made; name a folder you may write to."""

    def __init__(self, error: OSError) -> None:
        self.file = error.filename
        super().__init__(f"{error.filename} cannot be written: {(error.strerror or 'error').lower()}")


def write(file: Path) -> Path:
    """Write the annotated configuration to `file`, and beside it data/api.token (mode 0600) unless there is one.

    Returns the token's file. Raises AlreadyThere when `file` exists, CannotWrite when the disk refuses.
    """
    token = file.parent / "data" / "api.token"
    example = files("parloir.config").joinpath("parloir.example.yaml").read_bytes()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _create(file, example, 0o644)
        token.parent.mkdir(mode=0o700, exist_ok=True)
        if not token.exists():
            _create(token, secrets.token_urlsafe(TOKEN_BYTES).encode() + b"\n", 0o600)
    except FileExistsError as error:
        raise AlreadyThere(Path(error.filename)) from None
    except OSError as error:
        raise CannotWrite(error) from None
    return token


def _create(file: Path, content: bytes, mode: int) -> None:
    """Write a file that must not exist, never readable by more than `mode` allows."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
        stream.write(content)
