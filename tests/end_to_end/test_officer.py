"""Officers in the whole gateway: the page in Chromium, what the parties hear of it, and what they never notice."""

import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from .baresip import FAKE_VIDEO
from .browser import Browser, Page
from .gateway_process import ApiError, Gateway
from .listener import Listener
from .officer import Officer, hire
from .packets import gaps, is_ours
from .picture import GREEN, RED
from .raw_phone import RawPhone
from .stage import BROWSER_TONE, Stage
from .visitor import Visitor

TONE, OFFICER_TONE = 2400, 1700
MONITORING: dict[str, Any] = {"monitoring": {"rules": [{"roles": ["officer", "administrator"]}]}}
TRIALS, AT_ONCE = 100, 10
SILENT_WITHIN = 0.5


@pytest.fixture(name="chromium")
def officers_browser(stage: Stage) -> Browser:
    return stage.own_browser(tone=OFFICER_TONE, colour=GREEN)


def hears(page: Page, hertz: float, timeout: float = 15.0) -> None:
    """Wait until that tone is the loudest on a visitor's page from now on."""
    began = time.time()

    def look() -> bool | None:
        late = [each for each in page.samples() if each.at > began]
        return any(each.level > -60 and abs(each.hertz - hertz) < 40 for each in late) or None

    page.wait_until(look, f"{hertz} Hz now", timeout)


def test_officer_opens_a_call_within_a_second_and_acts_on_it(stage: Stage, chromium: Browser, tmp_path: Path) -> None:
    phone = stage.baresip(tone=TONE, user="1001")
    gateway = stage.gateway({"pod-a-1": phone.address}, plugins=MONITORING)
    hire(gateway)
    visit = gateway.add_visit()
    page = stage.page(visit)
    page.join()
    page.wait_for_state("notice")
    assert "monitored" in page.text()
    page.wait_for_state("talking")
    page.wait_to_see(FAKE_VIDEO)
    call = gateway.call(visit)["id"]

    officer = Officer(chromium, gateway)
    officer.shows(".tile .thumbs video")
    officer.wait_for("[...document.querySelectorAll('.thumbs video')].every((screen) => screen.videoWidth > 0)")
    opened = officer.open(call)
    print("opened", opened)
    for party, tone in (("inside", TONE), ("visitor", BROWSER_TONE)):
        assert opened[party]["frame"] < 1000
        assert opened[party]["sound"] < 1000
        assert abs(officer.tones()[party] - tone) < 40
    listeners = gateway.api("GET", "/api/v1/wall")["calls"][0]["listeners"]
    assert [(each["user"], each["thumbnails"]) for each in listeners] == [("sergeant", True), ("sergeant", False)]

    phone.wait_to_hear(BROWSER_TONE)
    officer.act("b", "a warning to both")
    hears(page, OFFICER_TONE)
    phone.wait_to_hear(OFFICER_TONE)
    officer.wait_for("document.querySelector('#card-notes').textContent.includes('speaks')")
    officer.page.screenshot(tmp_path / "officer.png")
    officer.page.press("#acts button[data-key='b']")
    hears(page, TONE)
    officer.wait_for("!document.querySelector('#card-notes').textContent.includes('speaks')")

    officer.act("p", "a count")
    page.wait_for_state("held")
    officer.wait_for("document.querySelector('#acts button[data-key=p]').textContent.includes('Resume')")
    officer.act("p", "counted")
    page.wait_for_state("talking")
    officer.act("x", "a fight")
    page.wait_for_state("ended")
    officer.wait_for("document.querySelector('#card').hidden")
    assert gateway.end_reason(visit) == "OfficerEnded"
    kinds = [event["kind"] for event in gateway.timeline(visit)]
    for kind in ("listening_begun", "speaking_begun", "speaking_ended", "officer_paused", "officer_resumed"):
        assert kind in kinds
    assert officer.page.evaluate("window.__probe.errors") == []


