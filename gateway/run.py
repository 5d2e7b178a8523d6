"""`parloir run`: the asyncio reactor first, for other modules take whichever is there, then the gateway on it."""

from typing import Any

from twisted.internet import asyncioreactor
from twisted.internet.defer import ensureDeferred

from parloir.config.schema import Config
from parloir.log import json_log, take_twisted


def run(config: Config) -> int:
    """Run the gateway until it is told to stop; answers the exit status. Raises ParloirError if it cannot begin."""
    asyncioreactor.install()  # type: ignore[no-untyped-call]
    from twisted.internet import reactor

    from parloir.service import Service

    log = json_log()
    take_twisted(log)
    service = Service(config, reactor, log)
    running: Any = reactor
    running.callWhenRunning(lambda: ensureDeferred(service.start()).addErrback(service.failed))
    running.run()
    return service.status
