"""Officers in the whole gateway: the page in Chromium, what the parties hear of it, and what they never notice."""

import json
import resource
import tarfile
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from parloir.export.job import CUSTODY
from parloir.export.verify import verify

from .baresip import FAKE_VIDEO, Baresip
from .browser import Browser, Page
from .gateway_process import ApiError, Gateway
from .listener import Listener
from .officer import Officer, hire
from .pace import Lateness
from .packets import gaps, is_ours
from .picture import GREEN, RED
from .raw_phone import RawPhone
from .stage import BROWSER_TONE, Stage
from .visitor import Visitor

TONE, OFFICER_TONE = 2400, 1700
MONITORING: dict[str, Any] = {"monitoring": {"rules": [{"roles": ["officer", "administrator"]}]}}
TRIALS, AT_ONCE = 100, 10
SILENT_WITHIN = 0.5
NOTED = "They spoke of money."


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


def opens(officer: Officer, call: str) -> None:
    """The page shows thumbnails; opened, both are seen and heard."""
    officer.shows(".tile .thumbs video")
    officer.wait_for("[...document.querySelectorAll('.thumbs video')].every((screen) => screen.videoWidth > 0)")
    opened = officer.open(call)
    print(f"opened, frame and sound in ms: {opened}")
    for party, tone in (("inside", TONE), ("visitor", BROWSER_TONE)):
        assert abs(officer.tones()[party] - tone) < 40


def speaks_to_both(officer: Officer, page: Page, phone: Baresip) -> None:
    """Both hear the officer, as long as the officer speaks."""
    phone.wait_to_hear(BROWSER_TONE)
    officer.act("b", "a warning to both")
    hears(page, OFFICER_TONE)
    phone.wait_to_hear(OFFICER_TONE)
    officer.reads("#card-notes", "speaks")
    officer.page.press("#acts button[data-key='b']")
    hears(page, TONE)
    officer.wait_for("!document.querySelector('#card-notes').textContent.includes('speaks')")


def is_told_that_nothing_is_recorded_any_more(officer: Officer, page: Page, gateway: Gateway) -> None:
    """The disk is full: officer, visitor, and by voice both parties are told, and the call goes on."""
    officer.reads("#card-notes", "Recorded")
    (relay,) = gateway.relays()
    (journal,) = (gateway.home / "data" / "recordings").glob("*.journal")
    full, began = journal.stat().st_size, time.time()
    resource.prlimit(relay, resource.RLIMIT_FSIZE, (full, full))
    officer.reads("#card-notes", "Not recorded")
    officer.shows("#alerts li")
    page.wait_until(lambda: "This visit is not being recorded." in page.text() or None, "the warning")

    def spoken() -> bool | None:
        late = [each for each in page.samples() if each.at > began]
        return sum(each.level > -60 and not each.hears(TONE) for each in late) > 10 or None

    page.wait_until(spoken, "the prompt")
    hears(page, TONE)


def pauses_and_ends(officer: Officer, page: Page) -> None:
    """The call waits while the officer says so, goes on, and is over when the officer says so."""
    officer.act("p", "a count")
    page.wait_for_state("held")
    officer.reads("#acts button[data-key=p]", "Resume")
    officer.act("p", "counted")
    page.wait_for_state("talking")
    officer.act("x", "a fight")
    page.wait_for_state("ended")
    officer.wait_for("document.querySelector('#card').hidden")


def plays_and_hands_on(officer: Officer) -> None:
    """The recording is found by what was noted of its call, played, marked, held and downloaded as a signed bundle,
    whose signature holds.
    """
    officer.page.press("#to-recordings")
    officer.reads("#found li button", "cut short by a failure")
    officer.page.fill("#find-note", "never said")
    officer.page.press("#find button")
    officer.wait_for("!document.querySelector('#found li')")
    officer.page.fill("#find-note", NOTED)
    officer.page.press("#find button")
    officer.reads("#found li button", "cut short by a failure")
    officer.page.press("#found li button")
    officer.reads("#marks", f"sergeant: {NOTED}")
    officer.act_on_recording("p", "a complaint")
    officer.wait_for("document.querySelector('#playback').readyState >= 2", 180)
    assert officer.page.evaluate("document.querySelector('#playback').duration") > 3
    assert officer.page.evaluate("document.querySelector('#playback').videoWidth") > 0
    officer.act_on_recording("b", "here it is")
    officer.reads("#marks", "here it is")
    officer.act_on_recording("h", "case 5")
    officer.reads("#holds", "case 5")
    officer.act_on_recording("e", "subpoena 12")
    officer.shows("#bundle-ready:not([hidden])", 180)
    bundle = officer.download("#bundle")
    assert verify(bundle).faults == ()
    with tarfile.open(bundle) as tar:
        custody = json.loads(b"".join(tar.extractfile(CUSTODY) or ()))
    assert [each["action"] for each in custody][-2:] == ["recording.held", "recording.exported"]
    officer.act_on_recording("l", "closed")
    officer.wait_for("document.querySelector('#holds').textContent === ''")


