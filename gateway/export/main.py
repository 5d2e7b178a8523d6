"""The worker process: `python -m parloir.export.main`. A job comes in on standard input, news go out a line each."""

import os
import sys
from contextlib import suppress

import av

from parloir.errors import ParloirError
from parloir.export.job import Job, Said, do

BEHIND = 10
"""The process's niceness: calls go first."""
STEP = 0.01
"""The least progress that is worth a line."""


def main() -> int:
    """Do one job; 0 when it is done."""
    with suppress(OSError):
        os.nice(BEHIND)
    job = Job.model_validate_json(sys.stdin.buffer.read())
    told = [0.0]

    def progress(share: float) -> None:
        if share - told[0] >= STEP:
            told[0] = share
            _say(Said(progress=round(share, 3)))

    try:
        do(job, progress)
    except (ParloirError, OSError, av.FFmpegError, ValueError) as error:
        _say(Said(error=f"{error}"[:500] or type(error).__name__))
        return 1
    _say(Said(progress=1.0, done=True))
    return 0


def _say(said: Said) -> None:
    print(said.model_dump_json(), flush=True)


if __name__ == "__main__":
    sys.exit(main())
