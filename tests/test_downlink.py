"""Pausing the picture of a phone that cannot be told to send less."""

from hypothesis import given
from hypothesis import strategies as st

from parloir.relay.downlink import FIRST_REST, LONGEST_REST, PATIENCE, Downlink

PICTURE = 600_000


class Way:
    """A phone that sends 600 kb/s whatever happens, looked at once a second."""

    def __init__(self) -> None:
        self.downlink = Downlink()
        self.now = 100.0
        self.octets = 0

    def second(self, bears: int | None, sent: int = PICTURE) -> bool:
        """One second goes by in which the browser says that it can take so much."""
        self.now += 1
        self.octets += sent // 8
        return self.downlink.look(self.octets, bears, self.now)

    def seconds(self, count: int, bears: int | None) -> list[bool]:
        """Many."""
        return [self.second(bears) for _ in range(count)]


def test_picture_goes_on_where_the_browser_can_take_it() -> None:
    assert not any(Way().seconds(300, 700_000))


def test_picture_goes_on_where_the_browser_says_nothing() -> None:
    assert not any(Way().seconds(300, None))


def test_picture_that_stays_too_much_is_paused() -> None:
    way = Way()
    assert way.seconds(PATIENCE, 300_000) == [False] * PATIENCE  # the first look knows no rate yet
    assert way.second(300_000)


def test_one_bad_second_pauses_nothing() -> None:
    way = Way()
    for _ in range(50):
        assert not any(way.seconds(PATIENCE - 1, 300_000))
        assert not way.second(700_000)


def test_picture_is_tried_again_after_a_rest_that_grows() -> None:
    way = Way()
    paused = way.seconds(1000, 300_000)
    rests, length = [], 0
    for each in paused:
        if each:
            length += 1
        elif length:
            rests.append(length)
            length = 0
    assert rests[:4] == [FIRST_REST, 2 * FIRST_REST, 4 * FIRST_REST, LONGEST_REST]


def test_a_long_good_time_makes_the_next_rest_short_again() -> None:
    way = Way()
    way.seconds(200, 300_000)
    while way.second(700_000):
        pass
    assert not any(way.seconds(100, 700_000))
    while not way.second(300_000):
        pass
    rest = 1
    while way.second(700_000):
        rest += 1
    assert rest == FIRST_REST


@given(st.lists(st.tuples(st.integers(0, 10**7), st.none() | st.integers(0, 10**7)), max_size=300))
def test_no_rest_outlasts_the_longest(seconds: list[tuple[int, int | None]]) -> None:
    way, length = Way(), 0
    for sent, bears in seconds:
        length = length + 1 if way.second(bears, sent) else 0
        assert length <= LONGEST_REST
