"""How lists and blocks are kept through the contacts plugin's routes, and by whom."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parloir.api import RelationshipKind, Reply, Request
from parloir.plugins.contacts.listing import Change, Listed, refusal
from parloir.plugins.contacts.settings import ContactList
from tests.contacts_desk import contacts, north, tie
from tests.plugin_facility import NOON, Institution, a_call, a_visitor, answer

__all__ = ["north"]

CHICAGO = ZoneInfo("America/Chicago")


class Staff:
    """Somebody at the plugin's routes."""

    def __init__(self, north: Institution, *roles: str, user: str = "jdoe", **settings: Any) -> None:
        self.plugin = contacts(north, **settings)
        self.user = user
        self.roles = roles

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> Reply:
        (route,) = [each for each in self.plugin.register_routes() if (each.method, each.path) == (method, path)]
        if not set(route.roles) & set(self.roles):
            return Reply(None, 403)
        work: Any = route.answer(Request(self.user, self.roles, query, body))
        reply: Reply = answer(work)
        return reply

    def put(self, *visitors: str, **more: str) -> Reply:
        people = [{"visitor": each, "name": f"Visitor {each}"} for each in visitors]
        return self.ask("PUT", "list", {"resident": "r1", "contacts": people, **more})

    def listed(self) -> list[str]:
        return [each["visitor"] for each in self.ask("GET", "list", resident="r1").body["contacts"]]


def known(north: Institution, *visitors: str, kind: RelationshipKind = RelationshipKind.FAMILY) -> None:
    north.records.known_relationships.setdefault("r1", []).extend((each, tie(kind)) for each in visitors)


def test_a_list_is_changed_once_a_month_by_the_facilitys_clock(north: Institution) -> None:
    known(north, "a", "b", "c")
    staff = Staff(north, "scheduler")
    north.now = datetime.fromisoformat("2026-03-31T23:00:00-05:00")
    assert staff.put("a").status == 200
    refused = staff.put("a", "b")
    assert (refused.status, refused.body["code"]) == (409, "list_changed")
    assert "2026-04-01" in refused.body["message"]
    north.now += timedelta(hours=1)
    assert staff.put("a", "b").status == 200
    assert staff.listed() == ["a", "b"]
    assert staff.put("a", "b", "c").body["code"] == "list_changed"


def test_taking_people_off_and_reordering_is_no_change_that_counts(north: Institution) -> None:
    known(north, "a", "b", "c")
    staff = Staff(north, "scheduler")
    for visitors in (("a", "b", "c"), ("c", "a", "b"), ("c",)):
        assert staff.put(*visitors).status == 200
    assert staff.listed() == ["c"]
    assert staff.put("c", "a").body["code"] == "list_changed"


def test_a_list_is_full_at_its_most_and_counsel_take_no_place(north: Institution) -> None:
    people = [f"v{number}" for number in range(21)]
    known(north, *people)
    known(north, "counsel", kind=RelationshipKind.ATTORNEY)
    staff = Staff(north, "scheduler")
    assert staff.put(*people).body["code"] == "list_full"
    assert staff.put(*people[:20], "counsel").status == 200
    assert Staff(north, "scheduler", list={"most": 15}).put(*people[:16]).status == 200, "nobody new"


def test_what_an_administrator_changes_past_the_bounds_uses_up_no_change(north: Institution) -> None:
    known(north, "a", "b", "c")
    assert Staff(north, "administrator").put("a", why="court order").status == 200
    assert Staff(north, "scheduler").put("a", "b").status == 200
    assert Staff(north, "scheduler").put("a", "b", "c").body["code"] == "list_changed"


def test_counsel_whom_nobody_approved_take_a_place(north: Institution) -> None:
    pending = tie("attorney", "pending")
    north.records.known_relationships["r1"] = [("a", pending), ("b", pending)]
    assert Staff(north, "scheduler", list={"most": 1}).put("a", "b").body["code"] == "list_full"


