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


def hire(gateway: Gateway, *roles: str, user: str = "sergeant") -> None:
    """Let somebody log in: an officer, if no roles are given."""
    words = ["staff", "add", user, "--name", f"The {user}", "--config", str(gateway.file)]
    words += [word for role in roles or ("officer",) for word in ("--role", role)]
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

    def act(self, key: str, reason: str = "a test", among: str = "#acts") -> None:
        """Press an act's key, say why, and do it."""
        self.page.press(f"{among} button[data-key='{key}']")
        self.page.fill("#reason", reason)
        self.page.press("#do")
        self.wait_for("!document.querySelector('#ask').open")

    def press(self, key: str) -> None:
        """Press a key."""
        self.page._browser.run(lambda: self.page._page.keyboard.press(key))

    def reads(self, selector: str, words: str, timeout: float = 40.0) -> None:
        """Wait until an element says that."""
        self.wait_for(f"document.querySelector({selector!r})?.textContent.includes({words!r})", timeout)

    def act_on_recording(self, key: str, reason: str = "a test") -> None:
        """Do something to the recording that is open."""
        self.act(key, reason, "#recording-acts")

    def download(self, selector: str) -> Path:
        """Follow a link to a file; where it was put."""

        def work() -> Path:
            with self.page._page.expect_download() as download:
                self.page._page.click(selector)
            return Path(download.value.path())

        return self.page._browser.run(work)
