"""What the end-to-end tests are given: a stage, and one browser for the whole session."""

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from .browser import Browser
from .house import House
from .pace import Lateness
from .picture import BLUE
from .stage import BROWSER_TONE, Stage

FEW = 3
"""As many may be run again."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """See pytest_collection_finish."""
    parser.addoption("--alone", action="store_true", help="run again what failed beside others, where that is allowed")


def pytest_collection_finish(session: pytest.Session) -> None:
    """What may be run again alone: a few tests, and none that holds an invariant."""
    if not session.config.getoption("--alone"):
        return
    if len(session.items) > FEW:
        raise pytest.UsageError(f"{len(session.items)} tests failed: too many to blame the machine")
    for item in session.items:
        if item.get_closest_marker("invariant"):
            raise pytest.UsageError(f"{item.nodeid} holds what never breaks: its failure counts")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first, so that no worker is left with one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Browser]]:
    """The session's Chromium, started when first asked for."""
    started: list[Browser] = []

    def get() -> Browser:
        if not started:
            home = tmp_path_factory.mktemp("browser")
            started.append(Browser(home, tone=BROWSER_TONE, colour=BLUE))
        return started[0]

    yield get
    for one in started:
        one.stop()


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Where the session's gateway is had."""
    house = House(tmp_path_factory.mktemp)
    yield house
    house.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Keep what a failed test's stage looked like, while it still stands."""
    report = yield
    stage = getattr(item, "funcargs", {}).get("stage")
    if call.when == "call" and report.failed and isinstance(stage, Stage):
        report.sections.append(("stage", stage.keep_evidence()))
    return report


@pytest.fixture
def late() -> Iterator[Lateness]:
    """How late the machine is during the test."""
    with Lateness() as late:
        yield late


@pytest.fixture
def stage(tmp_path: Path, browser: Callable[[], Browser], house: House) -> Iterator[Stage]:
    """An empty stage for one test."""
    stage = Stage(tmp_path, browser, house)
    try:
        yield stage
    finally:
        stage.clear()
