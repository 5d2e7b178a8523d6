"""A visitor's Chromium with a fake camera and microphone; what its page hears and sees is sampled from inside."""

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Error, Playwright, sync_playwright
from playwright.sync_api import Page as PlaywrightPage

from .picture import Colour, write_y4m
from .process import descendants
from .programs import program
from .sound import write_tone

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
)
LOUD = -60.0
PURE = 10.0

T = TypeVar("T")


@dataclass(frozen=True)
class Sample:
    """One look at the page. `at` in seconds since 1970; level in dB of full scale; purity in dB above all
    else that sounds; colour None without a picture."""

    at: float
    state: str
    hertz: float
    level: float
    purity: float
    colour: Colour | None
    playing: bool

    def hears(self, hertz: float) -> bool:
        """Whether that tone, and hardly anything else, sounds now."""
        return self.level > LOUD and self.purity > PURE and abs(self.hertz - hertz) < 40


class Browser:
    """One Chromium whose microphone hears `tone` Hz and whose camera shows `colour`.

    Playwright may only be touched by the thread that started it, and not beside a running event loop: hence a
    thread of its own.
    """

    def __init__(self, home: Path, *, tone: int, colour: Colour, arguments: tuple[str, ...] = ()) -> None:
        self.tone = tone
        self.colour = colour
        self.home = home
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="playwright")
        self._pages: list[Page] = []
        home.mkdir(parents=True, exist_ok=True)
        sound = write_tone(home / "microphone.wav", tone, rate=48000, seconds=10)
        picture = write_y4m(home / "camera.y4m", colour)
        fakes = (f"--use-file-for-fake-audio-capture={sound}", f"--use-file-for-fake-video-capture={picture}")
        self._playwright: Playwright
        self._chromium: Chromium
        self.run(lambda: self._start([*ARGUMENTS, *fakes, *arguments]))

    def _start(self, arguments: list[str]) -> None:
        self._playwright = sync_playwright().start()
        self._chromium = self._playwright.chromium.launch(executable_path=program("chromium"), args=arguments)

    def run(self, work: Callable[[], T], timeout: float = 60.0) -> T:
        """Do something with Playwright on its own thread."""
        return self._thread.submit(work).result(timeout)

    def open(
        self, url: str, *, width: int = 1280, height: int = 800, language: str = "en-US", script: str = ""
    ) -> "Page":
        """A page of its own storage and cookies, at that address; `script` runs in it before its own do."""

        def work() -> tuple[BrowserContext, PlaywrightPage]:
            context = self._chromium.new_context(
                viewport={"width": width, "height": height},
                permissions=["camera", "microphone"],
                locale=language,
                ignore_https_errors=True,
            )
            context.add_init_script(path=Path(__file__).parent / "probe.js")
            context.add_init_script(script)
            page = context.new_page()
            page.set_default_timeout(45_000)
            page.goto(url)
            return context, page

        page = Page(self, *self.run(work))
        self._pages.append(page)
        return page

    def freeze(self) -> None:
        """Stop all its processes where they are, as a machine that goes to sleep."""
        for pid in self._processes():
            os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them run on."""
        for pid in self._processes():
            os.kill(pid, signal.SIGCONT)

    def _processes(self) -> list[int]:
        """Every process that has this browser's own microphone or descends from one that has."""
        mark = str(self.home / "microphone.wav").encode()
        roots = [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and mark in _command(p)]
        return sorted({pid for root in roots for pid in (root, *descendants(root))})

    def close_pages(self) -> None:
        """Close every page and its storage."""
        for page in self._pages:
            page.close()
        self._pages.clear()

    def stop(self) -> None:
        """End Chromium and Playwright."""

        def work() -> None:
            self._chromium.close()
            self._playwright.stop()

        try:
            self.close_pages()
            self.run(work)
        finally:
            self._thread.shutdown()