def test_counsel_are_listed_at_any_time(north: Institution) -> None:
    known(north, "a")
    known(north, "counsel", kind=RelationshipKind.ATTORNEY)
    staff = Staff(north, "scheduler", list={"first_day": 1, "last_day": 3})
    assert staff.put("a").body["code"] == "list_closed"
    assert staff.put("counsel").status == 200


def test_a_list_names_nobody_twice_and_no_strangers(north: Institution) -> None:
    known(north, "a")
    staff = Staff(north, "scheduler")
    assert staff.put("a", "a").body["code"] == "listed_twice"
    assert staff.put("a", "z").body["code"] == "not_related"
    assert Staff(north, "scheduler", relationship_required=False).put("a", "z").status == 200


def test_only_an_administrator_with_a_reason_passes_the_bounds(north: Institution) -> None:
    known(north, "a", "b")
    assert Staff(north, "scheduler").put("a").status == 200
    assert Staff(north, "scheduler").put("a", "b", why="court order").status == 409
    assert Staff(north, "administrator").put("a", "b").status == 409
    assert Staff(north, "administrator", user="boss").put("a", "b", why="court order").status == 200
    latest, first = Staff(north, "auditor").ask("GET", "changes", resident="r1").body["changes"]
    assert (latest["entered_by"], latest["why"], latest["added"], latest["counts"]) == (
        "boss",
        "court order",
        ["b"],
        False,
    )
    assert (first["entered_by"], first["counts"]) == ("jdoe", True)


@pytest.mark.parametrize("role", ["technician", "officer", "auditor", "visitor"])
def test_others_do_not_change_lists(north: Institution, role: str) -> None:
    known(north, "a")
    assert Staff(north, role).put("a").status == 403


def code_of_call(staff: Staff) -> str:
    found = answer(staff.plugin.authorize_call(a_call(visitors=(a_visitor("a", tie()),))))
    assert found is not None
    return found.code


def test_staff_block_except_and_lift(north: Institution) -> None:
    officer, boss = Staff(north, "officer", list=None), Staff(north, "administrator", user="boss", list=None)
    made = officer.ask("POST", "blocks", {"visitor": "a", "reason": "threats", "except": ["r2"]})
    assert made.status == 201
    assert code_of_call(officer) == "blocked"
    r1 = {"block": made.body["id"], "resident": "r1"}
    assert officer.ask("POST", "blocks/except", r1).status == 403
    assert boss.ask("POST", "blocks/except", r1).status == 200
    assert boss.ask("POST", "blocks/except", r1).status == 200
    assert code_of_call(officer) == "may_be_in_touch"
    assert officer.ask("POST", "blocks/include", r1).status == 200
    assert officer.ask("POST", "blocks/include", r1).status == 404
    assert code_of_call(officer) == "blocked"
    (shown,) = officer.ask("GET", "blocks").body["blocks"]
    assert (shown["entered_by"], shown["exceptions"], shown["finish"]) == ("jdoe", ["r2"], None)
    assert officer.ask("POST", "blocks/lift", {"block": made.body["id"]}).status == 403
    assert boss.ask("POST", "blocks/lift", {"block": made.body["id"]}).status == 200
    assert boss.ask("POST", "blocks/lift", {"block": made.body["id"]}).status == 404
    assert code_of_call(officer) == "may_be_in_touch"
    assert officer.ask("GET", "blocks").body == {"blocks": []}


def test_a_block_of_one_resident_has_no_exceptions(north: Institution) -> None:
    boss = Staff(north, "administrator")
    both = {"visitor": "a", "resident": "r1", "reason": "threats", "except": ["r1"]}
    assert boss.ask("POST", "blocks", both).body["code"] == "nothing_to_except"
    made = boss.ask("POST", "blocks", {"visitor": "a", "resident": "r1", "reason": "threats"})
    exemption = {"block": made.body["id"], "resident": "r1"}
    assert boss.ask("POST", "blocks/except", exemption).body["code"] == "nothing_to_except"


