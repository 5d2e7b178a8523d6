"""Numbers, amounts, times and names as the prompts that say them, one after another (config.prompts.WORDS). Pure."""

import unicodedata
from datetime import datetime
from typing import TypeAlias

Said: TypeAlias = tuple[str, ...]
"""Names of prompts, to be played in this order."""
MOST_LETTERS = 16
"""Of a name that is spelled."""
MOST_DOLLARS = 999_999
MICROS = 10_000
"""Micro-dollars in a cent."""


def number(value: int, language: str, noun: bool = False) -> Said:
    """A number from 0 to 999,999; `noun`: something masculine is counted, which Spanish hears (veintiún dólares)."""
    thousands, rest = divmod(value, 1000)
    said: list[str] = []
    if thousands:
        alone = thousands == 1 and language == "es"
        said += [*(() if alone else _hundreds(thousands, language, noun=True)), "n-1000"]
    if rest or not thousands:
        said += _hundreds(rest, language, noun)
    return tuple(said)


def _hundreds(value: int, language: str, noun: bool) -> Said:
    hundreds, rest = divmod(value, 100)
    said: list[str] = []
    if hundreds:
        ciento = hundreds == 1 and rest and language == "es"
        said.append("n-100-and" if ciento else f"n-{100 * hundreds}")
    if rest or not hundreds:
        said += _tens(rest, language, noun)
    return tuple(said)


def _tens(value: int, language: str, noun: bool) -> Said:
    if value < 30 or value % 10 == 0:
        return (f"n-{value}-m" if noun and value in (1, 21) else f"n-{value}",)
    tens, ones = f"n-{value // 10 * 10}", value % 10
    one = "n-1-m" if noun and ones == 1 else f"n-{ones}"
    return (tens, "and", one) if language == "es" else (tens, one)


def amount(micros: int, language: str) -> Said:
    """Money in micro-dollars, in whole dollars and cents, rounded down; never less than nothing."""
    dollars, cents = divmod(max(0, micros) // MICROS, 100)
    dollars = min(dollars, MOST_DOLLARS)
    said: list[str] = []
    if dollars or not cents:
        said += ("one-dollar",) if dollars == 1 else (*number(dollars, language, noun=True), "dollars")
    if dollars and cents:
        said.append("and")
    if cents:
        said += ("one-cent",) if cents == 1 else (*number(cents, language, noun=True), "cents")
    return tuple(said)


def time(moment: datetime, language: str) -> Said:
    """A time of day, by the clock that `moment` is in."""
    hour, half = moment.hour % 12 or 12, "am" if moment.hour < 12 else "pm"
    oh = ("oh",) if 0 < moment.minute < 10 else ()
    minutes = (*oh, *number(moment.minute, language)) if moment.minute else ()
    return (f"n-{hour}", *minutes, half)


def spelled(name: str) -> Said:
    """A name letter by letter, accents left off; what is neither a letter nor a digit is left out."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    known = [c for c in plain if c.isascii() and c.isalnum()][:MOST_LETTERS]
    return tuple(f"n-{c}" if c.isdigit() else f"letter-{c}" for c in known)
