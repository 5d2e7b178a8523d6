"""What the worker is asked to make of a recording, and how it says how far it has come."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, ConfigDict, Field

from parloir.export import bundle, mkv, mp4, preview
from parloir.export.bundle import Contents
from parloir.export.mkv import Progress
from parloir.export.survey import Survey

MKV, MP4, SUMMARY, CUSTODY = "recording.mkv", "recording.mp4", "summary.json", "custody.json"
THUMBNAILS = "thumbnails"


class Job(BaseModel):
    """One task. `facts` say what was recorded of whom, `end` where the journal ends by its audit record, `custody` is
    every act on it; `key` opens the journal, and `signing` signs the bundle."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, ser_json_bytes="base64", val_json_bytes="base64"
    )
    what: Literal["playback", "bundle"]
    journal: Path
    folder: Path
    key: bytes = Field(repr=False)
    signing: bytes = Field(default=b"", repr=False)
    to: Path | None = None
    facts: dict[str, Any] = Field(default_factory=dict)
    end: dict[str, Any] = Field(default_factory=dict)
    custody: list[dict[str, Any]] = Field(default_factory=list)


class Said(BaseModel):
    """One line of the worker's: the share that is done, or that all is, or why it cannot be."""

    progress: float = 0.0
    done: bool = False
    error: str = ""


def do(job: Job, progress: Progress) -> None:
    """Do a job; raises ExportError, OSError and av.FFmpegError."""
    job.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if job.what == "playback":
        _play(job, progress)
    else:
        _bundle(job, progress)


def _play(job: Job, progress: Progress) -> None:
    found = _mkv(job, _share(progress, 0.0, 0.2))
    _whole(job.folder / MP4, lambda path: mp4.make(job.folder / MKV, path, _share(progress, 0.2, 0.9)))
    pictures = preview.thumbnails(job.folder / MKV, job.folder / THUMBNAILS)
    summary = _summary(found) | {"thumbnails": pictures, "waveform": preview.waveform(job.folder / MKV)}
    _whole(job.folder / SUMMARY, lambda path: path.write_text(json.dumps(summary)))
    progress(1.0)


def _bundle(job: Job, progress: Progress) -> None:
    assert job.to is not None
    found = _mkv(job, _share(progress, 0.0, 0.3))
    mp4.make(job.folder / MKV, job.folder / MP4, _share(progress, 0.3, 0.9))
    (job.folder / CUSTODY).write_bytes(bundle.custody(job.custody))
    files = {MKV: job.folder / MKV, MP4: job.folder / MP4, CUSTODY: job.folder / CUSTODY}
    key = Ed25519PrivateKey.from_private_bytes(job.signing)
    contents = Contents(job.facts | _summary(found), job.end, files)
    _whole(job.to, lambda path: bundle.write(path, contents, key))
    progress(1.0)


def _mkv(job: Job, progress: Progress) -> Survey:
    found: list[Survey] = []
    _whole(job.folder / MKV, lambda path: found.append(mkv.make(job.journal, job.key, path, progress)))
    return found[0]


def _whole(path: Path, make: Callable[[Path], object]) -> None:
    """Let a file appear only when it is whole."""
    part = path.with_name(f"{path.name}.part")
    make(part)
    part.replace(path)


def _share(progress: Progress, start: float, stop: float) -> Progress:
    return lambda share: progress(start + share * (stop - start))


def _summary(found: Survey) -> dict[str, Any]:
    return {
        "begun": found.begun.isoformat(),
        "seconds": round(found.seconds, 3),
        "packets": found.packets,
        "tracks": [{"name": track.name, "codec": track.codec} for track in found.tracks.values()],
        "happenings": [asdict(each) for each in found.happenings],
        "faults": [str(fault) for fault in found.faults],
    }


def said(lines: Iterator[bytes]) -> Iterator[Said]:
    """What a worker's lines say; what is no such line is left out."""
    for line in lines:
        try:
            yield Said.model_validate_json(line)
        except ValueError:
            continue