def test_a_block_ends_by_its_date(north: Institution) -> None:
    officer = Staff(north, "officer", list=None)
    past = {"visitor": "a", "reason": "threats", "finish": NOON.isoformat()}
    assert officer.ask("POST", "blocks", past).body["code"] == "already_over"
    assert officer.ask("POST", "blocks", past | {"finish": "2026-03-05T00:00:00-06:00"}).status == 201
    (shown,) = officer.ask("GET", "blocks", visitor="a").body["blocks"]
    assert shown["finish"] == "2026-03-05T06:00:00Z"
    assert officer.ask("GET", "blocks", visitor="b").body == {"blocks": []}


def test_only_the_visitor_lifts_their_own_block(north: Institution) -> None:
    visitor = Staff(north, "visitor", user="a", list=None)
    made = visitor.ask("POST", "self-blocks", {"resident": "r1"})
    assert made.status == 201
    assert code_of_call(visitor) == "blocked_by_visitor"
    id = {"block": made.body["id"]}
    for someone in (Staff(north, "administrator"), Staff(north, "officer", user="a")):
        assert someone.ask("POST", "self-blocks/lift", id).status == 403
    assert Staff(north, "visitor", user="b").ask("POST", "self-blocks/lift", id).status == 404
    assert code_of_call(visitor) == "blocked_by_visitor"
    assert visitor.ask("POST", "self-blocks/lift", id).status == 200
    assert code_of_call(visitor) == "may_be_in_touch"


def test_staff_enter_a_self_block_for_a_visitor_who_lifts_it_later(north: Institution) -> None:
    officer, visitor = Staff(north, "officer"), Staff(north, "visitor", user="a")
    assert officer.ask("POST", "self-blocks", {}).body["code"] == "visitor_missing"
    made = officer.ask("POST", "self-blocks", {"visitor": "a"})
    assert (made.status, made.body["entered_by"], made.body["resident"]) == (201, "jdoe", None)
    assert officer.ask("POST", "self-blocks", {"visitor": "a"}).status == 200, "there already"
    assert visitor.ask("POST", "self-blocks/lift", {"block": made.body["id"]}).status == 200


def test_a_visitor_sees_and_makes_none_but_their_own_blocks(north: Institution) -> None:
    one, other = Staff(north, "visitor", user="a"), Staff(north, "visitor", user="b")
    one.ask("POST", "self-blocks", {})
    assert other.ask("POST", "self-blocks", {"visitor": "a"}).status == 422
    assert other.ask("GET", "self-blocks", visitor="a").body == {"blocks": []}
    assert len(one.ask("GET", "self-blocks").body["blocks"]) == 1
    assert len(Staff(north, "auditor").ask("GET", "self-blocks").body["blocks"]) == 1
    assert other.ask("GET", "blocks").status == 403


@pytest.mark.parametrize("body", [None, [], {"resident": "r1"}, {"resident": "", "contacts": []}, {"contacts": {}}])
def test_a_body_that_is_no_list_is_refused(north: Institution, body: Any) -> None:
    reply = Staff(north, "scheduler").ask("PUT", "list", body)
    assert (reply.status, reply.body["code"]) == (422, "invalid")


people = st.lists(st.sampled_from("abcdefgh"), max_size=8, unique=True).map(
    lambda visitors: tuple(Listed(each, each) for each in visitors)
)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))


@given(people, people, st.lists(moments, max_size=4), moments, st.integers(1, 8), st.integers(1, 3))
def test_a_list_that_only_shrinks_is_never_refused_and_one_that_grows_is_never_over_full(
    old: tuple[Listed, ...],
    new: tuple[Listed, ...],
    earlier: list[datetime],
    at: datetime,
    most: int,
    changes: int,
) -> None:
    rules = ContactList(most=most, changes=changes)
    refused = refusal(rules, Change(old, new), {}, earlier, at, CHICAGO)
    if set(new) <= set(old):
        assert refused is None
    elif refused is None:
        month = [each for each in earlier if each.astimezone(CHICAGO).month == at.astimezone(CHICAGO).month]
        assert len(new) <= most
        assert len(month) < changes or at.astimezone(CHICAGO).year != 2026
