"""The officers' page by the keyboard alone: the wall with a hundred calls, and the archive on a phone's screen."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from pytest_twisted import async_yield_fixture, ensureDeferred
from twisted.internet import reactor
from twisted.internet.threads import blockingCallFromThread, deferToThread

from parloir.calls.wall import Tile
from parloir.web.officer import Guardroom

from ..test_web_officer import FakeActs, FakeWall, Post, tile
from ..web_archive import archive, stock
from ..web_office import PASSWORD, counter
from .browser import Browser
from .keyboard import Hands
from .picture import GREEN

CALLS = 100
PAGE = 48


@async_yield_fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    wall, acts = FakeWall(), FakeActs()
    room: Any = (wall, acts)
    made = await counter(
        tmp_path / "home", archive=archive(tmp_path), guardroom=Guardroom(*room), public_url="http://127.0.0.1"
    )
    await made.office.database.run(stock)
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


def change(post: Post, *new: Tile) -> None:
    """Let something happen to calls."""

    def tell() -> None:
        for each in new:
            for onlooker in list(post.wall.onlookers):
                onlooker.changed(each.id, each.facility, each)

    blockingCallFromThread(reactor, tell)


def use(post: Post, home: Path, *uses: Callable[[Post, Hands], None]) -> None:
    """Log in, and use the page in these ways, one after the other."""
    browser = Browser(home, tone=700, colour=GREEN)
    try:
        page = browser.open(f"{post.counter.server.base}/login?next=/officer")
        page.fill("#user", "administrator")
        page.fill("#password", PASSWORD)
        page.press("#go")
        hands = Hands(browser, page)
        hands.wait(f"document.querySelectorAll('.tile').length === {PAGE}")
        for each in uses:
            each(post, hands)
        assert page.evaluate("window.__probe.errors") == []
    finally:
        browser.stop()


def walk_the_wall(post: Post, hands: Hands) -> None:
    """Go from tile to tile; what changes in sight is drawn in place, the focus stays, and so do all other tiles."""
    page = hands.page
    assert f"{CALLS} of {CALLS} calls" in page.text()
    hands.press("ArrowRight")
    hands.wait("document.activeElement.dataset.call === 'live1'")
    hands.press("ArrowRight")
    hands.wait("document.activeElement.dataset.call === 'c1'")
    page.evaluate("window.__tiles = [...document.querySelectorAll('.tile')]")
    change(post, a_call(1, holds=("officer",)))
    hands.wait("document.activeElement.textContent.includes('On hold')")
    assert page.evaluate("window.__tiles.every((tile) => tile.isConnected)")


def see_all_change(post: Post, hands: Hands) -> None:
    """A hundred changes at once are not a hundred drawings."""
    hands.page.evaluate(
        "new MutationObserver(() => (window.__drawn = (window.__drawn ?? 0) + 1))"
        ".observe(document.querySelector('#count'), { childList: true })"
    )
    change(post, *(a_call(number, withheld=("visitor audio",)) for number in range(CALLS)))
    hands.wait("[...document.querySelectorAll('.tile')].every((tile) => tile.textContent.includes('Withheld'))")
    assert 0 < hands.page.evaluate("window.__drawn") < CALLS


def narrow_the_wall(post: Post, hands: Hands) -> None:
    """Search, filter, and turn pages."""
    hands.press("/")
    hands.type("resident 42")
    hands.wait("document.querySelectorAll('.tile').length === 1")
    hands.page.fill("#search", "")
    hands.choose("#unit", "B")
    hands.wait(f"document.querySelectorAll('.tile').length === {CALLS // 4}")
    hands.choose("#state", "ringing")
    hands.wait("[...document.querySelectorAll('.tile')].every((tile) => tile.textContent.includes('ringing'))")
    hands.choose("#unit", "")
    hands.choose("#state", "")
    hands.page.press("#later")
    hands.wait("document.querySelector('.tile').dataset.call === 'c48'")
    hands.page.press("#earlier")
    hands.wait("document.querySelector('.tile').dataset.call === 'live1'")


def act_on_a_call(post: Post, hands: Hands) -> None:
    """Open a call, see that it is not recorded any more, pause it and end it."""
    page = hands.page
    hands.focus(".tile")
    hands.press("Enter")
    hands.wait("!document.querySelector('#card').hidden")
    assert "Its notice does not say" in page.text()
    change(post, a_call(0, recorded="failed"))
    hands.wait("document.querySelector('#card-notes').textContent.includes('Not recorded')")
    page.evaluate("document.activeElement.blur()")
    hands.press("p")
    hands.answer("a count")
    page.wait_until(lambda: post.acts.done or None, "the pause")
    assert post.acts.done == [("pause", "administrator", "live1", "a count")]
    hands.press("x")
    hands.wait("document.querySelector('#ask').open")
    hands.press("Enter")
    assert page.evaluate("document.querySelector('#ask').open")  # no end without a reason
    hands.answer("a fight")
    page.wait_until(lambda: post.counter.server.desk.ended or None, "the end")
    assert post.counter.server.desk.ended == [("live1", "a fight", "administrator")]
    hands.press("Escape")
    hands.wait("document.querySelector('#card').hidden")


FOUND = "[...document.querySelectorAll('#found button')].map((row) => row.dataset.recording).join()"
SEARCHES: tuple[tuple[dict[str, str], str], ...] = (
    ({"person": "sam"}, "r0"),
    ({"station": "pod-a-2"}, "r1"),
    ({"after": "2026-03-02", "before": "2026-03-02"}, "r1"),
    ({"class": "privileged"}, ""),
    ({"note": "nothing much"}, "r2"),
    ({"note": "raised voices"}, "r1"),
    ({}, "r2,r1,r0"),
)


def find_recordings(post: Post, hands: Hands) -> None:
    """On a phone's screen: by person, station, day, class and note."""
    hands.screen(360, 740)
    hands.focus("#to-recordings")
    hands.press("Enter")
    hands.wait(f"{FOUND} === 'r2,r1,r0'")
    hands.press("/")
    hands.wait("document.activeElement.id === 'find-person'")
    for wanted, ids in SEARCHES:
        for name in ("person", "station", "after", "before", "note"):
            hands.page.fill(f"#find-{name}", wanted.get(name, ""))
        hands.choose("#find-class", wanted.get("class", ""))
        hands.focus("#find-person")
        hands.press("Enter")
        hands.wait(f"{FOUND} === {ids!r}")
    days = "import(new URL('static/officer_days.js', location.href))"
    for day, began in (("2026-03-08", "2026-03-08T07:00:00.000Z"), ("2026-03-09", "2026-03-09T06:00:00.000Z")):
        assert hands.page.evaluate(f"{days}.then((days) => days.begins({day!r}, 'America/Denver'))") == began


