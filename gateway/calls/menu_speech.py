"""What the attendant's menu says, as names of prompts in a row. Pure."""

from collections.abc import Sequence

from parloir.calls import spoken
from parloir.calls.menu_effects import Entry
from parloir.calls.spoken import Said


def first_question(languages: Sequence[str], hotlines: Sequence[tuple[str, str]]) -> Said:
    """Which language, each in its own words, and every hotline's key in all of them: as "language/prompt"."""
    said: list[str] = []
    for number, language in enumerate(languages, 1):
        said += (f"{language}/choose-language", f"{language}/n-{number}")
    for key, prompt in hotlines:
        for language in languages:
            said += (f"{language}/{prompt}", f"{language}/n-{key}")
    return tuple(said)


def main_question(balance: bool) -> Said:
    """What to do."""
    return ("menu-call", "menu-visits", *(("menu-balance",) if balance else ()), "back")


def choice(entries: Sequence[Entry], more: bool, language: str) -> Said:
    """Whom to call, each by a key from 1 on; `more`: there are others."""
    said: list[str] = []
    for number, entry in enumerate(entries, 1):
        about = ("for",) if entry.at is None else ("visit-at", *spoken.time(entry.at, language), "with")
        said += ("press", *spoken.number(number, language), *about, *spoken.spelled(entry.name))
    return (*said, *(("more",) if more else ()), "back")


def balance(micros: int, language: str) -> Said:
    """What an account has, in micro-dollars."""
    return ("balance-is", *spoken.amount(micros, language))
