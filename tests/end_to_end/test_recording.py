"""Recording and listening in the whole gateway: real phones' and a real browser's media, in files and in ears."""

import os
import signal
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from parloir.export import mkv
from parloir.export.verify import verify
from parloir.store.vault import Vault
from tests.recorded_call import spans

from .baresip import FAKE_VIDEO
from .gateway_process import ApiError, Gateway, when
from .listener import Listener, install_ears
from .pace import Lateness
from .picture import BLUE, RED
from .stage import BROWSER_TONE, Stage

TONE = 2400
RECORDING: dict[str, Any] = {
    "recording": {"record": "ordinary", "play": ["administrator"], "export": ["administrator"]}
}


@pytest.fixture(name="ears")
def monitored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway finds a plugin that permits everything that can be permitted."""
    path = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", f"{install_ears(tmp_path / 'ears')}:{path}".rstrip(":"))


def folder(gateway: Gateway) -> Path:
    return gateway.home / "data" / "recordings"


def journals(gateway: Gateway) -> list[Path]:
    return sorted(folder(gateway).glob("*.journal"))


def key(gateway: Gateway, recording: str) -> bytes:
    return Vault.open(gateway.home / "recordings.keys", folder(gateway)).key(recording)


def recording(gateway: Gateway, *states: str) -> dict[str, Any]:
    """The gateway's one recording, once it is in one of these states."""

    def look() -> dict[str, Any] | None:
        found: list[dict[str, Any]] = gateway.api("GET", "/api/v1/recordings")["recordings"]
        return next((each for each in found if each["state"] in states), None)

    return gateway.wait_until(look, f"a recording that is {states}")


def made(gateway: Gateway, id: str, what: str) -> dict[str, Any]:
    """Ask for something to be made of a recording, and wait for it."""
    path = f"/api/v1/recordings/{id}/{what}"
    gateway.api("POST", path, {"reason": "a test"})

    def look() -> dict[str, Any] | None:
        said: dict[str, Any] = gateway.api("GET", path)
        assert not said["error"], said["error"]
        return said if said["done"] else None

    return gateway.wait_until(look, f"the {what}", 120)


def fetch(gateway: Gateway, path: str, span: str = "") -> tuple[int, bytes]:
    """A file of the API, or a part of it."""
    headers = {"Authorization": f"Bearer {gateway.token}"} | ({"Range": span} if span else {})
    with urllib.request.urlopen(urllib.request.Request(gateway.url + path, headers=headers), timeout=10) as answer:
        return answer.status, answer.read()


def is_played_and_handed_on(gateway: Gateway, whole: dict[str, Any], talked: Any) -> None:
    """A playback and a bundle can be had by those who asked for them with a reason, and are on record."""
    with pytest.raises(ApiError):  # nobody gets what they did not ask for with a reason
        gateway.api("GET", f"/api/v1/recordings/{whole['id']}/playback")
    playback = made(gateway, whole["id"], "playback")
    assert playback["summary"]["seconds"] == talked
    assert set(playback["summary"]["waveform"]) == {"inside", "visitor"}
    assert len(playback["summary"]["thumbnails"]["inside"]) > 5
    status, part = fetch(gateway, playback["file"], "bytes=4-11")
    assert (status, part) == (206, b"ftypisom"), "an MP4, a part of it"
    thumbnail = playback["summary"]["thumbnails"]["visitor"][0][1]
    assert fetch(gateway, f"/api/v1/recordings/{whole['id']}/thumbnails/{thumbnail}")[1][:2] == b"\xff\xd8"
    made(gateway, whole["id"], "bundle")
    verdict = verify(folder(gateway) / "made" / whole["id"] / f"{whole['id']}.parloir")
    assert verdict.faults == ()
    assert verdict.manifest.journal["hash"] == whole["hash"]
    acts = [each["action"] for each in gateway.api("GET", f"/api/v1/recordings/{whole['id']}")["acts"]]
    assert acts == ["recording.begun", "recording.whole", "recording.played", "recording.exported"]


@pytest.mark.long
def test_recorded_minute_has_four_streams_as_long_as_they_talked(stage: Stage, tmp_path: Path) -> None:
    phone = stage.baresip(tone=TONE, user="1001")
    gateway = stage.gateway({"pod-a-1": phone.address}, plugins=RECORDING, records=True)
    visit = gateway.add_visit()
    page = stage.page(visit)
    page.join()
    page.wait_for_state("notice")
    assert "recorded" in page.text()
    page.wait_for_state("talking")
    page.wait_to_hear(TONE)
    page.wait_to_see(FAKE_VIDEO)
    announced = when(gateway.event(visit, "announced"))
    time.sleep(max(0.0, announced + 60 - time.time()))
    with Lateness() as late:
        page.hang_up()
        page.wait_for_state("ended")
    talked = when(gateway.event(visit, "end")) - announced
    whole = recording(gateway, "whole")
    (journal,) = journals(gateway)
    found = mkv.make(journal, key(gateway, whole["id"]), tmp_path / "r.mkv")
    assert found.faults == ()
    tracks = spans(tmp_path / "r.mkv")
    assert sorted(track.name for track in found.tracks.values()) == [
        "inside audio",
        "inside video",
        "visitor audio",
        "visitor video",
    ]
    for codec, first, last in tracks:
        assert first < late.limit(1.0), codec
        assert last == pytest.approx(talked, abs=late.limit(0.1)), codec
    is_played_and_handed_on(gateway, whole, pytest.approx(talked, abs=late.limit(0.2)))


