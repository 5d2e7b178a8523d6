"""When a plugin that fails again and again is left alone, and when it is tried anew."""

import pytest

from parloir.policy.breaker import Breaker


@pytest.fixture
def broken() -> Breaker:
    breaker = Breaker(failures=2, rest=10.0)
    assert breaker.failed(0.0) is False
    assert breaker.failed(1.0) is True
    return breaker


def test_a_broken_plugin_is_left_alone_then_tried_once(broken: Breaker) -> None:
    assert not broken.may_ask(10.9)
    assert broken.may_ask(11.0)
    assert not broken.may_ask(11.0)
    assert broken.failed(11.1) is False
    assert not broken.may_ask(21.0)
    assert broken.may_ask(21.1)
    assert broken.answered() is True
    assert broken.may_ask(21.2)


def test_an_answer_between_failures_starts_the_count_anew() -> None:
    breaker = Breaker(failures=2)
    assert [breaker.failed(0.0), breaker.answered(), breaker.failed(0.0)] == [False, False, False]
    assert breaker.may_ask(0.0)
