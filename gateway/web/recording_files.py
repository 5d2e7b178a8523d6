"""The files that were made of recordings, for those alone who asked for them with a reason."""

import re
from pathlib import Path
from typing import IO, Any

from twisted.protocols.basic import FileSender

from parloir.export.job import THUMBNAILS
from parloir.store.staff import Staff
from parloir.web.door import Door
from parloir.web.errors import Refused
from parloir.web.recording_operations import PLAYERS
from parloir.web.recordings import FILES, RecordingsApi
from parloir.web.request import WebRequest

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
_THUMBNAIL = re.compile(r"[a-z]{1,16}-\d{3}\.jpg")


class RecordingFiles:
    """Serves what was made of recordings, to those alone who asked for it with a reason."""

    def __init__(self, api: RecordingsApi, door: Door) -> None:
        self._api = api
        self._door = door

    async def serve(self, request: WebRequest, id: str, what: str) -> bytes:
        """The MP4 of a playback, or a bundle; parts of it where the browser asks for a range."""
        who = await self._admit(request)
        path = await self._api.file(who, id, what)
        if what == "bundle":
            request.say("content-disposition", f'attachment; filename="{id}.parloir"')
        return await _send(request, path, FILES[what][1])

    async def thumbnail(self, request: WebRequest, id: str, name: str) -> bytes:
        """A small picture of a playback."""
        who = await self._admit(request)
        folder = (await self._api.file(who, id, "playback")).parent / THUMBNAILS
        if not _THUMBNAIL.fullmatch(name) or not (folder / name).is_file():
            raise Refused(404, "not_found", "there is no such picture")
        return await _send(request, folder / name, "image/jpeg")

    async def _admit(self, request: WebRequest) -> Staff:
        who = await self._door.admit(request)
        who.require(*PLAYERS)
        request.say("cache-control", "no-store")
        return who


async def _send(request: WebRequest, path: Path, kind: str) -> bytes:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        start, stop = _span(request.header("range"), size)
        request.say("content-type", kind)
        request.say("accept-ranges", "bytes")
        if request.header("range") is not None:
            request.setResponseCode(206)
            request.say("content-range", f"bytes {start}-{stop - 1}/{size}")
        request.say("content-length", str(stop - start))
        file.seek(start)
        sent: Any = FileSender().beginFileTransfer(_Part(file, stop - start), request)  # type: ignore[no-untyped-call]
        await sent
    return b""


def _span(header: str | None, size: int) -> tuple[int, int]:
    """Which octets are asked for, from the first up to the last; raises Refused (416)."""
    if header is None:
        return 0, size
    found = _RANGE.fullmatch(header)
    first, last = found.groups() if found else ("", "")
    start = int(first) if first else max(0, size - int(last or 0))
    stop = min(size, int(last) + 1) if first and last else size
    if found is None or start >= stop:
        headers = {"Content-Range": f"bytes */{size}"}
        raise Refused(416, "bad_range", "there are no such octets", "range", headers)
    return start, stop


class _Part:
    """So many octets of a file."""

    def __init__(self, file: IO[bytes], octets: int) -> None:
        self._file = file
        self._left = octets

    def read(self, most: int) -> bytes:
        """What comes next."""
        data = self._file.read(min(most, self._left))
        self._left -= len(data)
        return data