def _command(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


class Page:
    """One visitor's page."""

    def __init__(self, browser: Browser, context: BrowserContext, page: PlaywrightPage) -> None:
        self._browser = browser
        self._context = context
        self._page = page
        self.is_open = True
        self.console: list[str] = []
        browser.run(lambda: page.on("console", lambda message: self.console.append(message.text)))

    def evaluate(self, script: str) -> Any:
        """The value of a piece of JavaScript in the page."""
        return self._browser.run(lambda: self._page.evaluate(script))

    def press(self, selector: str, timeout: float = 30.0) -> None:
        """Click what the selector names, once it can be clicked."""
        self._browser.run(lambda: self._page.click(selector, timeout=timeout * 1000))

    def fill(self, selector: str, text: str) -> None:
        """Type into a field."""
        self._browser.run(lambda: self._page.fill(selector, text))

    def text(self) -> str:
        """All the text that is shown."""
        return self._browser.run(lambda: self._page.inner_text("body"))

    def samples(self) -> list[Sample]:
        """Every look at the page so far, 20 a second, since it was last loaded."""
        return [
            Sample(
                s["at"] / 1000,
                s["state"],
                s["hertz"],
                s["level"],
                s["purity"],
                None if s["colour"] is None else Colour(*s["colour"]),
                s["playing"],
            )
            for s in self.evaluate("window.__probe.samples")
        ]

    @property
    def state(self) -> str:
        """Where the page says the visit stands."""
        return str(self.evaluate("document.body.dataset.state ?? ''"))

    def wait_for_state(self, *states: str, timeout: float = 40.0) -> str:
        """Wait until the page is in one of those states. Raises TimeoutError."""
        return self.wait_until(lambda: self.state if self.state in states else None, f"state {states}", timeout)

    def wait_for_truth(self, truth: str) -> None:
        """Wait until that piece of JavaScript is true in the page, whichever it has become. Raises TimeoutError."""

        def look() -> bool | None:
            try:
                return self.evaluate(f"Boolean({truth})") or None
            except Error:
                # The page was left for another while it was looked at.
                return None

        self.wait_until(look, truth)

    def wait_until(self, look: Callable[[], T | None], what: str, timeout: float = 30.0) -> T:
        """Look again and again until there is something. Raises TimeoutError, with what the page shows."""
        deadline = time.monotonic() + timeout
        while True:
            found = look()
            if found is not None:
                return found
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"no {what} in {timeout} s; the page is {self.state!r}:\n{self.text()}\n{self.console}"
                )
            time.sleep(0.05)

    def wait_to_hear(self, hertz: float, timeout: float = 30.0) -> Sample:
        """The first sample in which that tone is the loudest."""
        return self.wait_until(
            lambda: next((s for s in self.samples() if s.hears(hertz)), None), f"{hertz} Hz", timeout
        )

    def wait_to_see(self, colour: Colour, timeout: float = 30.0) -> Sample:
        """The first sample in which the remote picture has that colour."""

        def look() -> Sample | None:
            return next((s for s in self.samples() if s.colour is not None and s.colour.near(colour)), None)

        return self.wait_until(look, f"{colour}", timeout)

    def stats(self) -> dict[str, Any]:
        """getStats() of the newest connection: "inbound-rtp audio" and so on, "pair" and "locals"."""
        return dict(self.evaluate("window.__probe.stats()"))

    def ufrag(self) -> str:
        """The ICE user fragment that the newest connection uses now."""
        return str(
            self.evaluate("/a=ice-ufrag:(\\S+)/.exec(window.__probe.connections.at(-1).localDescription.sdp)[1]")
        )

    def reload(self) -> None:
        """Load the page again, as a visitor would."""
        self._browser.run(lambda: self._page.reload())

    def join(self) -> None:
        """Press Join."""
        self.press("#join")

    def hang_up(self) -> None:
        """Press the button that ends the visit."""
        self.press("#hang-up")

    def set_offline(self, offline: bool) -> None:
        """Take the page's HTTP and WebSocket connections away, or give them back (media is not touched)."""
        self._browser.run(lambda: self._context.set_offline(offline))

    def screenshot(self, path: Path) -> None:
        """Keep what the page looks like."""
        self._browser.run(lambda: self._page.screenshot(path=path))

    def close(self) -> None:
        """Close it, as a visitor who shuts the browser; harmless when it is closed."""
        if self.is_open:
            self.is_open = False
            self._browser.run(self._context.close)
