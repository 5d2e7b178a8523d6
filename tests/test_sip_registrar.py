"""The registrar's bindings: made, refreshed, moved and removed as RFC 3261 section 10.3 says."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parloir.sip.binding import Binding
from parloir.sip.errors import MalformedMessage
from parloir.sip.message import Header, Request
from parloir.sip.registrar import Outcome, Overflow, Registrar, RegistrarTerms

POD = ("north", "pod-a-3")
FLOW = "udp://0.0.0.0:5060 10.0.0.21:5060"
NOW = 1_800_000_000.0
HERE = "<sip:1003@10.0.0.21:5060>"


def registrar(**terms: object) -> Registrar:
    ids = itertools.count(1)
    return Registrar(RegistrarTerms(**terms), lambda: f"b{next(ids)}")  # type: ignore[arg-type]


def request(contact: str | None = HERE, *more: Header, call_id: str = "reg-1", number: int = 1) -> Request:
    headers: tuple[Header, ...] = (
        ("Via", "SIP/2.0/UDP 10.0.0.21;branch=z9hG4bKx"),
        ("From", "<sip:1003@10.0.0.5>;tag=a"),
        ("To", "<sip:1003@10.0.0.5>"),
        ("Call-ID", call_id),
        ("CSeq", f"{number} REGISTER"),
        ("User-Agent", "Phone/1"),
        *((("Contact", contact),) if contact else ()),
        *more,
    )
    return Request(headers, b"", "REGISTER", "sip:10.0.0.5")


def contacts(outcome: Outcome) -> list[str]:
    return [value for name, value in outcome.headers if name == "Contact"]


def test_a_phone_registers_and_is_told_for_how_long() -> None:
    core = registrar()
    outcome = core.register(POD, request(f"{HERE};expires=600"), FLOW, NOW)
    assert (outcome.status, contacts(outcome)) == (200, [f"{HERE};expires=600"])
    [binding] = core.of(POD, NOW)
    assert outcome.kept == (binding,)
    assert (binding.contact, binding.flow, binding.user_agent) == ("sip:1003@10.0.0.21:5060", FLOW, "Phone/1")
    assert core.of(POD, NOW + 599.9) == (binding,)
    assert core.of(POD, NOW + 600) == ()
    assert core.expire(NOW + 600) == (binding,)
    assert core.expire(NOW + 600) == ()


@pytest.mark.parametrize(
    ("contact", "header", "seconds"),
    [
        (f"{HERE};expires=120", "600", 120),
        (HERE, "600", 600),
        (HERE, None, 3600),
        (f"{HERE};expires=soon", None, 3600),
        (f"{HERE};expires=4294967295", None, 3600),
    ],
)
def test_the_contacts_own_expiry_goes_before_the_header_and_no_further_than_allowed(
    contact: str, header: str | None, seconds: int
) -> None:
    more = [("Expires", header)] if header else []
    outcome = registrar().register(POD, request(contact, *more), FLOW, NOW)
    assert contacts(outcome) == [f"{HERE};expires={seconds}"]


def test_too_brief_a_registration_is_told_the_least() -> None:
    core = registrar(min_expires=60)
    outcome = core.register(POD, request(f"{HERE};expires=59"), FLOW, NOW)
    assert (outcome.status, outcome.headers) == (423, (("Min-Expires", "60"),))
    assert core.of(POD, NOW) == ()


def test_a_refresh_moves_the_flow_and_keeps_the_binding() -> None:
    core = registrar()
    [made] = core.register(POD, request(), FLOW, NOW).kept
    moved = FLOW.replace("10.0.0.21:5060", "10.0.0.21:6000")
    again = core.register(POD, request(number=2), moved, NOW + 100)
    [kept] = again.kept
    assert (kept.id, kept.flow, kept.registered) == (made.id, moved, NOW + 100)
    assert again.gone == ()
    assert core.of(POD, NOW + 100) == (kept,)


def test_an_older_request_of_the_same_phone_changes_nothing() -> None:
    core = registrar()
    core.register(POD, request(number=7), FLOW, NOW)
    before = core.of(POD, NOW)
    for late in (request(number=7), request(f"{HERE};expires=0", number=6), request("*", ("Expires", "0"), number=3)):
        assert core.register(POD, late, FLOW, NOW + 1).status == 500
    assert core.of(POD, NOW) == before
    assert core.register(POD, request(call_id="after-restart", number=1), FLOW, NOW + 1).status == 200


def test_a_phone_takes_its_contact_back() -> None:
    core = registrar()
    [made] = core.register(POD, request(), FLOW, NOW).kept
    outcome = core.register(POD, request(f"{HERE};expires=0", number=2), FLOW, NOW + 1)
    assert (outcome.status, contacts(outcome), outcome.kept, outcome.gone) == (200, [], (), (made,))
    assert core.register(POD, request(f"{HERE};expires=0", number=3), FLOW, NOW + 1).status == 200


def test_a_star_takes_all_contacts_back() -> None:
    core = registrar(contacts=2)
    core.register(POD, request(call_id="one"), FLOW, NOW)
    core.register(POD, request("<sip:1003@10.0.0.22>", call_id="two"), FLOW, NOW)
    assert core.register(POD, request("*", ("Expires", "60"), number=2), FLOW, NOW).status == 400
    assert core.register(POD, request("*", number=2), FLOW, NOW).status == 400
    assert core.register(POD, request(f"{HERE}, *", ("Expires", "0"), number=2), FLOW, NOW).status == 400
    assert len(core.of(POD, NOW)) == 2
    outcome = core.register(POD, request("*", ("Expires", "0"), call_id="three"), FLOW, NOW)
    assert (outcome.status, len(outcome.gone), core.of(POD, NOW)) == (200, 2, ())


def test_a_question_is_answered_with_what_there_is() -> None:
    core = registrar()
    core.register(POD, request(f"{HERE};expires=600"), FLOW, NOW)
    outcome = core.register(POD, request(None, call_id="question"), FLOW, NOW + 100)
    assert (outcome.status, contacts(outcome), outcome.kept) == (200, [f"{HERE};expires=500"], ())


def test_another_phone_takes_the_place_of_the_oldest() -> None:
    core = registrar(contacts=2)
    firsts = [
        core.register(POD, request(f"<sip:1003@10.0.0.{n}>", call_id=f"c{n}"), FLOW, NOW + n).kept[0] for n in (1, 2)
    ]
    outcome = core.register(POD, request("<sip:1003@10.0.0.3>", call_id="c3"), FLOW, NOW + 3)
    assert outcome.gone == (firsts[0],)
    assert [binding.contact for binding in core.of(POD, NOW + 3)] == ["sip:1003@10.0.0.3", "sip:1003@10.0.0.2"]


def test_another_phone_is_refused_where_the_policy_says_so() -> None:
    core = registrar(overflow=Overflow.REFUSE)
    core.register(POD, request(), FLOW, NOW)
    other = request("<sip:1003@10.0.0.99>", call_id="other")
    assert core.register(POD, other, FLOW, NOW + 1).status == 403
    assert core.register(POD, request(number=2), FLOW, NOW + 2).status == 200
    assert [binding.contact for binding in core.of(POD, NOW + 2)] == ["sip:1003@10.0.0.21:5060"]
    assert core.register(POD, other, FLOW, NOW + 4000).status == 200, "the first one has expired"


def test_a_phone_that_comes_back_from_another_port_is_known_by_its_instance() -> None:
    core = registrar(overflow=Overflow.REFUSE)
    mark = ';+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>";reg-id=1'
    [first] = core.register(POD, request(f"{HERE}{mark}"), FLOW, NOW).kept
    again = request(f"<sip:1003@10.0.0.21:49152;transport=tcp>{mark}", call_id="again")
    outcome = core.register(POD, again, FLOW, NOW + 1)
    assert [binding.id for binding in outcome.kept] == [first.id]
    assert "urn:uuid" in contacts(outcome)[0]


def test_the_proxies_between_are_remembered_and_repeated() -> None:
    core = registrar()
    path = "<sip:edge.example.org;lr>"
    outcome = core.register(POD, request(HERE, ("Path", path), ("Supported", "path")), FLOW, NOW)
    assert ("Path", path) in outcome.headers
    assert core.of(POD, NOW)[0].path == (path,)


@pytest.mark.parametrize("contact", ["<tel:1003>", "<sip:>", '"x', "<sip:1003@10.0.0.21:99999>"])
def test_a_contact_that_cannot_be_called_is_no_contact(contact: str) -> None:
    core = registrar()
    with pytest.raises(MalformedMessage):
        core.register(POD, request(contact), FLOW, NOW)
    assert core.of(POD, NOW) == ()


def test_bindings_of_stations_that_are_no_more_are_dropped() -> None:
    core = registrar()
    [binding] = core.register(POD, request(), FLOW, NOW).kept
    other = Binding(**{**vars(binding), "station": "pod-a-4", "id": "z"})
    core.restore([other])
    assert core.expire(NOW, owners=[POD]) == (other,)
    assert core.all(NOW) == [binding]
    core.touch(binding, NOW + 5)
    assert core.all(NOW) == [replace(binding, seen=NOW + 5)]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([HERE, "<sip:1003@10.0.0.22>", "*", f"{HERE};expires=0", None]),
            st.sampled_from(["a", "b"]),
            st.integers(0, 5),
            st.floats(0, 2000),
        ),
        max_size=30,
    ),
    st.sampled_from(Overflow),
    st.integers(1, 3),
)
def test_whatever_comes_the_store_and_the_core_agree(
    steps: list[tuple[str | None, str, int, float]], overflow: Overflow, most: int
) -> None:
    core, kept, now = registrar(contacts=most, overflow=overflow), {}, NOW
    for contact, call_id, number, pause in steps:
        now += pause
        more = [("Expires", "0")] if contact == "*" else []
        outcome = core.register(POD, request(contact, *more, call_id=call_id, number=number), FLOW, now)
        if outcome.status != 200:
            assert (outcome.kept, outcome.gone) == ((), ())
        kept.update({binding.id: binding for binding in outcome.kept})
        for binding in (*outcome.gone, *core.expire(now)):
            del kept[binding.id]
        assert set(kept.values()) == set(core.of(POD, now))
        assert len(kept) <= most
