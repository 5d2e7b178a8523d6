"""Numbers, amounts and names as the menu says them."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from parloir.calls import spoken
from parloir.config import prompts


@pytest.mark.parametrize(
    ("micros", "language", "heard"),
    [
        (0, "en", "n-0 dollars"),
        (1_000_000, "en", "one-dollar"),
        (10_000, "es", "one-cent"),
        (21_050_000, "es", "n-21-m dollars and n-5 cents"),
        (31_000_000, "es", "n-30 and n-1-m dollars"),
        (101_000_000, "es", "n-100-and n-1-m dollars"),
        (100_000_000, "es", "n-100 dollars"),
        (1_234_560_000, "en", "n-1-m n-1000 n-200 n-30 n-4 dollars and n-50 n-6 cents"),
        (1_000_000_000, "es", "n-1000 dollars"),
        (9_999, "en", "n-0 dollars"),
        (-5_000_000, "en", "n-0 dollars"),
    ],
)
def test_an_amount_in_words(micros: int, language: str, heard: str) -> None:
    assert " ".join(spoken.amount(micros, language)) == heard


@given(some.integers(0, 999_999), some.sampled_from(["en", "es"]), some.booleans())
def test_every_number_has_words(value: int, language: str, noun: bool) -> None:
    assert set(spoken.number(value, language, noun)) <= set(prompts.WORDS)


@given(some.text())
@example("𝑨ẞ")
def test_every_name_can_be_spelled(name: str) -> None:
    assert set(spoken.spelled(name)) <= set(prompts.WORDS)


def test_accents_are_left_off() -> None:
    assert spoken.spelled("Zoë 2") == ("letter-z", "letter-o", "letter-e", "n-2")