def hold_a_recording(post: Post, hands: Hands) -> None:
    """Open one, hold it, write a note, lift the hold, close it: on the same small screen."""
    hands.focus("#to-recordings")
    hands.press("ArrowDown", "ArrowDown")
    hands.wait("document.activeElement.dataset.recording === 'r1'")
    hands.press("Enter")
    hands.wait("document.activeElement.id === 'player-title'")
    assert "Max Poe – Eve Moe" in hands.page.text()
    hands.press("h")
    hands.answer("case 5")
    hands.wait("document.querySelector('#holds').textContent.includes('administrator: case 5')")
    hands.wait("document.querySelector('#found button[data-recording=r1]')?.textContent.includes('Held')")
    hands.press("o")
    hands.answer("seen by me")
    hands.wait("document.querySelector('#marks').textContent.includes('administrator: seen by me')")
    for noted in ("lee: raised voices", "kim: a complaint"):
        assert noted in hands.page.text()
    assert hands.page.evaluate("document.documentElement.scrollWidth") <= 360
    hands.page.screenshot(hands.browser.home / "recording.png")
    hands.press("l")
    hands.answer("closed")
    hands.wait("document.querySelector('#holds').textContent === ''")
    custody = hands.page.evaluate("document.querySelector('#custody').textContent")
    for act in ("held (case 5)", "marked (seen by me)", "released (closed)"):
        assert act in custody
    hands.press("Escape")
    hands.wait("document.querySelector('#player').hidden")
    hands.wait("document.activeElement.dataset.recording === 'r1'")


@ensureDeferred
async def test_hundred_calls_and_their_recordings_are_at_an_officers_fingertips(post: Post, tmp_path: Path) -> None:
    uses = (walk_the_wall, see_all_change, narrow_the_wall, act_on_a_call, find_recordings, hold_a_recording)
    await deferToThread(use, post, tmp_path / "browser", *uses)
