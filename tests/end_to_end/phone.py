"""The driver of `parloir phone`, the simulated video phone: what it reports once a second."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .picture import Colour
from .ports import free_ports
from .process import Process


class Phone:
    """One `parloir phone`. It sends a tone and a colour and says what it hears and sees."""

    def __init__(
        self, home: Path, *options: str, tone: int = 440, colour: Colour | None = None, user: str = "1001"
    ) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.tone = tone
        self._user = user
        self._port = free_ports(2)
        command = [sys.executable, "-m", "parloir.cli", "phone", "--listen", f"127.0.0.1:{self._port}", "--json"]
        command += ["--user", user, "--tone", str(tone), *options]
        if colour is not None:
            command += ["--color", f"#{colour.red:02x}{colour.green:02x}{colour.blue:02x}"]
        self.process = Process(command, home / "phone.log")
        self.process.wait_for_line(r"^\{")

    @property
    def address(self) -> str:
        """Where it takes calls."""
        return f"sip:{self._user}@127.0.0.1:{self._port}"

    def reports(self) -> list[dict[str, Any]]:
        """All it said so far: a report a second in a call, and each change of state; `at` in seconds since 1970."""
        said = zip(self.process.times, list(self.process.lines), strict=False)
        return [{**json.loads(line), "at": at} for at, line in said if line.startswith("{")]

    def wait_for(self, fits: Callable[[dict[str, Any]], bool], what: str, timeout: float = 30.0) -> dict[str, Any]:
        """The first report that fits. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while True:
            found = next((report for report in self.reports() if fits(report)), None)
            if found is not None:
                return found
            if time.monotonic() > deadline:
                raise TimeoutError(f"the phone never reported {what}:\n{self.process.tail(5)}")
            time.sleep(0.1)

    def wait_to_know(self, tone: int, colour: Colour, timeout: float = 30.0) -> dict[str, Any]:
        """The first report of hearing that tone and seeing that colour. Raises TimeoutError."""

        def fits(report: dict[str, Any]) -> bool:
            seen = report.get("colour")
            if not seen or abs((report.get("tone") or 0) - tone) >= 40:
                return False
            return Colour.parse(seen).near(colour)

        return self.wait_for(fits, f"{tone} Hz and {colour}", timeout)

    def hang_up(self) -> None:
        """End the call, and the program."""
        self.process.stop()

    def stop(self) -> None:
        """End it."""
        self.process.stop()
