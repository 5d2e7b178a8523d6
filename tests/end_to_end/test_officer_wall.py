"""The officers' page with a hundred calls: all of it by the keyboard, and every change in sight at once."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from pytest_twisted import async_yield_fixture, ensureDeferred
from twisted.internet import reactor
from twisted.internet.threads import blockingCallFromThread, deferToThread

from parloir.calls.wall import Tile
from parloir.web.officer import Guardroom

from ..test_web_officer import FakeActs, FakeWall, Post, tile
from ..web_office import PASSWORD, counter
from .browser import Browser
from .picture import GREEN

CALLS = 100
PAGE = 48


@async_yield_fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    wall, acts = FakeWall(), FakeActs()
    room: Any = (wall, acts)
    made = await counter(tmp_path / "home", guardroom=Guardroom(*room), public_url="http://127.0.0.1")
    wall.shown = [a_call(number) for number in range(CALLS)]
    yield Post(made, wall, acts)
    await made.close()


def a_call(number: int, **facts: Any) -> Tile:
    """One of many calls; none can be opened, for there is no media here. The first has the desk's live call's id."""
    given: dict[str, Any] = {
        "station": f"pod-{number:03}",
        "unit": "ABCD"[number % 4],
        "resident": f"Resident {number}",
        "state": "active" if number % 3 else "ringing",
        "opens": False,
    }
    return tile("live1" if number == 0 else f"c{number}", **given | facts)


def change(post: Post, new: Tile) -> None:
    """Let something happen to a call."""

    def tell() -> None:
        for onlooker in list(post.wall.onlookers):
            onlooker.changed(new.id, new.facility, new)

    blockingCallFromThread(reactor, tell)  # type: ignore[no-untyped-call]


def _watch(post: Post, home: Path) -> None:
    browser = Browser(home, tone=700, colour=GREEN)
    try:
        _use(post, browser)
    finally:
        browser.stop()


def _use(post: Post, browser: Browser) -> None:
    page = browser.open(f"{post.counter.server.base}/login?next=/officer")
    page.fill("#user", "officer")
    page.fill("#password", PASSWORD)
    page.press("#go")

    def wait(truth: str) -> Any:
        def look() -> Any:
            try:
                return page.evaluate(truth) or None
            except Exception:
                return None  # the page was left for another while it was looked at

        return page.wait_until(look, truth)

    def key(name: str) -> None:
        browser.run(lambda: page._page.keyboard.press(name))

    wait(f"document.querySelectorAll('.tile').length === {PAGE}")
    assert f"{CALLS} of {CALLS} calls" in page.text()
    key("ArrowRight")
    wait("document.activeElement.dataset.call === 'live1'")
    key("ArrowRight")
    wait("document.activeElement.dataset.call === 'c1'")

    # A change in sight is drawn in place: the focus stays where it is, and so do all other tiles.
    page.evaluate("window.__tiles = [...document.querySelectorAll('.tile')]")
    change(post, a_call(1, holds=("officer",)))
    wait("document.activeElement.textContent.includes('On hold')")
    assert page.evaluate("window.__tiles.every((tile) => tile.isConnected)")

    # A hundred changes in a moment are drawn within one.
    page.evaluate(
        "new PerformanceObserver((list) => (window.__long = Math.max(window.__long ?? 0,"
        " ...list.getEntries().map((each) => each.duration)))).observe({ type: 'longtask' })"
    )
    for number in range(CALLS):
        change(post, a_call(number, withheld=("visitor audio",)))
    wait("[...document.querySelectorAll('.tile')].every((tile) => tile.textContent.includes('Withheld'))")
    assert page.evaluate("window.__long ?? 0") < 500

    key("/")
    browser.run(lambda: page._page.keyboard.type("resident 42"))
    wait("document.querySelectorAll('.tile').length === 1")
    browser.run(lambda: page._page.fill("#search", ""))
    browser.run(lambda: page._page.select_option("#unit", "B"))
    wait(f"document.querySelectorAll('.tile').length === {CALLS // 4}")
    browser.run(lambda: page._page.select_option("#state", "ringing"))
    wait("[...document.querySelectorAll('.tile')].every((tile) => tile.textContent.includes('ringing'))")
    for select in ("#unit", "#state"):
        browser.run(lambda select=select: page._page.select_option(select, ""))  # type: ignore[misc]
    page.press("#later")
    wait("document.querySelector('.tile').dataset.call === 'c48'")
    page.press("#earlier")

    # Open, pause, end: by keys alone.
    page.evaluate("document.querySelector('.tile').focus()")
    key("Enter")
    wait("!document.querySelector('#card').hidden")
    assert "Its notice does not say" in page.text()
    page.evaluate("document.activeElement.blur()")
    key("p")
    wait("document.querySelector('#ask').open")
    browser.run(lambda: page._page.keyboard.type("a count"))
    key("Enter")
    page.wait_until(lambda: post.acts.done or None, "the pause")
    assert post.acts.done == [("pause", "officer", "live1", "a count")]
    key("x")
    wait("document.querySelector('#ask').open")
    key("Enter")
    assert page.evaluate("document.querySelector('#ask').open")  # no end without a reason
    browser.run(lambda: page._page.keyboard.type("a fight"))
    key("Enter")
    page.wait_until(lambda: post.counter.server.desk.ended or None, "the end")
    assert post.counter.server.desk.ended == [("live1", "a fight", "officer")]
    key("Escape")
    wait("document.querySelector('#card').hidden")
    assert page.evaluate("window.__probe.errors") == []
    page.screenshot(browser.home / "wall.png")


@ensureDeferred
async def test_hundred_calls_are_watched_and_acted_on_by_the_keyboard(post: Post, tmp_path: Path) -> None:
    await deferToThread(_watch, post, tmp_path / "browser")
