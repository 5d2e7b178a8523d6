"""An officer's browser at a call, and a policy that lets officers listen."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .browser import Browser, Page
from .gateway_process import Gateway
from .picture import Colour

SCRIPT = (Path(__file__).parent / "listener.js").read_text()
PLUGIN = '''
from parloir.api import Action, No, Yes, hookimpl


class Ears:
    """Lets calls be monitored, and officers listen."""

    api = 1

    def __init__(self, settings, facility):
        pass

    @hookimpl
    def may_monitor(self, call):
        return Yes()

    @hookimpl
    def may_record(self, call):
        return Yes()

    @hookimpl
    def may_act(self, call, action, actor):
        return Yes() if action in (Action.LISTEN, Action.PLAY, Action.EXPORT) else No("never")
'''


def install_ears(folder: Path) -> str:
    """Put a plugin `ears` into a folder for Python's path; the folder."""
    info = folder / "ears-1.dist-info"
    info.mkdir(parents=True)
    (folder / "ears.py").write_text(PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ears\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[parloir.plugins]\nears = ears:Ears\n")
    return str(folder)


@dataclass(frozen=True)
class Heard:
    """What a listener has of one party: its tone, its colour, and when they were first there (ms from the click)."""

    hertz: float
    colour: Colour | None
    sound: float | None
    frame: float | None


class Listener:
    """Someone who listens to a call in Chromium."""

    def __init__(self, browser: Browser, gateway: Gateway) -> None:
        self.page: Page = browser.open(f"{gateway.url}/healthz", script=SCRIPT)
        self._gateway = gateway

    def listen(self, call: str) -> dict[str, Any]:
        """Ask to listen; what the gateway said where it refused, else the listener's id."""
        return dict(self.page.evaluate(f"window.listen({call!r}, {self._gateway.token!r})"))

    def hears(self) -> dict[str, Heard]:
        """Both parties, by name."""
        parties = self.page.evaluate("window.listening.parties")
        return {
            each["name"]: Heard(
                each["hertz"], Colour(*each["colour"]) if each["colour"] else None, each["sound"], each["frame"]
            )
            for each in parties
        }

    def wait_for(self, inside: tuple[float, Colour], visitor: tuple[float, Colour]) -> dict[str, Heard]:
        """Wait until both parties' own tones and pictures are there. Raises TimeoutError."""
        deadline = time.monotonic() + 15
        while True:
            heard = self.hears()
            if _fits(heard["inside"], *inside) and _fits(heard["visitor"], *visitor):
                return heard
            if time.monotonic() > deadline:
                raise TimeoutError(f"the listener has {heard}")
            time.sleep(0.05)


def _fits(heard: Heard, hertz: float, colour: Colour) -> bool:
    return abs(heard.hertz - hertz) < 40 and heard.colour is not None and heard.colour.near(colour)
