"""Everybody a test needs, put up in its own directory and taken down at its end, whatever happened."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol, TypeVar

from parloir.rtp.sdes import Suite

from .baresip import Baresip
from .browser import Browser, Page
from .coturn import Coturn
from .gateway_process import Gateway
from .gateway_terms import Terms
from .house import House
from .kamailio import Kamailio
from .phone import Phone
from .picture import BLUE, Colour
from .raw_phone import RawPhone
from .scanner import Scanner
from .secure_phone import SecurePhone
from .sipp import Sipp
from .sipp_phone import SippPhone
from .twinkle import Twinkle
from .visitor import Visitor, Visitors

BROWSER_TONE = 1000


class Stops(Protocol):
    """Whatever can be taken down."""

    def stop(self) -> None: ...


Actor = TypeVar("Actor", bound=Stops)


class Stage:
    """Makes the actors of one test. `browser` and `house` are the session's; the pages and calls are this test's."""

    def __init__(self, home: Path, browser: Callable[[], Browser], house: House) -> None:
        self.home = home
        self._browser = browser
        self._house = house
        self._actors = ExitStack()
        self._count = 0
        self._visitors: Visitors | None = None
        self.gateways: list[Gateway] = []
        self.pages: list[Page] = []

    def _add(self, make: Callable[[Path], Actor], name: str) -> Actor:
        self._count += 1
        actor = make(self.home / f"{name}-{self._count}")
        self._actors.callback(actor.stop)
        return actor

    def gateway(self, stations: Mapping[str, str], *, own: bool = False, **settings: Any) -> Gateway:
        """A running gateway on these terms (Terms): the session's, where nothing else is asked for, or the test's
        `own`, which it may kill, drain, or count everything in."""
        terms = Terms(**settings)
        gateway = None if own else self._house.lease(stations, terms)
        if gateway is None:
            gateway = self._add(lambda home: Gateway(home, stations, terms), "gateway")
        else:
            self._actors.callback(self._house.give_back)
        self.gateways.append(gateway)
        return gateway

    def baresip(self, **settings: Any) -> Baresip:
        """A baresip; see Baresip."""
        return self._add(lambda home: Baresip(home, **settings), "baresip")

    def phone(self, *options: str, **settings: Any) -> Phone:
        """A simulated phone; see Phone."""
        return self._add(lambda home: Phone(home, *options, **settings), "phone")

    def raw_phone(self, **settings: Any) -> RawPhone:
        """A scripted phone; see RawPhone."""
        return self._add(lambda home: RawPhone(**settings), "raw-phone")

    def secure_phone(self, suite: Suite, **settings: Any) -> SecurePhone:
        """A scripted phone that encrypts; see SecurePhone."""
        return self._add(lambda home: SecurePhone(suite, **settings), "secure-phone")

    def sipp(self, calls: int, **settings: Any) -> Sipp:
        """Many stations; see Sipp."""
        return self._add(lambda home: Sipp(home, calls, **settings), "sipp")

    def kamailio(self, **settings: Any) -> Kamailio:
        """A PBX; see Kamailio."""
        return self._add(lambda home: Kamailio(home, **settings), "kamailio")

    def sipp_phone(self) -> SippPhone:
        """A phone that dials by a scenario; see SippPhone."""
        return self._add(SippPhone, "sipp-phone")

    def twinkle(self, **settings: Any) -> Twinkle:
        """A phone that tells its keys by SIP INFO; see Twinkle."""
        return self._add(lambda home: Twinkle(home, **settings), "twinkle")

    def scanner(self, *settings: Any) -> Scanner:
        """A host that looks for phones; see Scanner."""
        return self._add(lambda home: Scanner(*settings), "scanner")

    def coturn(self) -> Coturn:
        """A TURN server."""
        return self._add(Coturn, "coturn")

    def visitor(self, visit: Mapping[str, Any]) -> Visitor:
        """A visitor without a browser, who has opened the visit's link."""
        if self._visitors is None:
            self._visitors = self._add(lambda home: Visitors(), "visitors")
        return self._visitors.enter(visit["link"])

    def own_browser(self, *, tone: int = BROWSER_TONE, colour: Colour = BLUE) -> Browser:
        """A browser that is this test's alone, to be treated badly."""
        return self._add(lambda home: Browser(home, tone=tone, colour=colour), "browser")

    def page(self, visit: Mapping[str, Any], *, browser: Browser | None = None, **settings: Any) -> Page:
        """A visitor's page in the browser, at the visit's link."""
        page = (browser or self._browser()).open(visit["link"], **settings)
        self._actors.callback(page.close)
        self.pages.append(page)
        return page

    def keep_evidence(self) -> str:
        """After a failure: pictures of the pages, and the end of the gateways' logs as text."""
        for number, page in enumerate(self.pages):
            if page.is_open:
                page.screenshot(self.home / f"page-{number}.png")
        logs = [f"{g.process.log}:\n{g.process.tail(60)}" for g in self.gateways]
        return "\n\n".join([f"kept in {self.home}", *logs])

    def clear(self) -> None:
        """Take everybody down, the last come first."""
        self._actors.close()
