"""The spoken prompts: their words and their sound."""

import csv
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import ascii_lowercase

from parloir.config.errors import ConfigError

NOTICE = "notice"
PLEASE_WAIT = "please-wait"
ONE_MINUTE = "one-minute"
CLOSING = "closing"
GOODBYE = "goodbye"
RECORDED = "recorded"
RECORDED_ONLY = "recorded-only"
MONITORED = "monitored"
PRIVATE = "private"
LOCKDOWN = "lockdown"
BALANCE_LOW = "balance-low"
TEN_SECONDS = "ten-seconds"
NOT_RECORDED = "not-recorded"
CANNOT_RECORD = "cannot-record"
TONE = "tone"
NAMES = (
    NOTICE,
    PLEASE_WAIT,
    ONE_MINUTE,
    CLOSING,
    GOODBYE,
    RECORDED,
    RECORDED_ONLY,
    MONITORED,
    PRIVATE,
    LOCKDOWN,
    BALANCE_LOW,
    TEN_SECONDS,
    NOT_RECORDED,
    CANNOT_RECORD,
)
WARNINGS = ("warning-conduct", "warning-picture", "warning-three-way")
"""What officers may have said to both."""
MENU = (
    "choose-language",
    "hotline",
    "hotline-connecting",
    "hotline-failed",
    "enter-number",
    "enter-pin",
    "wrong-pin",
    "locked",
    "menu-call",
    "menu-visits",
    "menu-balance",
    "nobody",
    "no-visits",
    "more",
    "back",
    "visit-at",
    "balance-is",
    "calling",
    "not-here",
    "declined",
    "refused",
    "failed",
    "no-such-key",
    "farewell",
)
"""What the attendant says."""
SOUNDS = (TONE,)
"""What is no speech."""
WORDS = (
    *("press", "for", "with", "and", "am", "pm", "oh", "one-dollar", "dollars", "one-cent", "cents"),
    *(f"n-{number}" for number in (*range(30), *range(30, 100, 10), *range(100, 1001, 100))),
    *("n-1-m", "n-21-m", "n-100-and"),
    *(f"letter-{letter}" for letter in ascii_lowercase),
)
"""Of what it puts together the rest: names, numbers, amounts, times (calls.spoken)."""


class UnknownPrompt(ConfigError):
    """There is no such prompt in this language; config/prompts/prompts.csv lists those there are."""

    def __init__(self, name: str, language: str) -> None:
        self.name = name
        self.language = language
        super().__init__(f"no prompt {name!r} in {language!r}")


def folder() -> Path:
    """Where the prompts lie: LANGUAGE/NAME.wav, 16-bit linear PCM, 16 kHz, one channel."""
    return Path(str(files("parloir.config"))) / "prompts"


def text(name: str, language: str = "en") -> str:
    """What a prompt says, for the page that shows it. Raises UnknownPrompt."""
    try:
        return _texts()[name, language]
    except KeyError:
        raise UnknownPrompt(name, language) from None


def path(name: str, language: str = "en") -> Path:
    """The prompt's WAV file. Raises UnknownPrompt."""
    text(name, language)
    return folder() / language / f"{name}.wav"


def languages() -> frozenset[str]:
    """The languages that every prompt is spoken in."""
    spoken = {language for _, language in _texts()}
    names = (*NAMES, *WARNINGS, *MENU, *SOUNDS, *WORDS)
    return frozenset(language for language in spoken if all((name, language) in _texts() for name in names))


@cache
def _texts() -> dict[tuple[str, str], str]:
    table = (folder() / "prompts.csv").read_text(encoding="utf-8")
    return {(row["name"], row["language"]): row["text"] for row in csv.DictReader(table.splitlines())}
