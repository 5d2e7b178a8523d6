"""A visitor behind a hostile firewall: media by a TURN server alone."""

import re

from .stage import BROWSER_TONE, Stage


def test_visit_through_the_turn_server_alone(stage: Stage) -> None:
    turn = stage.coturn()
    phone = stage.baresip(tone=2400)
    gateway = stage.gateway({"pod-a-1": phone.address}, turn=turn, relay_only=True)
    visit = gateway.add_visit()
    page = stage.page(visit)
    page.join()
    page.wait_for_state("talking")
    page.wait_to_hear(2400)
    phone.wait_to_hear(BROWSER_TONE)
    stats = page.stats()
    assert stats["locals"][stats["pair"]["localCandidateId"]]["candidateType"] == "relay"
    allocated = [line for line in turn.process.lines if "ALLOCATE processed, success" in line]
    assert allocated
    expiry = re.search(r"user <(\d+):", allocated[0])
    assert expiry, "the credentials carry no time of expiry"
