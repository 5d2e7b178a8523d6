"""What a trunk says of callers, and when it registers next."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parloir.config.address import SipAddress
from parloir.sip.digest import Login
from parloir.sip.message import Header, Request
from parloir.sip.trunk import CallerRule, Identity, Trunk
from parloir.sip.trunk_registration import DENIED_LATE, LATE, TrunkRegistration

NUMBERS = (("1001", "pod-a-1"), ("1002", "pod-a-2"))
PLACE = SipAddress.parse("sip:10.0.0.10")


def invite(*identities: str, sender: str = "sip:1001@10.0.0.10", uri: str = "sip:123456@10.0.0.5") -> Request:
    headers: tuple[Header, ...] = (
        ("From", f"<{sender}>;tag=x"),
        ("To", "<sip:123456@10.0.0.5>"),
        *(("P-Asserted-Identity", identity) for identity in identities),
    )
    return Request(headers, b"", "INVITE", uri)


@pytest.mark.parametrize(
    ("request_", "rule", "number"),
    [
        (invite(), CallerRule(), "1001"),
        (invite('"Pod" <sip:1002@10.0.0.10>'), CallerRule(), "1002"),
        (invite("<tel:+1-312-555-1002>"), CallerRule(digits=4), "1002"),
        (invite("<sip:+13125551002;phone-context=x@10.0.0.10;user=phone>"), CallerRule(strip="+1312555"), "1002"),
        (invite("<sip:1002@10.0.0.10>, <tel:1001>"), CallerRule(), "1002"),
        (invite("<sip:1002@10.0.0.10>"), CallerRule((Identity.FROM,)), "1001"),
        (invite("<sip:1002@10.0.0.10>"), CallerRule((Identity.FROM, Identity.ASSERTED)), "1001"),
        (invite("<mailto:warden@example.org>"), CallerRule(), "1001"),
        (invite(sender="sip:91001@10.0.0.10"), CallerRule(strip="9"), "1001"),
        (invite(sender="tel:(312)555.1001"), CallerRule(digits=4), "1001"),
        (invite(sender="sip:10.0.0.10"), CallerRule(), ""),
        (invite(sender="sip:anonymous@anonymous.invalid"), CallerRule((Identity.ASSERTED,)), ""),
    ],
)
def test_the_caller_is_read_as_the_rule_says(request_: Request, rule: CallerRule, number: str) -> None:
    assert rule.number(request_) == number


def test_a_number_is_a_station_of_the_trunks_own() -> None:
    trunk = Trunk("north", "pbx", (PLACE,), NUMBERS)
    assert trunk.station(invite()) == "pod-a-1"
    assert trunk.station(invite("<sip:1002@10.0.0.10>")) == "pod-a-2"
    assert trunk.station(invite("<sip:1003@10.0.0.10>")) is None
    assert trunk.station(invite(sender="sip:10.0.0.10")) is None


def test_what_was_dialled_is_in_to_when_the_pbx_calls_our_contact() -> None:
    trunk = Trunk("north", "pbx", (PLACE,), NUMBERS, login=Login("gw", "x"))
    assert trunk.dialled(invite(uri="sip:gw@10.0.0.5")) == "123456"
    assert trunk.dialled(invite()) is None
    assert Trunk("north", "pbx", (PLACE,)).dialled(invite(uri="sip:gw@10.0.0.5")) is None


def registration(places: int = 1, jitter: float = 1.0) -> TrunkRegistration:
    return TrunkRegistration(places, 600, lambda: jitter, now=0.0)


@pytest.mark.parametrize(("granted", "due"), [(600, 405.0), (3600, 2430.0), (60, 27.0), (10, 4.5), (0, 0.45)])
def test_it_comes_again_before_the_registration_ends(granted: int, due: float) -> None:
    core = registration()
    assert (core.due, core.registered(0)) == (0, False)
    core.accepted(granted, 0)
    assert core.due == pytest.approx(due)
    assert core.registered(due)
    assert not core.registered(max(1, granted))


def test_failures_wait_longer_and_longer_up_to_a_limit() -> None:
    core, now, waits = registration(), 0.0, []
    for _ in range(10):
        core.failed(now)
        waits.append(core.due - now)
        now = core.due
    assert waits == [4, 8, 16, 32, 64, 128, 256, LATE, LATE, LATE]
    core.accepted(600, now)
    core.failed(now)
    assert core.due - now == 4
    assert core.registered(now), "what the PBX granted holds until it ends"


def test_a_pbx_that_denies_us_is_asked_less() -> None:
    core, now, waits = registration(), 0.0, []
    core.accepted(600, 0)
    for _ in range(8):
        core.failed(now, denied=True)
        assert not core.registered(now)
        waits.append(core.due - now)
        now = core.due
    assert waits == [60, 120, 240, 480, 960, 1920, DENIED_LATE, DENIED_LATE]


def test_the_second_address_is_tried_at_once() -> None:
    core = registration(places=2)
    core.failed(10)
    assert (core.place, core.due) == (1, 10)
    core.failed(20)
    assert (core.place, core.due) == (0, 24)
    core.failed(24)
    core.accepted(600, 25)
    assert core.place == 1
    core.suspect(30)
    assert (core.place, core.due, core.registered(30)) == (0, 30, True)
    alone = registration()
    alone.accepted(600, 0)
    alone.suspect(1)
    assert alone.place == 0
    assert alone.due == pytest.approx(405)


def test_the_pbx_may_ask_for_patience_and_for_longer() -> None:
    core = registration()
    core.failed(0, after=120)
    assert core.due == 120
    core.failed(120, after=10**9)
    assert core.due <= 120 + DENIED_LATE
    core.too_brief(1800, 500)
    assert (core.asked, core.due) == (1800, 500)
    core.too_brief(1800, 501)
    assert core.due > 501, "a PBX that says so twice is not asked at once again"


@given(
    st.lists(st.tuples(st.sampled_from(["accepted", "failed", "denied", "suspect", "brief"]), st.integers(0, 2**31))),
    st.integers(1, 3),
    st.floats(0, 1),
)
def test_it_never_asks_in_a_hurry_for_long(steps: list[tuple[str, int]], places: int, jitter: float) -> None:
    core, now, hurried = registration(places, jitter), 0.0, 0
    for what, number in steps:
        match what:
            case "accepted":
                core.accepted(number, now)
            case "suspect":
                core.suspect(now)
            case "brief":
                core.too_brief(number, now)
            case _:
                core.failed(now, number, denied=what == "denied")
        hurried = hurried + 1 if what == "failed" and core.due == now else 0
        assert hurried < places or places == 1
        assert now <= core.due <= now + 86_400
        assert 0 <= core.place < places
        now = core.due
