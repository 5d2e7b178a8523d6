"""The visitor's page in Chromium, with a desk that plays the gateway and aiortc as the far side."""

import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from pytest_twisted import async_yield_fixture, ensureDeferred
from twisted.internet import reactor
from twisted.internet.threads import blockingCallFromThread, deferToThread

from parloir.webrtc.signalling import Ended, Hint, Notice, Status, ToPage, Warn, Welcome

from ..web_desk import LINK, FakeDesk
from ..web_server import Server, serve
from .browser import Browser, Page
from .far_side import FarSide
from .picture import GREEN

TONE = 700
IN_TEN_MINUTES = timedelta(minutes=10)


class Scene:
    """One page and its gateway; everything here is called from the test's own thread, beside the reactor's."""

    def __init__(self, server: Server, far: FarSide, browser: Browser) -> None:
        self.server = server
        self.far = far
        self.browser = browser
        self.desk: FakeDesk = server.desk

    def open(self, **settings: Any) -> Page:
        return self.browser.open(f"{self.server.base}/visit/{LINK}", **settings)

    def tell(self, *messages: ToPage) -> None:
        """Send to the newest page."""
        for message in messages:
            blockingCallFromThread(reactor, self.desk.rooms[-1].page.send, message)

    def until(self, look: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + 10
        while not look():
            assert time.monotonic() < deadline, what
            time.sleep(0.05)

    def talk(self, page: Page) -> None:
        """Join, be answered, and talk."""
        page.wait_for_state("check")
        page.press("#join")
        page.wait_until(lambda: page.stats().get("pair"), "connection")
        self.tell(Status(state="talking", ends=datetime.now(UTC) + IN_TEN_MINUTES))
        page.wait_for_state("talking")


def welcome(start: timedelta = timedelta(0)) -> Welcome:
    now = datetime.now(UTC)
    return Welcome(
        visitor="Ann Doe",
        facility="North County Jail",
        station="pod-a-1",
        start=now + start,
        end=now + start + IN_TEN_MINUTES,
        now=now,
    )


@async_yield_fixture
async def scene(tmp_path: Path, browser: Callable[[], Browser]) -> AsyncIterator[Scene]:
    server = await serve(tmp_path, public_url="http://127.0.0.1")
    far = FarSide(TONE, GREEN)
    server.desk.welcome = welcome()
    server.desk.on_message = far.take
    chromium = await deferToThread(browser)
    yield Scene(server, far, chromium)
    await deferToThread(chromium.close_pages)
    await far.close()
    await server.web.close()


@ensureDeferred
async def test_a_visitor_checks_devices_joins_sees_and_hears_and_hangs_up(scene: Scene) -> None:
    await deferToThread(_a_whole_visit, scene)


def _a_whole_visit(scene: Scene) -> None:
    page = scene.open()
    page.wait_for_state("check")
    assert "Hello, Ann Doe" in page.text()
    page.wait_until(lambda: int(page.evaluate("level.ariaValueNow")) > 5 or None, "level of the microphone")
    assert page.evaluate("preview.videoWidth") == 640
    scene.far.limits = {"width": 320, "height": 240, "frame_rate": 15.0, "bitrate": 256_000}
    page.press("#join")
    page.wait_for_state("ringing")
    page.wait_to_hear(TONE)
    scene.tell(Status(state="notice", text="This call is recorded."), Notice(text="This call is recorded."))
    page.wait_for_state("notice")
    assert "This call is recorded." in page.text()
    scene.tell(Status(state="talking", ends=datetime.now(UTC) + IN_TEN_MINUTES), Hint(quality="fair"))
    page.wait_for_state("talking")
    assert "This call is recorded." not in page.text()
    page.wait_to_see(GREEN)
    assert page.samples()[-1].playing
    encoding = page.evaluate("__probe.connections[0].getSenders()[1].getParameters().encodings[0]")
    assert (encoding["maxBitrate"], encoding["maxFramerate"], encoding["scaleResolutionDownBy"]) == (256_000, 15, 2)
    assert "left" in page.text()
    page.press("#hang-up")
    scene.until(lambda: scene.far.left, "Leave")
    scene.tell(Ended(reason="VisitorLeft", text="You left.", again=True))
    page.wait_for_state("ended")
    assert "You left the visit." in page.text()
    assert page.evaluate("__probe.errors") == []


@ensureDeferred
async def test_a_reload_in_mid_call_joins_again_by_itself(scene: Scene) -> None:
    await deferToThread(_reload, scene)


def _reload(scene: Scene) -> None:
    page = scene.open()
    scene.talk(page)
    page.reload()
    scene.until(lambda: scene.far.joins == 2, "second Join")
    page.wait_until(lambda: page.stats().get("pair"), "connection")
    scene.tell(Status(state="talking"))
    page.wait_to_hear(TONE)
    page.wait_to_see(GREEN)


@ensureDeferred
async def test_a_lost_line_to_the_gateway_comes_back_without_disturbing_the_call(scene: Scene) -> None:
    await deferToThread(_lost_line, scene)


def _lost_line(scene: Scene) -> None:
    page = scene.open()
    scene.talk(page)
    blockingCallFromThread(reactor, scene.desk.rooms[-1].page.close, "gone")
    scene.until(lambda: len(scene.desk.rooms) == 2, "second WebSocket")
    scene.tell(Status(state="talking"))
    time.sleep(4)
    assert page.state == "talking"
    assert (scene.far.joins, scene.far.restarts) == (1, 0)
    assert page.samples()[-1].playing


@ensureDeferred
async def test_a_call_that_ended_meanwhile_is_said_to_have_ended(scene: Scene) -> None:
    await deferToThread(_ended_meanwhile, scene)


def _ended_meanwhile(scene: Scene) -> None:
    page = scene.open()
    scene.talk(page)
    blockingCallFromThread(reactor, scene.desk.rooms[-1].page.close, "gone")
    page.wait_for_state("ended")
    assert "while your connection was away" in page.text()
    assert page.evaluate("again.hidden") is False


@ensureDeferred
async def test_a_change_of_network_restarts_ice_on_the_same_connection(scene: Scene) -> None:
    await deferToThread(_network_change, scene)


def _network_change(scene: Scene) -> None:
    page = scene.open()
    scene.talk(page)
    before = page.ufrag()
    page.evaluate("dispatchEvent(new Event('online'))")
    scene.until(lambda: scene.far.restarts == 1, "Restart")
    assert page.ufrag() != before
    assert page.evaluate("__probe.connections.length") == 1
    assert scene.far.joins == 1


@ensureDeferred
async def test_mute_and_camera_work_by_key_and_outlast_a_reload(scene: Scene) -> None:
    await deferToThread(_keys, scene)


def _keys(scene: Scene) -> None:
    page = scene.open()
    scene.talk(page)
    for key in "mv":
        page.evaluate(f"document.body.dispatchEvent(new KeyboardEvent('keydown', {{key: '{key}', bubbles: true}}))")
    enabled = "__probe.connections.at(-1).getSenders().map((s) => s.track.enabled)"
    assert page.evaluate(enabled) == [False, False]
    assert page.evaluate("mute.ariaPressed") == "true"
    page.reload()
    scene.until(lambda: scene.far.joins == 2, "second Join")
    page.wait_until(lambda: page.evaluate("__probe.connections.length") or None, "connection")
    assert page.evaluate(enabled) == [False, False]


@ensureDeferred
async def test_before_its_time_the_waiting_room_counts_down_and_can_be_left(scene: Scene) -> None:
    scene.desk.welcome = welcome(timedelta(minutes=5))
    scene.desk.on_message = None
    await deferToThread(_wait, scene)


def _wait(scene: Scene) -> None:
    page = scene.open()
    page.wait_for_state("check")
    page.press("#join")
    scene.until(lambda: scene.desk.rooms[-1].said, "Join")
    scene.tell(Status(state="waiting"))
    page.wait_for_state("waiting")
    page.wait_until(lambda: "4:5" in page.text() or None, "countdown")
    page.press("#go-back")
    page.wait_for_state("check")
    scene.until(lambda: scene.desk.rooms[-1].said[-1].type == "leave", "Leave")


@ensureDeferred
async def test_a_phone_without_a_picture_is_a_kind_visit_by_sound(scene: Scene) -> None:
    scene.far = FarSide(TONE, GREEN, video=False)
    scene.desk.on_message = scene.far.take
    await deferToThread(_sound_only, scene)
    await scene.far.close()


def _sound_only(scene: Scene) -> None:
    page = scene.open()
    scene.talk(page)
    assert "No lens." in page.text()
    page.wait_to_hear(TONE)


@ensureDeferred
async def test_without_permission_the_page_says_what_to_do_and_offers_no_join(scene: Scene) -> None:
    await deferToThread(_denied, scene)


def _denied(scene: Scene) -> None:
    refuse = "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotAllowedError') }"
    page = scene.open(script=refuse)
    page.wait_for_state("check")
    page.wait_until(lambda: "Please allow the microphone" in page.text() or None, "advice")
    assert page.evaluate("join.disabled") is True
    assert page.evaluate("retry.hidden") is False


@ensureDeferred
async def test_without_a_camera_one_joins_by_sound_and_still_sees(scene: Scene) -> None:
    await deferToThread(_no_camera, scene)


def _no_camera(scene: Scene) -> None:
    script = """
        const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
        navigator.mediaDevices.getUserMedia = async (wanted) => {
          if (wanted.video) throw new DOMException('', 'NotFoundError');
          return open(wanted);
        };"""
    page = scene.open(script=script)
    page.wait_for_state("check")
    page.wait_until(lambda: "No camera was found" in page.text() or None, "advice")
    scene.talk(page)
    page.wait_to_see(GREEN)
    assert page.evaluate("camera.disabled") is True


@ensureDeferred
async def test_an_old_browser_is_told_so(scene: Scene) -> None:
    await deferToThread(_old_browser, scene)


def _old_browser(scene: Scene) -> None:
    page = scene.open(script="delete window.RTCPeerConnection")
    page.wait_for_state("blocked")
    assert "current version" in page.text()


@ensureDeferred
async def test_spanish_visitors_read_spanish(scene: Scene) -> None:
    await deferToThread(_spanish, scene)


def _spanish(scene: Scene) -> None:
    page = scene.open(language="es-MX")
    page.wait_for_state("check")
    assert "Hola, Ann Doe" in page.text()
    assert page.evaluate("document.documentElement.lang") == "es"
    scene.tell(Ended(reason="LimitReached", text="The time is over."))
    page.wait_for_state("ended")
    assert "El tiempo de esta visita ha terminado." in page.text()


@ensureDeferred
async def test_an_unknown_link_is_a_clear_ending(scene: Scene) -> None:
    scene.desk.tokens.clear()
    await deferToThread(_unknown_link, scene)


def _unknown_link(scene: Scene) -> None:
    page = scene.open()
    page.wait_for_state("ended")
    assert "Please ask for a new one." in page.text()
    assert page.evaluate("again.hidden") is True


@ensureDeferred
async def test_nothing_overflows_a_narrow_screen_either_way_round(scene: Scene) -> None:
    await deferToThread(_narrow, scene)


def _shows(page: Page, text: str) -> bool:
    return text in page.text()


def _narrow(scene: Scene) -> None:
    for width, height in ((360, 640), (640, 360)):
        page = scene.open(width=width, height=height)
        scene.talk(page)
        scene.tell(Warn(text="One minute is left."), Hint(quality="poor"))
        scene.until(partial(_shows, page, "One minute"), "warning")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        outside = """[...document.querySelectorAll('#call button:not([hidden]), #self')].filter((e) => {
            const box = e.getBoundingClientRect();
            return box.left < 0 || box.top < 0 || box.right > innerWidth || box.bottom > innerHeight;
        }).map((e) => e.id)"""
        assert page.evaluate(outside) == []
