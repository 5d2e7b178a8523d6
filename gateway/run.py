"""`parloir run`: the asyncio reactor first, for other modules take whichever is there, then the gateway on it."""

from pathlib import Path
from typing import Any

from twisted.internet.defer import ensureDeferred

from parloir import steady
from parloir.config.schema import Config
from parloir.log import json_log, take_twisted


def run(config: Config, file: Path) -> int:
    """Run the gateway of this configuration, read from `file`, until it is told to stop; answers the exit status.

    Raises ParloirError if it cannot begin.
    """
    steady.install()
    from twisted.internet import reactor

    from parloir.service import Service

    log = json_log()
    take_twisted(log)
    service = Service(config, file, reactor, log)
    running: Any = reactor
    running.callWhenRunning(lambda: ensureDeferred(service.start()).addErrback(service.failed))
    running.run()
    return service.status
