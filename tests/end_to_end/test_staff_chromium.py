"""Staff's pages in Chromium: the way in, what is seen, what is done, and the way out."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from pytest_twisted import async_yield_fixture, ensureDeferred
from sqlalchemy import Connection
from twisted.internet.threads import deferToThread

from parloir.store import alerts
from parloir.store.alerts import Severity

from ..web_office import NOW, PASSWORD, Counter, counter
from .browser import Browser
from .picture import GREEN

VISIT = {"facility": "north", "station": "pod-a-1", "visitor": "Ann Doe", "start": "now", "minutes": 10}


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    browser = Browser(tmp_path / "browser", tone=700, colour=GREEN)
    yield browser
    browser.close_pages()
    browser.stop()


@async_yield_fixture
async def desk(tmp_path: Path) -> AsyncIterator[Counter]:
    desk = await counter(tmp_path / "home", public_url="http://127.0.0.1")
    yield desk
    await desk.close()


def _shows(selector: str) -> str:
    return f"document.querySelector('{selector}')"


def _log_in_and_end_a_call(desk: Counter, browser: Browser) -> None:
    page = browser.open(f"{desk.server.base}/staff", width=360, height=740, language="es")
    page.wait_for_truth("location.href.endsWith('/login?next=%2Fstaff')")
    page.fill("#user", "administrator")
    page.fill("#password", "wrong")
    page.press("#go")
    page.wait_for_truth(_shows("#trouble:not([hidden])"))
    page.fill("#password", PASSWORD)
    page.press("#go")
    page.wait_for_truth(_shows("#visits li"))
    for words in ("The administrator", "Llamadas en curso", "Ann Doe", "pod-a-1 is out of order"):
        assert words in page.text()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.press("#alerts button")
    page.wait_for_truth(_shows("#alerts:empty"))
    page.press("#calls button")
    page.fill("#reason", "a fight")
    page.press("#do")
    page.wait_for_truth(_shows("#status:not(:empty)"))
    page.press("#log-out")
    page.wait_for_truth("location.pathname === '/login'")


@ensureDeferred
async def test_an_administrator_logs_in_ends_a_call_and_leaves_on_a_phones_screen(
    desk: Counter, browser: Browser
) -> None:
    def break_down(connection: Connection) -> None:
        alerts.add(connection, at=NOW, facility="north", severity=Severity.CRITICAL, text="pod-a-1 is out of order")

    await desk.office.database.run(break_down)
    await desk.server.ask("POST", "/api/v1/visits", VISIT)
    await deferToThread(_log_in_and_end_a_call, desk, browser)
    assert desk.server.desk.ended == [("live1", "a fight", "administrator")]