def test_confidential_call_is_shown_and_cannot_be_opened(stage: Stage, chromium: Browser) -> None:
    phone = stage.phone(tone=TONE, colour=RED)
    gateway = stage.gateway({"pod-a-1": phone.address}, plugins=MONITORING)
    hire(gateway)
    visit = gateway.add_visit(**{"class": "privileged"})
    page = stage.page(visit)
    page.join()
    page.wait_for_state("talking")
    call = gateway.call(visit)["id"]
    officer = Officer(chromium, gateway)
    officer.shows(f".tile.privileged[data-call='{call}']")
    officer.page.press(f".tile[data-call='{call}']")
    officer.shows("#closed:not([hidden])")
    assert "Confidential" in officer.page.text()
    keys = officer.page.evaluate("[...document.querySelectorAll('#acts button')].map((each) => each.dataset.key)")
    assert keys == ["o", "x"]
    assert officer.page.evaluate("window.__probe.connections.length") == 0
    for path, body in (
        ("warning", {"text": "x"}),
        ("withheld", {"party": "inside", "kind": "audio", "on": True}),
        ("pause", {}),
        ("speakers", {"sdp": officer_offer(officer), "to": "both", "reason": "x"}),
        ("listeners", {"sdp": officer_offer(officer)}),
        ("listeners", {"sdp": officer_offer(officer), "thumbnails": True}),
    ):
        with pytest.raises(ApiError) as refused:
            gateway.api("POST", f"/api/v1/calls/{call}/{path}", body)
        assert refused.value.status == 403, path
    officer.act("x", "a fire")
    page.wait_for_state("ended")
    assert gateway.end_reason(visit) == "OfficerEnded"


def officer_offer(officer: Officer) -> str:
    """An offer that could be taken, of a connection that is then thrown away."""
    script = """(async () => {
      const connection = new window.RTCPeerConnection();
      for (const kind of ["audio", "video"]) connection.addTransceiver(kind);
      await connection.setLocalDescription();
      const { sdp } = connection.localDescription;
      connection.close();
      return sdp;
    })()"""
    return str(officer.page.evaluate(script))


def test_call_waits_for_somebody_who_listens_where_one_must(stage: Stage, chromium: Browser) -> None:
    phone = stage.phone(tone=TONE, colour=RED)
    plugins = {"monitoring": {**MONITORING["monitoring"], "present": ["A"]}}
    gateway = stage.gateway({"pod-a-1": phone.address}, plugins=plugins)
    hire(gateway)
    visit = gateway.add_visit()
    page = stage.page(visit)
    page.join()
    page.wait_for_state("held")
    officer = Officer(chromium, gateway)
    officer.shows(".tile.waits")
    officer.shows("#alerts li")
    assert not any(sample.hears(TONE) for sample in page.samples())
    officer.page.press(f".tile[data-call='{gateway.call(visit)['id']}']")
    page.wait_for_state("talking")
    page.wait_to_hear(TONE)
    officer.page.close()
    page.wait_for_state("held")
    page.hang_up()


def checked(sent: list[bytes], received: list[Any]) -> None:
    """What came must be what was sent, by hash, with no number missing and no step in time."""
    ours = [packet for packet in received if is_ours(packet.payload)]
    assert gaps(ours) == []
    first = sent.index(ours[0].payload)
    went_in = [sha256(each).digest() for each in sent[first : first + len(ours)]]
    assert [sha256(each.payload).digest() for each in ours] == went_in
    assert len({packet.ssrc for packet in ours}) == 1


def test_parties_packets_are_the_same_while_listeners_come_and_go(stage: Stage) -> None:
    phone = stage.raw_phone()
    gateway = stage.gateway({"pod-a-1": phone.address}, plugins=MONITORING)
    visit = gateway.add_visit()
    visitor = stage.visitor(visit)
    visitor.join()
    phone.talk(phone.wait_for("INVITE", 30).body)
    visitor.wait_for_state("talking", 40)
    call = gateway.call(visit)["id"]
    listener = Listener(stage.own_browser(), gateway)
    for _ in range(3):
        id = listener.listen(call)["id"]
        time.sleep(2)
        gateway.api("DELETE", f"/api/v1/calls/{call}/listeners/{id}")
        time.sleep(1)
    assert phone.video is not None
    for kind, end in (("audio", phone.audio), ("video", phone.video)):
        checked(list(end.sent), list(visitor.received[kind]))
        checked(list(visitor.tracks[kind].sent), list(end.received))
    visitor.leave()


def silent_after(gateway: Gateway, call: str, phone: RawPhone, visitor: Visitor) -> float:
    """End a call; how long after that was asked for its last packet came to either end, in seconds."""
    heard = (phone.audio.received, visitor.received["audio"])
    assert all(is_ours(end[-1].payload) for end in heard)
    asked = time.time()
    gateway.api("DELETE", f"/api/v1/calls/{call}", {"reason": "a trial"})
    time.sleep(2 * SILENT_WITHIN)
    return max(packet.at for end in heard for packet in list(end)) - asked