@pytest.mark.load
@pytest.mark.usefixtures("ears")
def test_officer_sees_and_hears_both_within_a_second(stage: Stage) -> None:
    phone = stage.baresip(tone=TONE, user="1001")
    gateway = stage.gateway({"pod-a-1": phone.address}, plugins={"ears": {}}, records=True)
    visit = gateway.add_visit()
    page = stage.page(visit)
    page.join()
    page.wait_for_state("talking")
    page.wait_to_hear(TONE)
    page.wait_to_see(FAKE_VIDEO)
    call = gateway.call(visit)["id"]
    officers = [Listener(stage.own_browser(), gateway) for _ in range(2)]
    for officer in officers:
        time.sleep(2)  # a party is asked for a keyframe twice a second at most: each joins by themselves
        with Lateness() as late:
            officer.listen(call)
            heard = officer.wait_for((TONE, FAKE_VIDEO), (BROWSER_TONE, BLUE))
        within = 1000 * late.limit(1)
        for party in heard.values():
            assert party.frame is not None
            assert party.sound is not None
            assert party.frame < within
            assert party.sound < within
    listeners = gateway.api("GET", f"/api/v1/calls/{call}/listeners")["listeners"]
    assert len(listeners) == 2
    assert all(listener["hears"] for listener in listeners)
    gateway.api("DELETE", f"/api/v1/calls/{call}/listeners/{listeners[0]['id']}")
    assert len(gateway.api("GET", f"/api/v1/calls/{call}/listeners")["listeners"]) == 1
    page.hang_up()
    page.wait_for_state("ended")
    with pytest.raises(ApiError):
        gateway.api("GET", f"/api/v1/calls/{call}/listeners")


@pytest.mark.invariant
def test_killed_relay_costs_a_moment_of_the_recording(stage: Stage, tmp_path: Path) -> None:
    phone = stage.phone(tone=TONE, colour=RED)
    gateway = stage.gateway({"pod-a-1": phone.address}, plugins=RECORDING, records=True)
    visit = gateway.add_visit()
    page = stage.page(visit)
    page.join()
    page.wait_for_state("talking")
    page.wait_to_see(RED)
    announced = when(gateway.event(visit, "announced"))
    (relay,) = gateway.relays()
    with Lateness() as late:
        time.sleep(4)
    killed = time.time()
    os.kill(relay, signal.SIGKILL)
    assert gateway.end_reason(visit) == "RelayLost"
    found = recording(gateway, "recovered")
    (journal,) = journals(gateway)
    made_of = mkv.make(journal, key(gateway, found["id"]), tmp_path / "r.mkv")
    assert made_of.faults == ()
    assert len(made_of.tracks) == 4
    assert killed - announced - made_of.seconds < late.limit(2)
    for _, _, last in spans(tmp_path / "r.mkv"):
        assert killed - announced - last < late.limit(2)
    made(gateway, found["id"], "bundle")


@pytest.mark.invariant
@pytest.mark.usefixtures("ears")
def test_privileged_call_is_heard_by_nobody(stage: Stage) -> None:
    phone = stage.phone(tone=TONE, colour=RED)
    gateway = stage.gateway({"pod-a-1": phone.address}, plugins={"ears": {}}, records=True)
    visit = gateway.api(
        "POST",
        "/api/v1/visits",
        {
            "facility": "north",
            "station": "pod-a-1",
            "visitor": "Ann Doe",
            "start": "now",
            "minutes": 10,
            "class": "privileged",
        },
    )
    page = stage.page(visit)
    page.join()
    page.wait_for_state("notice")
    assert "confidential" in page.text()
    page.wait_for_state("talking")
    page.wait_to_see(RED)
    call = gateway.call(visit)["id"]
    officer = Listener(stage.own_browser(), gateway)
    said = officer.listen(call)
    assert said["error"]["code"] == "may_not_listen"
    time.sleep(2)
    assert officer.page.evaluate("window.listening ?? null") is None
    (relay,) = gateway.relays()
    os.kill(relay, signal.SIGKILL)
    page.wait_for_state("ended")
    gateway.wait_until(lambda: gateway.relays() or None, "another relay")
    assert officer.listen(call)["error"]["code"] == "no_such_call"
    assert journals(gateway) == []
    assert gateway.api("GET", "/api/v1/recordings")["recordings"] == []
    kinds = {event["kind"] for event in gateway.timeline(visit)}
    assert not any("record" in kind or "listen" in kind for kind in kinds)
