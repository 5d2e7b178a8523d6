"""The session's plain gateway: started for the first test that needs no other, handed from test to test.

To start a gateway costs three seconds of a processor, for each of some seventy tests. What a test leaves behind in it
is ended before the next; where that does not succeed, or the test has ended the gateway itself, the next starts anew.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from .gateway_process import PLAIN, Gateway
from .gateway_terms import Terms


class House:
    """Where the plain gateway is had. `room` makes a directory of that name."""

    def __init__(self, room: Callable[[str], Path]) -> None:
        self._room = room
        self._gateway: Gateway | None = None
        self._leased = False

    def lease(self, stations: Mapping[str, str], terms: Terms) -> Gateway | None:
        """The gateway with these stations; None where the terms ask for another, or it is in use."""
        if self._leased or replace(terms, kinds={}, defaults={}) != PLAIN:
            return None
        self._leased = True
        if self._gateway is None:
            self._gateway = Gateway(self._room("house") / "gateway", stations, terms)
        else:
            self._gateway.occupy(stations, terms)
        return self._gateway

    def give_back(self) -> None:
        """The test is over. Raises AssertionError for a secret or a fault in the gateway's log."""
        self._leased = False
        gateway, self._gateway = self._gateway, None
        if gateway is None:
            return
        if gateway.vacate():
            self._gateway = gateway
        else:
            gateway.stop()

    def close(self) -> None:
        """End the gateway."""
        gateway, self._gateway = self._gateway, None
        if gateway is not None:
            gateway.stop()