def test_officer_listens_acts_and_hands_on_what_was_recorded(stage: Stage, chromium: Browser, tmp_path: Path) -> None:
    phone = stage.baresip(tone=TONE, user="1001")
    plugins = MONITORING | {"recording": {"record": "ordinary", "play": ["officer"], "export": ["officer"]}}
    gateway = stage.gateway({"pod-a-1": phone.address}, plugins=plugins, records=True)
    hire(gateway, "officer", "auditor")
    visit = gateway.add_visit()
    page = stage.page(visit)
    page.join()
    page.wait_for_state("notice")
    assert "monitored" in page.text()
    assert "recorded" in page.text()
    page.wait_for_state("talking")
    page.wait_to_see(FAKE_VIDEO)

    officer = Officer(chromium, gateway)
    opens(officer, gateway.call(visit)["id"])
    officer.act("o", NOTED)
    listeners = gateway.api("GET", "/api/v1/wall")["calls"][0]["listeners"]
    assert [(each["user"], each["thumbnails"]) for each in listeners] == [("sergeant", True), ("sergeant", False)]
    speaks_to_both(officer, page, phone)
    officer.page.screenshot(tmp_path / "officer.png")
    is_told_that_nothing_is_recorded_any_more(officer, page, gateway)
    phone.wait_to_hear(BROWSER_TONE)
    pauses_and_ends(officer, page)
    assert gateway.end_reason(visit) == "OfficerEnded"
    kinds = [event["kind"] for event in gateway.timeline(visit)]
    for kind in ("listening_begun", "speaking_begun", "speaking_ended", "officer_paused", "officer_resumed"):
        assert kind in kinds
    assert kinds.count("recording_failed") == 1
    plays_and_hands_on(officer)
    acts = [(each["actor"], each["action"]) for each in recording(gateway)["acts"]]
    for act in ("played", "marked", "held", "exported", "released"):
        assert ("sergeant", f"recording.{act}") in acts
    assert officer.page.evaluate("window.__probe.errors") == []


def recording(gateway: Gateway) -> dict[str, Any]:
    """The gateway's one recording, with all that was done to it."""
    (found,) = gateway.api("GET", "/api/v1/recordings")["recordings"]
    detail: dict[str, Any] = gateway.api("GET", f"/api/v1/recordings/{found['id']}")
    return detail


def cannot_be_opened(officer: Officer, gateway: Gateway, call: str) -> None:
    """The page shows a confidential call as such, offers nothing but a note and the end, and no request opens it."""
    officer.shows(f".tile.privileged[data-call='{call}']")
    before = officer.page.evaluate("window.__probe.connections.length")
    officer.page.press(f".tile[data-call='{call}']")
    officer.shows("#closed:not([hidden])")
    assert "Confidential" in officer.page.text()
    keys = officer.page.evaluate("[...document.querySelectorAll('#acts button')].map((each) => each.dataset.key)")
    assert keys == ["o", "x"]
    assert officer.page.evaluate("window.__probe.connections.length") == before
    offer = officer_offer(officer)
    for path, body in (
        ("warning", {"text": "x"}),
        ("withheld", {"party": "inside", "kind": "audio", "on": True}),
        ("pause", {}),
        ("speakers", {"sdp": offer, "to": "both", "reason": "x"}),
        ("listeners", {"sdp": offer}),
        ("listeners", {"sdp": offer, "thumbnails": True}),
    ):
        with pytest.raises(ApiError) as refused:
            gateway.api("POST", f"/api/v1/calls/{call}/{path}", body)
        assert refused.value.status == 403, path


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


@pytest.mark.invariant
def test_call_waits_for_somebody_who_listens_where_one_must_and_a_confidential_one_for_nobody(
    stage: Stage, chromium: Browser
) -> None:
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
    officer.press("Escape")
    page.wait_for_state("held")
    page.hang_up()
    page.wait_for_state("ended")
    gateway.api("DELETE", f"/api/v1/visits/{visit['id']}", {"reason": "over"})

    privileged: dict[str, Any] = {"class": "privileged"}
    confidential = gateway.add_visit(**privileged)
    page = stage.page(confidential)
    page.join()
    page.wait_for_state("talking")
    cannot_be_opened(officer, gateway, gateway.call(confidential)["id"])
    officer.act("x", "a fire")
    page.wait_for_state("ended")
    assert gateway.end_reason(confidential) == "OfficerEnded"


def checked(sent: list[bytes], received: list[Any]) -> None:
    """What came must be what was sent, by hash, with no number missing and no step in time."""
    ours = [packet for packet in received if is_ours(packet.payload)]
    assert gaps(ours) == []
    first = sent.index(ours[0].payload)
    went_in = [sha256(each).digest() for each in sent[first : first + len(ours)]]
    assert [sha256(each.payload).digest() for each in ours] == went_in
    assert len({packet.ssrc for packet in ours}) == 1