def test_end_is_silence_at_both_within_half_a_second(stage: Stage) -> None:
    names = [f"pod-{number}" for number in range(AT_ONCE)]
    phones = {name: stage.raw_phone(video=False) for name in names}
    gateway = stage.gateway({name: phone.address for name, phone in phones.items()}, calls=AT_ONCE, port_rest=1)
    taken: list[float] = []
    while len(taken) < TRIALS:
        visits = {name: gateway.add_visit(name) for name in names}
        visitors = {name: stage.visitor(visit) for name, visit in visits.items()}
        for visitor in visitors.values():
            visitor.join(video=False)
        for name, visitor in visitors.items():
            phones[name].talk(phones[name].wait_for("INVITE", 60).body)
            visitor.wait_for_state("talking", 60)
        time.sleep(1)
        for name in names:
            call = gateway.call(visits[name])["id"]
            taken.append(silent_after(gateway, call, phones[name], visitors[name]))
            phones[name].be_quiet()
    print(f"silent after {max(taken) * 1000:.0f} ms at most, {sorted(taken)[len(taken) // 2] * 1000:.0f} ms mostly")
    assert len(taken) >= TRIALS
    assert max(taken) < SILENT_WITHIN


def cost(gateway: Gateway, visit: dict[str, Any]) -> float:
    """What the relay's processor takes for a packet of the call from now on, in microseconds, over ten seconds."""

    def reports() -> list[dict[str, Any]]:
        return [event["data"] for event in gateway.timeline(visit) if event["kind"] == "quality"]

    start = len(reports()) + 1
    gateway.wait_until(lambda: len(reports()) > start + 1 or None, "two reports", 40)
    before, after = reports()[start : start + 2]
    return (after["cpu"] - before["cpu"]) * 1000 / (packets(after) - packets(before))


def packets(report: dict[str, Any]) -> int:
    """All packets of a report."""
    return sum(stream["received"] + stream["sent"] for leg in ("phone", "browser") for stream in report[leg])


def test_speaking_costs_only_while_it_lasts(stage: Stage, chromium: Browser) -> None:
    phone = stage.raw_phone()
    gateway = stage.gateway({"pod-a-1": phone.address}, plugins=MONITORING)
    hire(gateway)
    visit = gateway.add_visit()
    visitor = stage.visitor(visit)
    visitor.join()
    phone.talk(phone.wait_for("INVITE", 30).body)
    visitor.wait_for_state("talking", 40)
    before = cost(gateway, visit)
    officer = Officer(chromium, gateway)
    officer.page.press(".tile")
    officer.act("b")
    gateway.event(visit, "speaking")
    meanwhile = cost(gateway, visit)
    officer.page.close()
    gateway.event(visit, "speaking_ended")
    after = cost(gateway, visit)
    print(f"us of the relay's CPU per packet: {before:.0f}, while an officer speaks {meanwhile:.0f}, then {after:.0f}")
    assert after < 1.5 * before
    assert gaps([packet for packet in visitor.received["audio"] if packet.payload_type >= 0]) == []
    visitor.leave()


def test_officer_finds_and_plays_a_recording_with_a_bookmark(stage: Stage, chromium: Browser) -> None:
    phone = stage.phone(tone=TONE, colour=RED)
    plugins = MONITORING | {"recording": {"record": "ordinary", "play": ["officer"]}}
    gateway = stage.gateway({"pod-a-1": phone.address}, plugins=plugins, records=True)
    hire(gateway)
    visit = gateway.add_visit()
    page = stage.page(visit)
    page.join()
    page.wait_for_state("talking")
    page.wait_to_see(RED)
    time.sleep(4)
    page.hang_up()
    gateway.event(visit, "recording_ended")
    officer = Officer(chromium, gateway)
    officer.page.press("#to-recordings")
    officer.shows("#found li button")
    officer.page.press("#found li button")
    officer.page.fill("#reason", "a complaint")
    officer.page.press("#do")
    officer.wait_for("document.querySelector('#playback').readyState >= 2", 60)
    assert officer.page.evaluate("document.querySelector('#playback').duration") > 3
    assert officer.page.evaluate("document.querySelector('#playback').videoWidth") > 0
    officer.page.press("#mark")
    officer.page.fill("#reason", "here it is")
    officer.page.press("#do")
    officer.wait_for("document.querySelector('#marks').textContent.includes('here it is')")
    acts = [(each["actor"], each["action"]) for each in recording(gateway)["acts"]]
    assert ("sergeant", "recording.played") in acts


def recording(gateway: Gateway) -> dict[str, Any]:
    """The gateway's one recording, with all that was done to it."""
    (found,) = gateway.api("GET", "/api/v1/recordings")["recordings"]
    detail: dict[str, Any] = gateway.api("GET", f"/api/v1/recordings/{found['id']}")
    return detail
