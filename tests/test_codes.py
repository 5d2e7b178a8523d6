"""Guessing at visit codes."""

from parloir.calls.codes import CodeGuard


def test_five_wrong_codes_pause_the_station_and_no_other() -> None:
    guard = CodeGuard()
    assert [guard.missed("north/a", 10.0) for _ in range(5)] == [False] * 4 + [True]
    assert guard.paused("north/a", 10.0) == guard.pause
    assert guard.paused("north/b", 10.0) == 0.0


def test_pause_ends_and_five_more_tries_are_given() -> None:
    guard = CodeGuard()
    for _ in range(5):
        guard.missed("north/a", 0.0)
    assert guard.paused("north/a", guard.pause) == 0.0
    assert [guard.missed("north/a", guard.pause) for _ in range(5)] == [False] * 4 + [True]


def test_right_code_clears_the_count() -> None:
    guard = CodeGuard()
    for _ in range(4):
        guard.missed("north/a", 0.0)
    guard.matched("north/a")
    assert not guard.missed("north/a", 0.0)