def wait_for_talk(phone: RawPhone, visitor: Visitor) -> None:
    """Wait until what each of them sends is what comes to the other."""
    deadline = time.monotonic() + 60
    while not all(end and is_ours(end[-1].payload) for end in (phone.audio.received, visitor.received["audio"])):
        assert time.monotonic() < deadline, "they do not hear each other"
        time.sleep(0.02)


def end_all(
    gateway: Gateway, visits: dict[str, Any], phones: dict[str, RawPhone], visitors: dict[str, Visitor]
) -> Iterator[float]:
    """End calls one by one; how long after each was asked for the last packet came to either end, in seconds."""
    asked: dict[str, float] = {}
    for name, visit in visits.items():
        call = gateway.call(visit)["id"]
        asked[name] = time.time()
        gateway.api("DELETE", f"/api/v1/calls/{call}", {"reason": "a trial"})
    time.sleep(2 * SILENT_WITHIN)
    for name, phone in phones.items():
        phone.be_quiet()
        heard = (phone.audio.received, visitors[name].received["audio"])
        yield max(packet.at for end in heard for packet in list(end)) - asked[name]


@pytest.mark.parametrize("trials", [AT_ONCE, pytest.param(TRIALS, marks=pytest.mark.load)])
def test_end_is_silence_at_both_within_half_a_second(stage: Stage, trials: int) -> None:
    names = [f"pod-{number}" for number in range(AT_ONCE)]
    phones = {name: stage.raw_phone(video=False) for name in names}
    gateway = stage.gateway({name: phone.address for name, phone in phones.items()}, calls=AT_ONCE, port_rest=1)
    taken, late = list[float](), Lateness()
    while len(taken) < trials:
        visits = {name: gateway.add_visit(name) for name in names}
        visitors = {name: stage.visitor(visit) for name, visit in visits.items()}
        for visitor in visitors.values():
            visitor.join(video=False)
        for name, visitor in visitors.items():
            phones[name].talk(phones[name].wait_for("INVITE", 60).body)
            visitor.wait_for_state("talking", 60)
        for name, visitor in visitors.items():
            wait_for_talk(phones[name], visitor)
        with late:
            taken += end_all(gateway, visits, phones, visitors)
    print(f"silent after {max(taken) * 1000:.0f} ms at most, {sorted(taken)[len(taken) // 2] * 1000:.0f} ms mostly")
    assert max(taken) < late.limit(SILENT_WITHIN)


def cost(gateway: Gateway, visit: dict[str, Any]) -> float:
    """What the relay's processor takes for a packet of the call from now on, in microseconds, over ten seconds."""

    def reports() -> list[dict[str, Any]]:
        return [event["data"] for event in gateway.timeline(visit) if event["kind"] == "quality"]

    start = len(reports())
    gateway.wait_until(lambda: len(reports()) > start + 1 or None, "two reports", 60)
    before, after = reports()[start : start + 2]
    taken: float = after["cpu"] - before["cpu"]
    return taken * 1000 / (packets(after) - packets(before))


def packets(report: dict[str, Any]) -> int:
    """All packets of a report."""
    return sum(stream["received"] + stream["sent"] for leg in ("phone", "browser") for stream in report[leg])


def listeners_come_and_go(gateway: Gateway, listener: Listener, call: str, visitor: Visitor) -> None:
    """Three times: somebody listens while a hundred packets pass, and a hundred more pass when they have gone."""
    for _ in range(3):
        id = listener.listen(call)["id"]
        let_pass(visitor, 100)
        gateway.api("DELETE", f"/api/v1/calls/{call}/listeners/{id}")
        let_pass(visitor, 50)


def let_pass(visitor: Visitor, number: int) -> None:
    """Wait until so many packets of sound have come."""
    upto = len(visitor.received["audio"]) + number
    deadline = time.monotonic() + 60
    while len(visitor.received["audio"]) < upto:
        assert time.monotonic() < deadline, "no sound comes"
        time.sleep(0.05)


def test_parties_never_notice_who_listens_and_speaking_costs_only_while_it_lasts(
    stage: Stage, chromium: Browser
) -> None:
    phone = stage.raw_phone()
    gateway = stage.gateway({"pod-a-1": phone.address}, plugins=MONITORING)
    hire(gateway)
    visit = gateway.add_visit()
    visitor = stage.visitor(visit)
    visitor.join()
    phone.talk(phone.wait_for("INVITE", 30).body)
    visitor.wait_for_state("talking", 40)
    listeners_come_and_go(gateway, Listener(chromium, gateway), gateway.call(visit)["id"], visitor)
    assert phone.video is not None
    for kind, end in (("audio", phone.audio), ("video", phone.video)):
        checked(list(end.sent), list(visitor.received[kind]))
        checked(list(visitor.tracks[kind].sent), list(end.received))

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
    assert after < (before + meanwhile) / 2
    assert gaps([packet for packet in visitor.received["audio"] if packet.payload_type >= 0]) == []
    visitor.leave()
