"""A call in progress, with a fake relay, phone, page and clock: what each is told, and when."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from parloir.calls.call import Recorded
from parloir.calls.live import LiveCall
from parloir.policy.notices import NOTICE
from parloir.relay.commands import Interrupted, NoPorts
from parloir.sip.session import EndKind, NoFreeLine, SessionEnd
from parloir.webrtc.signalling import Answer, Ended, Join, Leave, Notice, Restart, Status, Warn
from tests.live_scene import BROWSER, PHONE, START, FakePage, Scene, staged


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    yield from staged(tmp_path)


def test_join_rings_the_phone_and_the_notice_comes_before_media(scene: Scene) -> None:
    page, presence = scene.enter(scene.visit())
    presence.receive(Join(sdp=BROWSER))
    session = scene.phones.session
    session.events.ringing(session)
    assert page.states[-1] == "ringing"
    session.events.answered(session, PHONE)
    assert page.last(Answer).video
    scene.call.media.leg_up("browser")
    assert page.last(Notice).text == NOTICE.words.en
    assert "Join" not in scene.relay.done
    scene.relay.finish()
    assert scene.relay.crossing
    assert page.states == ["ringing", "connecting", "notice", "talking"]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (EndKind.BUSY, "Busy"),
        (EndKind.DECLINED, "Declined"),
        (EndKind.NO_ANSWER, "NoAnswer"),
        (EndKind.NOT_ACCEPTABLE, "CodecMismatch"),
        (EndKind.UNREACHABLE, "Unreachable"),
        (EndKind.LINE_LOST, "LineLost"),
    ],
)
def test_phone_that_does_not_answer_gives_its_reason_to_page_and_record(
    scene: Scene, kind: EndKind, reason: str
) -> None:
    page, presence = scene.enter(scene.visit())
    presence.receive(Join(sdp=BROWSER))
    session = scene.phones.session
    session.over = True
    session.events.ended(session, SessionEnd(kind, 400))
    assert page.last(Ended).reason == reason
    assert scene.reason() == reason
    assert not scene.desk.live


def test_visitor_hangs_up_and_the_phone_is_ended(scene: Scene) -> None:
    page, presence = scene.talk()
    presence.receive(Leave())
    assert scene.phones.session.over
    assert scene.relay.done[-1] == "CloseBridge"
    assert page.last(Ended).reason == "VisitorLeft"


def test_phone_hangs_up_and_the_visitor_may_try_again(scene: Scene) -> None:
    page, presence = scene.talk()
    session = scene.phones.session
    session.over = True
    session.events.ended(session, SessionEnd(EndKind.HUNG_UP))
    assert page.last(Ended).reason == "PhoneHungUp"
    assert page.last(Ended).again
    presence.receive(Join(sdp=BROWSER))
    assert len(scene.phones.offers) == 2


def test_call_ends_when_the_visits_time_is_over_after_a_warning(scene: Scene) -> None:
    page, _ = scene.talk()
    scene.reactor.advance(19 * 60)
    assert page.last(Warn).text == "One minute is left."
    assert scene.relay.prompts[-1][0] == "en/one-minute"
    assert scene.relay.arguments[-1]["over"]
    scene.relay.finish()
    scene.reactor.advance(50)
    assert page.last(Warn).text == "10 seconds are left."
    assert scene.relay.prompts[-1][0] == "en/ten-seconds"
    scene.reactor.advance(9.9)
    assert scene.desk.live
    scene.reactor.advance(0.2)
    assert page.last(Ended).reason == "LimitReached"
    assert not page.last(Ended).again


def test_both_hear_a_tone_now_and_then_while_a_call_is_recorded(scene: Scene) -> None:
    _, _ = scene.talk()
    scene.call.terms = replace(scene.call.terms, tone=15.0)
    scene.call._remind_later()
    scene.reactor.advance(15)
    assert not scene.relay.prompts, "a call that is not recorded reminds of nothing"
    scene.call.recorded = Recorded.YES
    scene.call._remind_later()
    for _ in range(3):
        scene.reactor.advance(15)
        assert scene.relay.prompts[-1][0] == "en/tone"
        assert scene.relay.arguments[-1]["over"]
        scene.relay.finish()


def test_lost_browser_parts_media_and_the_phone_is_asked_to_wait(scene: Scene) -> None:
    page, _ = scene.talk()
    scene.call.media.leg_lost("browser", "no checks")
    assert not scene.relay.crossing
    assert scene.relay.prompts[-1][0] == "en/please-wait"
    scene.call.media.leg_back("browser")
    assert scene.relay.crossing
    assert page.states[-1] == "talking"


def test_browser_that_stays_lost_ends_the_call_after_the_window(scene: Scene) -> None:
    scene.talk()
    scene.call.media.leg_lost("browser", "no checks")
    scene.reactor.advance(59)
    assert scene.desk.live
    scene.reactor.advance(2)
    assert scene.reason() == "MediaLost"


def test_reloaded_page_joins_again_with_a_connection_of_its_own(scene: Scene) -> None:
    _page, presence = scene.talk()
    presence.left()
    fresh = FakePage()
    again = scene.do(scene.desk.enter(scene.call.visit.token, fresh))
    again.receive(Join(sdp=BROWSER))
    assert scene.relay.done.count("OpenBrowser") == 2
    assert fresh.last(Answer).sdp
    scene.call.media.leg_up("browser")
    assert fresh.states[-1] == "talking"
    assert len(scene.desk.live) == 1


def test_network_change_restarts_ice_on_the_same_connection(scene: Scene) -> None:
    page, presence = scene.talk()
    presence.receive(Restart(sdp=BROWSER))
    assert "a=ice-ufrag:fresh" in page.last(Answer).sdp
    assert scene.relay.done.count("OpenBrowser") == 1


def test_second_window_takes_the_visit_over_and_the_first_is_told(scene: Scene) -> None:
    visit = scene.visit()
    first, old = scene.enter(visit)
    second, _ = scene.enter(visit)
    assert first.last(Ended).reason == "Replaced"
    assert first.closed
    old.receive(Join(sdp=BROWSER))
    assert not scene.desk.live
    old.left()
    assert scene.desk.rooms[visit.id].page is second


def test_phone_on_hold_parts_media_and_the_page_says_so(scene: Scene) -> None:
    page, _ = scene.talk()
    session = scene.phones.session
    answer = scene.do(session.events.offered(session, PHONE.replace("sendrecv", "sendonly")))
    assert "a=recvonly" in answer
    assert not scene.relay.crossing
    assert (page.states[-1], page.last(Status).why) == ("held", "phone")
    scene.do(session.events.offered(session, PHONE))
    assert scene.relay.crossing
    assert page.states[-1] == "talking"


def test_notice_cut_short_by_a_reload_is_played_again_from_the_start(scene: Scene) -> None:
    _page, presence = scene.enter(scene.visit())
    presence.receive(Join(sdp=BROWSER))
    session = scene.phones.session
    session.events.answered(session, PHONE)
    scene.call.media.leg_up("browser")
    presence.receive(Join(sdp=BROWSER))
    scene.call.media.leg_up("browser")
    scene.relay.interrupt()
    assert scene.call.state.value == "announcing"
    assert not scene.relay.crossing
    scene.relay.finish()
    assert scene.relay.crossing


def test_a_reload_after_the_notice_and_before_its_recording_begins_has_it_played_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    beginning: list[Deferred[None]] = []

    def record(_: LiveCall) -> Deferred[None]:
        beginning.append(Deferred())
        return beginning[-1]

    monkeypatch.setattr(scene.desk, "_announced", record)
    page, presence = scene.enter(scene.visit())
    presence.receive(Join(sdp=BROWSER))
    session = scene.phones.session
    session.events.answered(session, PHONE)
    scene.call.media.leg_up("browser")
    scene.relay.finish()
    presence.receive(Join(sdp=BROWSER))
    scene.call.media.leg_up("browser")
    beginning[0].callback(None)
    assert not scene.relay.crossing
    assert page.states[-1] == "notice"
    scene.relay.finish()
    assert not scene.relay.crossing
    beginning[1].callback(None)
    assert scene.relay.crossing


def test_relay_that_dies_ends_its_calls_and_the_phone(scene: Scene) -> None:
    page, _ = scene.talk()
    scene.relays.went_down(0)
    assert scene.phones.session.over
    assert scene.reason() == "RelayLost"
    assert page.last(Ended).again


@pytest.mark.parametrize("fault", [NoFreeLine(), NoPorts()])
def test_full_gateway_says_so(scene: Scene, fault: Exception) -> None:
    if isinstance(fault, NoPorts):
        scene.relay.fail["OpenPhone"] = fault
    else:
        scene.phones.fail = fault
    page, presence = scene.enter(scene.visit())
    presence.receive(Join(sdp=BROWSER))
    assert page.last(Ended).reason == "NoCapacity"


def test_visitor_who_comes_early_waits_and_the_phone_rings_in_time(scene: Scene) -> None:
    page, presence = scene.enter(scene.visit(start=START + timedelta(minutes=5)))
    presence.receive(Join(sdp=BROWSER))
    assert page.states == ["waiting"]
    scene.reactor.advance(299)
    assert not scene.phones.offers
    scene.reactor.advance(1.1)
    assert len(scene.phones.offers) == 1


def test_page_closed_while_it_rings_ends_the_ringing(scene: Scene) -> None:
    _, presence = scene.enter(scene.visit())
    presence.receive(Join(sdp=BROWSER))
    presence.left()
    scene.reactor.advance(11)
    assert scene.phones.session.over
    assert scene.reason() == "VisitorLeft"


def test_interrupted_prompt_is_no_fault(scene: Scene) -> None:
    scene.talk()
    scene.reactor.advance(19 * 60)
    scene.relay.prompts.pop()[1].errback(Interrupted())
    assert scene.desk.live


def test_call_leaves_no_timer_and_no_room_behind(scene: Scene) -> None:
    _, presence = scene.talk()
    presence.receive(Leave())
    presence.left()
    assert not scene.reactor.getDelayedCalls()
    assert not scene.desk.rooms
