"""The relay's processor time is shared out among its bridges, and never more than was used."""

from hypothesis import given
from hypothesis import strategies as st

from parloir.relay.effort import Effort


def test_each_bridge_has_its_share_by_the_packets_it_carried_since() -> None:
    effort = Effort(1000)
    assert effort.share(2000, {"a": 30, "b": 10}) == {"a": 750, "b": 250}
    assert effort.share(3000, {"a": 30, "b": 20, "c": 0}) == {"b": 1000}


def test_what_is_used_while_nothing_is_carried_is_nobodys() -> None:
    effort = Effort(0)
    assert effort.share(500, {"a": 0}) == {}
    assert effort.share(700, {"a": 1}) == {"a": 200}


def test_a_party_that_was_replaced_takes_nothing_back() -> None:
    effort = Effort(0)
    effort.share(100, {"a": 50})
    assert effort.share(200, {"a": 3}) == {}
    assert effort.share(300, {"a": 4, "b": 1}) == {"a": 50, "b": 50}


@given(st.lists(st.tuples(st.integers(0, 10**9), st.dictionaries(st.sampled_from("abcd"), st.integers(0, 10**6)))))
def test_no_more_is_shared_out_than_was_used(rounds: list[tuple[int, dict[str, int]]]) -> None:
    effort, used, shared = Effort(0), 0, 0
    for spent, carried in rounds:
        used += spent
        shared += sum(effort.share(used, carried).values())
    assert shared <= used
