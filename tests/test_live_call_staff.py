"""Calls that are denied, privileged, cancelled, ended by staff, and left open by a crash."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from parloir.calls.bookings import Wish
from parloir.policy.answers import CallClass, DenialKind
from parloir.policy.decision import Decision, Denial
from parloir.policy.hooks import Hooks
from parloir.policy.pace import Pace
from parloir.policy.policies import Policies
from parloir.policy.values import Call
from parloir.store import relationships, residents, visitors
from parloir.store.relationships import RelationshipKind, RelationshipState
from parloir.webrtc.signalling import Ended, Join, Warn
from tests.live_scene import BROWSER, START, FakeIncoming, Scene, staged


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    yield from staged(tmp_path)


class Denying(Policies):
    """Policies that let nobody talk."""

    async def decide(self, call: Call) -> Decision:
        denial = Denial("scheduling", DenialKind.SCHEDULE, "outside_hours")
        return Decision(CallClass.ORDINARY, "as it is", denials=(denial,))


def test_denied_visitor_reads_why_and_the_phone_never_rings(scene: Scene) -> None:
    policies = Denying(Hooks([], Pace(scene.reactor), scene.alerts.append), scene.alerts.append)
    page, presence = scene.enter(scene.visit())
    scene.desk.facilities.replace({"north": replace(scene.facility(), policies=policies)})
    presence.receive(Join(sdp=BROWSER))
    assert page.last(Ended).reason == "Denied"
    assert "not held at this time" in page.last(Ended).text
    assert not scene.phones.offers
    assert "OpenBridge" not in scene.relay.done
    (call,) = scene.do(scene.desk.list_calls())
    ends = [e for e in scene.do(scene.desk.timeline(call.call.id)) if e.kind == "end"]
    assert (ends[0].data["plugin"], ends[0].data["code"], ends[0].data["kind"]) == (
        "scheduling",
        "outside_hours",
        "schedule",
    )


def test_bridge_of_a_privileged_call_is_made_privileged(scene: Scene) -> None:
    visit = scene.do(
        scene.desk.add_visit(Wish("north", "pod-a-1", "Visitor", START, 20, call_class=CallClass.PRIVILEGED))
    )
    _page, presence = scene.enter(visit)
    presence.receive(Join(sdp=BROWSER))
    opened = scene.relay.arguments[scene.relay.done.index("OpenBridge")]
    assert opened["privileged"] is True


def test_staff_cancel_a_visit_and_its_call_ends(scene: Scene) -> None:
    page, _ = scene.talk()
    scene.do(scene.desk.cancel_visit(scene.call.visit.id, "lockdown"))
    assert page.last(Ended).reason == "VisitCancelled"
    assert scene.phones.session.over


def test_staff_end_a_call_and_the_record_names_them(scene: Scene) -> None:
    scene.talk()
    id = scene.call.id
    scene.do(scene.desk.end_call(id, "threats", "api"))
    ends = [e for e in scene.do(scene.desk.timeline(id)) if e.kind == "end"]
    assert ends[0].data["reason"] == "OfficerEnded"
    assert (ends[0].data["by"], ends[0].data["why"]) == ("api", "threats")


def test_draining_tells_those_who_talk_and_takes_nobody_new(scene: Scene) -> None:
    page, _ = scene.talk()
    idle: list[bool] = []
    scene.desk.on_idle = lambda: idle.append(True)
    scene.desk.drain()
    assert page.last(Warn).text
    assert scene.relay.prompts[-1][0] == "en/closing"
    scene.desk.incoming(phone := FakeIncoming("123456"))
    assert phone.answers == [503]
    assert not idle
    scene.desk.end_all()
    assert idle
    assert scene.reason() == "ServiceClosing"


def test_records_left_open_by_a_crash_are_closed_at_the_next_start(scene: Scene) -> None:
    scene.talk()
    lost = scene.call.id
    scene.desk.live.clear()
    scene.do(scene.desk.start())
    assert scene.do(scene.desk.get_call(lost)).call.reason == "GatewayRestarted"
    assert scene.do(scene.desk.timeline(lost))[-1].kind == "gateway_restarted"


def test_relationship_whose_time_is_over_is_marked_so(scene: Scene) -> None:
    def enter(connection: Any) -> str:
        resident = residents.add(connection, facility="north", number="1", name="Resident")
        visitor = visitors.add(connection, facility="north", name="Visitor")
        made = relationships.add(
            connection,
            resident=resident.id,
            visitor=visitor.id,
            kind=RelationshipKind.FAMILY,
        )
        until = START + timedelta(days=1)
        relationships.decide(connection, made.id, RelationshipState.APPROVED, by="staff", now=START, expires=until)
        return made.id

    id = scene.do(scene.database.run(enter))
    scene.do(scene.desk.start())
    scene.reactor.advance(25 * 3600)
    scene.reactor.advance(60)
    found = scene.do(scene.database.run(lambda connection: relationships.get(connection, id)))
    assert found.state is RelationshipState.EXPIRED
