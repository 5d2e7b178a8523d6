"""An officer at their page in Chromium."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from .browser import Browser, Page
from .gateway_process import Gateway

SCRIPT = (Path(__file__).parent / "officer.js").read_text()
PASSWORD = "a long password of the tests"
HEAR = "window.__opened?.every((party) => party.frame !== null && party.sound !== null) ? window.__opened : null"


def hire(gateway: Gateway, user: str = "sergeant", role: str = "officer") -> None:
    """Let somebody log in."""
    words = ["staff", "add", user, "--name", f"The {user}", "--role", role, "--config", str(gateway.file)]
    command = [sys.executable, "-m", "parloir.cli", *words]
    subprocess.run(command, input=f"{PASSWORD}\n", text=True, check=True, capture_output=True, timeout=60)


class Officer:
    """Somebody logged in at /officer."""

    def __init__(self, browser: Browser, gateway: Gateway, user: str = "sergeant") -> None:
        self.page: Page = browser.open(f"{gateway.url}/login?next=/officer", script=SCRIPT)
        self.page.fill("#user", user)
        self.page.fill("#password", PASSWORD)
        self.page.press("#go")
        self.wait_for("location.pathname === '/officer' && document.querySelector('#name')?.textContent")

    def wait_for(self, truth: str, timeout: float = 30.0) -> Any:
        """The value of a piece of JavaScript, once it is true."""

        def look() -> Any:
            try:
                return self.page.evaluate(truth) or None
            except Exception as error:
                if "navigat" in str(error) or "Execution context" in str(error):
                    return None
                raise

        return self.page.wait_until(look, truth, timeout)

    def shows(self, selector: str, timeout: float = 30.0) -> None:
        """Wait until there is such an element."""
        self.wait_for(f"Boolean(document.querySelector({selector!r}))", timeout)

    def open(self, call: str) -> dict[str, dict[str, Any]]:
        """Click a call open, and wait until both are seen and heard: when, in ms from the click."""
        self.page.press(f".tile[data-call='{call}']")
        return {party["name"]: party for party in self.wait_for(HEAR)}

    def tones(self) -> dict[str, float]:
        """What each party sounds like now, in Hz."""
        return {party["name"]: party["hertz"] for party in self.page.evaluate("window.__opened")}

    def act(self, key: str, reason: str = "a test") -> None:
        """Press an act's key, say why, and do it."""
        self.page.press(f"#acts button[data-key='{key}']")
        self.page.fill("#reason", reason)
        self.page.press("#do")
        self.wait_for("!document.querySelector('#ask').open")
