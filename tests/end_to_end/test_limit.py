"""A visit's time ends it to the second, and both are told a minute before."""

from datetime import UTC, datetime, timedelta

import pytest

from .gateway_process import when
from .pace import Lateness
from .packets import is_ours
from .stage import Stage


@pytest.mark.long
def test_time_limit_ends_the_call_within_a_second_after_a_warning(stage: Stage, late: Lateness) -> None:
    phone = stage.raw_phone()
    gateway = stage.gateway({"pod-a-1": phone.address})
    start = datetime.now(UTC) - timedelta(seconds=45)
    visit = gateway.add_visit(start=start, minutes=2)
    due = datetime.fromisoformat(visit["end"]).timestamp()
    visitor = stage.visitor(visit)
    visitor.join()
    phone.talk(phone.wait_for("INVITE").body)
    visitor.wait_for_state("talking")
    warned, warning = visitor.wait_for("warn", 30)
    assert abs(due - 60 - warned) < late.limit(1)
    assert "minute" in warning["text"]
    at, ended = visitor.wait_for("ended", 70)
    assert ended["reason"] == "LimitReached"
    assert not ended["again"]
    assert 0 <= at - due < late.limit(1)
    assert 0 <= phone.wait_for("BYE").at - due < late.limit(1)
    assert 0 <= when(gateway.event(visit, "end", reason="LimitReached")) - due < late.limit(1)
    for received in (phone.audio.received, visitor.received["audio"]):
        spoken = [p for p in received if warned < p.at < warned + 3 and not is_ours(p.payload)]
        assert len(spoken) > 50, "the warning was not spoken"
