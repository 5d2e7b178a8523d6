"""The attendant's menu as one state machine: keys and time in, what to say and do out. Pure; times in seconds.

A key cuts short a question. What is asked is asked ROUNDS times and then given up, `*` goes back, and no menu lasts
longer than LONGEST, whatever is pressed.

Who knows the menu may press keys ahead: they are taken when what was looked up has been found. Where something else
came of it, that is said to its end, and keys mean nothing until then: they were meant for another question.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from parloir.calls import menu_speech as speech
from parloir.calls.menu_effects import (
    Abandon,
    Back,
    Check,
    Connect,
    Effects,
    Entry,
    Find,
    HangUp,
    Hush,
    Refer,
    Say,
    What,
)
from parloir.calls.spoken import Said

PATIENCE = 6.0
"""From the end of what was said, or the last key, until it is said again."""
ROUNDS = 3
TRIES = 3
"""Wrong numbers or PINs in one call."""
LONGEST = 600.0
PAGE = 8
MORE = "9"
MOST_AHEAD = 32
"""Keys that may be pressed while something is looked up; of more, none is taken."""
LONGEST_NUMBER = 32
LONGEST_PIN = 12


class Stage(Enum):
    """What the phone is being asked, or is waiting for."""

    LANGUAGE = auto()
    NUMBER = auto()
    PIN = auto()
    CHECKING = auto()
    MAIN = auto()
    LOOKING = auto()
    CHOOSING = auto()
    CALLING = auto()
    REFERRING = auto()
    LEAVING = auto()
    OVER = auto()


BUSY = (Stage.CHECKING, Stage.LOOKING, Stage.REFERRING, Stage.LEAVING, Stage.OVER)
"""Where keys mean nothing now."""


@dataclass(frozen=True)
class Terms:
    """What a facility's menu offers: its languages, its own first, and the keys of its hotlines, each with the prompt
    that is said before it; such a key is none of those that choose a language."""

    languages: tuple[str, ...] = ("en", "es")
    hotlines: tuple[tuple[str, str], ...] = ()
    balance: bool = True


class Menu:
    """One phone's way through the menu. Keys that are entered are kept until they are checked, and never shown."""

    def __init__(self, terms: Terms, now: float) -> None:
        self.terms = terms
        self.stage = Stage.LANGUAGE
        self.language = terms.languages[0]
        self.deadline: float | None = now + LONGEST
        self._ends = now + LONGEST
        self._rounds = 0
        self._wrong = 0
        self._entered = ""
        self._number = ""
        self._entries: tuple[Entry, ...] = ()
        self._page = 0
        self._ahead: list[tuple[str, float]] = []
        self._telling = False
        self._then: Callable[[], Effects] | None = None

    def begin(self) -> Effects:
        """The first thing said."""
        if len(self.terms.languages) > 1 or self.terms.hotlines:
            return self._ask(Stage.LANGUAGE)
        return self._ask(Stage.NUMBER)

    def key(self, digit: str, now: float) -> Effects:
        """A key was pressed."""
        if self.stage in (Stage.CHECKING, Stage.LOOKING):
            self._ahead = [*self._ahead, (digit, now)][: MOST_AHEAD + 1]
        if self._telling or self.stage in BUSY:
            return ()
        self.deadline = min(now + PATIENCE, self._ends)
        match self.stage:
            case Stage.LANGUAGE:
                return self._language(digit)
            case Stage.NUMBER | Stage.PIN:
                return self._enter(digit)
            case Stage.MAIN:
                return self._main(digit)
            case Stage.CHOOSING:
                return self._choose(digit)
            case _:
                return (Abandon(), *self._ask(Stage.MAIN)) if digit == "*" else ()

    def heard(self, now: float) -> Effects:
        """What was to be said has been said to its end."""
        if self.stage is Stage.LEAVING:
            return self._over()
        then, self._then, self._telling = self._then, None, False
        if then is not None:
            return then()
        self.deadline = min(now + PATIENCE, self._ends)
        return ()

    def late(self, now: float) -> Effects:
        """The deadline has come."""
        if now >= self._ends:
            leaving = self.stage is Stage.LEAVING
            self._ends = now + PATIENCE
            return self._over() if leaving else (*self._give_up(), *self._leave("farewell"))
        if self._telling or self.stage in BUSY or self.stage is Stage.CALLING:
            self.deadline = self._ends
            return ()
        self._rounds += 1
        if self._rounds >= ROUNDS:
            return self._leave("farewell")
        return self._repeat()

    # What was asked for outside.

    def known(self) -> Effects:
        """The number and the PIN are right."""
        if self.stage is not Stage.CHECKING:
            return ()
        self._wrong = 0
        return self._catch_up(self._ask(Stage.MAIN))

    def unknown(self, locked: bool = False) -> Effects:
        """They are not; or `locked`, nobody may try now."""
        if self.stage is not Stage.CHECKING:
            return ()
        self._wrong += 1
        if locked or self._wrong >= TRIES:
            return self._leave("locked")
        return self._tell(Stage.NUMBER, "wrong-pin")

    def found(self, what: What, entries: Sequence[Entry]) -> Effects:
        """Who can be called."""
        if self.stage is not Stage.LOOKING:
            return ()
        if not entries:
            return self._tell(Stage.MAIN, "nobody" if what is What.CONTACTS else "no-visits")
        self._entries, self._page = tuple(entries), 0
        return self._catch_up(self._ask(Stage.CHOOSING))

    def has(self, micros: int) -> Effects:
        """The balance, in micro-dollars."""
        if self.stage is not Stage.LOOKING:
            return ()
        return self._tell(Stage.MAIN, *speech.balance(micros, self.language))

    def came_back(self, why: Back) -> Effects:
        """The call, or the look-up, came to nothing."""
        if self.stage not in (Stage.CALLING, Stage.LOOKING, Stage.CHECKING):
            return ()
        return self._tell(Stage.NUMBER if self.stage is Stage.CHECKING else Stage.MAIN, why)

    def refer_failed(self) -> Effects:
        """The phone could not be sent to the hotline."""
        return self._tell(Stage.LANGUAGE, "hotline-failed") if self.stage is Stage.REFERRING else ()

    def _catch_up(self, effects: Effects) -> Effects:
        """Take the keys that were pressed while something was looked up, by one who knows the menu."""
        ahead, self._ahead = self._ahead, []
        if len(ahead) > MOST_AHEAD:
            return self._tell(self.stage, "no-such-key")
        for digit, now in ahead:
            effects = (*effects, *self.key(digit, now))
        return effects

    # What keys mean.

    def _language(self, digit: str) -> Effects:
        if digit in dict(self.terms.hotlines):
            self.stage = Stage.REFERRING
            self.deadline = self._ends
            self._then = lambda: (Refer(digit),)
            return (self._say("hotline-connecting"),)
        chosen = int(digit) - 1 if digit.isdigit() else -1
        if 0 <= chosen < len(self.terms.languages):
            self.language = self.terms.languages[chosen]
            return self._ask(Stage.NUMBER)
        return self._wrong_key()

    def _enter(self, digit: str) -> Effects:
        if digit == "*":
            if self._entered:
                return self._repeat()
            return self._ask(Stage.NUMBER) if self.stage is Stage.PIN else self.begin()
        if digit == "#":
            return self._entry_done()
        if digit.isdigit():
            self._entered = (self._entered + digit)[: LONGEST_NUMBER + 1]
        return () if len(self._entered) > 1 else (Hush(),)

    def _entry_done(self) -> Effects:
        entered, self._entered = self._entered, ""
        if not entered:
            return self._repeat()
        if self.stage is Stage.NUMBER:
            self._number = entered
            return self._ask(Stage.PIN)
        number, self._number = self._number, ""
        self.stage, self.deadline = Stage.CHECKING, self._ends
        return (Check(number, entered[: LONGEST_PIN + 1]),)

    def _main(self, digit: str) -> Effects:
        wanted = {"1": What.CONTACTS, "2": What.VISITS}
        if self.terms.balance:
            wanted["3"] = What.BALANCE
        if digit == "*":
            return self.begin()
        if digit not in wanted:
            return self._wrong_key()
        self.stage, self.deadline = Stage.LOOKING, self._ends
        return (Find(wanted[digit]),)

    def _choose(self, digit: str) -> Effects:
        shown = self._shown()
        if digit == "*":
            return self._ask(Stage.MAIN)
        if digit == MORE and len(self._entries) > PAGE:
            self._page = (self._page + 1) % -(-len(self._entries) // PAGE)
            return self._ask(Stage.CHOOSING)
        if not (digit.isdigit() and 1 <= int(digit) <= len(shown)):
            return self._wrong_key()
        self.stage = Stage.CALLING
        self.deadline = self._ends
        return (Say(self._in(("calling",)), endless=True), Connect(shown[int(digit) - 1]))

    def _wrong_key(self) -> Effects:
        self._rounds += 1
        if self._rounds >= ROUNDS:
            return self._leave("farewell")
        return self._repeat("no-such-key")

    # What is said.

    def _ask(self, stage: Stage) -> Effects:
        self.stage, self._rounds = stage, 0
        return self._repeat()

    def _repeat(self, *before: str) -> Effects:
        self._entered, self._then, self.deadline = "", None, self._ends
        return (Say((*self._in(before), *self._question())),)

    def _tell(self, stage: Stage, *outcome: str) -> Effects:
        """Say what came of something, and ask only when that has been heard."""
        self.stage, self._telling, self.deadline = stage, True, self._ends
        self._ahead = []
        self._then = lambda: self._ask(stage)
        return (self._say(*outcome),)

    def _question(self) -> Said:
        match self.stage:
            case Stage.LANGUAGE:
                return speech.first_question(self.terms.languages, self.terms.hotlines)
            case Stage.NUMBER:
                return self._in(("enter-number",))
            case Stage.PIN:
                return self._in(("enter-pin",))
            case Stage.MAIN:
                return self._in(speech.main_question(self.terms.balance))
            case _:
                return self._in(speech.choice(self._shown(), len(self._entries) > PAGE, self.language))

    def _shown(self) -> tuple[Entry, ...]:
        return self._entries[self._page * PAGE :][:PAGE]

    def _in(self, names: Sequence[str]) -> Said:
        return tuple(f"{self.language}/{name}" for name in names)

    def _say(self, *names: str) -> Say:
        return Say(self._in(names))

    # How it ends.

    def _give_up(self) -> Effects:
        return (Abandon(),) if self.stage is Stage.CALLING else ()

    def _leave(self, prompt: str) -> Effects:
        self.stage, self._entered, self._number = Stage.LEAVING, "", ""
        self.deadline = self._ends
        return (self._say(prompt),)

    def _over(self) -> Effects:
        self.stage, self.deadline = Stage.OVER, None
        return (HangUp(),)
