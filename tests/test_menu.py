"""The attendant's menu: what each key brings, how it ends, and that nothing is offered before the PIN was right."""

from copy import deepcopy
from datetime import datetime
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as some

from parloir.calls import menu as menus
from parloir.calls.menu import Menu, Terms
from parloir.calls.menu_effects import (
    Abandon,
    Back,
    Check,
    Connect,
    Do,
    Effects,
    Entry,
    Find,
    HangUp,
    Hush,
    Refer,
    Say,
    What,
)
from parloir.config import prompts

TERMS = Terms(hotlines=(("9", "hotline"),))
ANN = Entry(What.CONTACTS, "v1", "Ann")
LATE = Entry(What.VISITS, "x1", "Bo", datetime(2026, 3, 1, 14, 5, tzinfo=ZoneInfo("America/Chicago")))


def press(menu: Menu, keys: str, now: float = 1.0) -> Effects:
    """The effects of the last of these keys."""
    done: Effects = ()
    for key in keys:
        done = menu.key(key, now)
    return done


def logged_in(terms: Terms = TERMS, language: str = "1") -> Menu:
    menu = Menu(terms, 0.0)
    menu.begin()
    assert press(menu, f"{language}1234#4711#") == (Check("1234", "4711"),)
    menu.known()
    return menu


def said(effects: Effects) -> tuple[str, ...]:
    return tuple(prompt for each in effects if isinstance(each, Say) for prompt in each.prompts)


def test_every_language_and_hotline_is_offered_first() -> None:
    heard = said(Menu(TERMS, 0.0).begin())
    assert heard[:4] == ("en/choose-language", "en/n-1", "es/choose-language", "es/n-2")
    assert heard[4:] == ("en/hotline", "en/n-9", "es/hotline", "es/n-9")


def test_one_language_without_hotlines_is_not_asked_for() -> None:
    assert said(Menu(Terms(("es",)), 0.0).begin()) == ("es/enter-number",)


def test_number_and_pin_are_asked_in_the_chosen_language_and_checked() -> None:
    menu = Menu(TERMS, 0.0)
    menu.begin()
    assert said(press(menu, "2")) == ("es/enter-number",)
    assert said(press(menu, "12#")) == ("es/enter-pin",)
    assert press(menu, "9876#") == (Check("12", "9876"),)
    assert said(menu.known()) == ("es/menu-call", "es/menu-visits", "es/menu-balance", "es/back")


def test_what_was_entered_shows_nowhere() -> None:
    assert "9876" not in repr(Check("12", "9876"))
    menu = Menu(TERMS, 0.0)
    press(menu, "112#9876")
    assert "9876" not in repr(menu)


def test_three_wrong_tries_end_the_menu_and_keys_help_no_more() -> None:
    menu = Menu(TERMS, 0.0)
    menu.begin()
    press(menu, "1")
    for _ in range(menus.TRIES - 1):
        press(menu, "12#9876#")
        assert said(menu.unknown()) == ("en/wrong-pin",)
        assert said(menu.heard(2.0)) == ("en/enter-number",)
    press(menu, "12#9876#")
    assert said(menu.unknown()) == ("en/locked",)
    assert press(menu, "12#9876#") == ()
    assert menu.heard(2.0) == (HangUp(),)


def test_a_locked_resident_is_told_at_once() -> None:
    menu = Menu(TERMS, 0.0)
    menu.begin()
    press(menu, "112#9876#")
    assert said(menu.unknown(locked=True)) == ("en/locked",)


def test_star_takes_back_what_was_entered_then_goes_back() -> None:
    menu = Menu(TERMS, 0.0)
    menu.begin()
    press(menu, "1")
    assert said(press(menu, "55*")) == ("en/enter-number",)
    assert said(press(menu, "12#")) == ("en/enter-pin",)
    assert said(press(menu, "*")) == ("en/enter-number",)
    assert said(press(menu, "*"))[0] == "en/choose-language"


def test_contacts_are_spelled_and_one_is_called() -> None:
    menu = logged_in()
    assert press(menu, "1") == (Find(What.CONTACTS),)
    heard = said(menu.found(What.CONTACTS, [ANN]))
    assert heard == ("en/press", "en/n-1", "en/for", "en/letter-a", "en/letter-n", "en/letter-n", "en/back")
    assert press(menu, "1") == (Say(("en/calling",), endless=True), Connect(ANN))
    assert said(menu.came_back(Back.DECLINED)) == ("en/declined",)
    assert said(menu.heard(2.0))[0] == "en/menu-call"
    assert menu.stage is menus.Stage.MAIN


def test_keys_that_come_while_something_is_looked_up_are_taken_afterwards() -> None:
    menu = Menu(TERMS, 0.0)
    menu.begin()
    assert press(menu, "112#47#") == (Check("12", "47"),)
    assert press(menu, "11") == ()
    assert menu.known()[-1] == Find(What.CONTACTS)
    assert menu.found(What.CONTACTS, [ANN])[-1] == Connect(ANN)


def test_keys_that_followed_a_wrong_pin_mean_nothing() -> None:
    menu = Menu(TERMS, 0.0)
    menu.begin()
    press(menu, "112#47#11")
    assert said(menu.unknown()) == ("en/wrong-pin",)
    assert press(menu, "11#") == ()
    menu.heard(2.0)
    assert press(menu, "12#47#") == (Check("12", "47"),)
    assert said(menu.known())[-1] == "en/back"


def test_more_keys_than_are_kept_are_none() -> None:
    menu = logged_in()
    press(menu, "1" + "9" * menus.MOST_AHEAD + "1")
    entries = [Entry(What.CONTACTS, str(n), "Al") for n in range(10)]
    assert said(menu.found(What.CONTACTS, entries)) == ("en/no-such-key",)
    assert said(menu.heard(2.0))[-2:] == ("en/more", "en/back")


def test_star_that_was_to_give_up_a_call_does_not_leave_the_menu_when_the_call_has_failed() -> None:
    menu = logged_in()
    press(menu, "1")
    menu.found(What.CONTACTS, [ANN])
    press(menu, "1")
    menu.came_back(Back.DECLINED)
    assert press(menu, "*") == ()
    menu.heard(2.0)
    assert menu.stage is menus.Stage.MAIN


def test_a_visit_is_offered_by_its_time() -> None:
    menu = logged_in(language="2")
    press(menu, "2")
    heard = said(menu.found(What.VISITS, [LATE]))
    assert heard[2:8] == ("es/visit-at", "es/n-2", "es/oh", "es/n-5", "es/pm", "es/with")


def test_more_than_eight_are_offered_in_pages() -> None:
    menu = logged_in()
    press(menu, "1")
    menu.found(What.CONTACTS, [Entry(What.CONTACTS, str(n), "Al") for n in range(10)])
    menu.key("9", 2.0)
    assert press(menu, "2")[1] == Connect(Entry(What.CONTACTS, "9", "Al"))


def test_nobody_to_call_and_no_visits_lead_back() -> None:
    menu = logged_in()
    press(menu, "1")
    assert said(menu.found(What.CONTACTS, [])) == ("en/nobody",)
    assert said(menu.heard(2.0))[0] == "en/menu-call"
    press(menu, "2")
    assert said(menu.found(What.VISITS, [])) == ("en/no-visits",)


def test_the_balance_is_said_in_dollars_and_cents() -> None:
    menu = logged_in()
    assert press(menu, "3") == (Find(What.BALANCE),)
    heard = said(menu.has(12_340_000))
    assert heard == ("en/balance-is", "en/n-12", "en/dollars", "en/and", "en/n-30", "en/n-4", "en/cents")
    assert said(menu.heard(2.0))[0] == "en/menu-call"


def test_a_facility_without_accounts_offers_no_balance() -> None:
    menu = logged_in(Terms(balance=False))
    assert said(press(menu, "3"))[0] == "en/no-such-key"


def test_star_gives_up_a_call_that_is_being_made() -> None:
    menu = logged_in()
    press(menu, "1")
    menu.found(What.CONTACTS, [ANN])
    press(menu, "1")
    assert press(menu, "*")[0] == Abandon()


def test_a_hotline_needs_no_pin_and_is_gone_to_after_it_was_said() -> None:
    menu = Menu(TERMS, 0.0)
    menu.begin()
    assert said(press(menu, "9")) == ("en/hotline-connecting",)
    assert press(menu, "*1") == ()
    assert menu.heard(2.0) == (Refer("9"),)
    assert said(menu.refer_failed()) == ("en/hotline-failed",)
    assert said(menu.heard(3.0))[0] == "en/choose-language"
    assert menu.stage is menus.Stage.LANGUAGE


def test_a_question_nobody_answers_is_said_three_times() -> None:
    menu = Menu(TERMS, 0.0)
    menu.begin()
    now, asked = 5.0, 0
    while not said(menu.heard(now)) and menu.stage is menus.Stage.LANGUAGE:
        assert menu.deadline is not None
        now = menu.deadline
        asked += bool(menu.late(now))
    assert asked == menus.ROUNDS
    assert menu.heard(now) == () or menu.stage is menus.Stage.OVER


def test_a_half_entered_pin_is_forgotten_when_nothing_more_comes() -> None:
    menu = Menu(TERMS, 0.0)
    menu.begin()
    press(menu, "112#98")
    assert said(menu.late(menu.deadline or 0.0)) == ("en/enter-pin",)
    assert press(menu, "76#") == (Check("12", "76"),)


def test_no_menu_lasts_longer_than_it_may() -> None:
    menu = Menu(TERMS, 0.0)
    menu.begin()
    press(menu, "1")
    now = 0.0
    while now < menus.LONGEST:
        now += menus.PATIENCE / 2
        menu.key("5", now)
    assert said(menu.late(now)) == ("en/farewell",)
    assert menu.heard(now + 1) == (HangUp(),)


@given(some.lists(some.sampled_from([*"0123456789*#ABCD", "heard", "late", "unknown", "locked", "failed"])))
def test_nothing_is_looked_up_or_called_without_a_right_pin(events: list[str]) -> None:
    menu = Menu(TERMS, 0.0)
    done = [*menu.begin()]
    now = 0.0
    for event in events:
        now += 1.0
        match event:
            case "heard":
                done += menu.heard(now)
            case "late":
                done += menu.late(max(now, menu.deadline or now))
            case "unknown" | "locked":
                done += menu.unknown(locked=event == "locked")
            case "failed":
                done += menu.refer_failed()
            case key:
                done += menu.key(key, now)
    assert not [each for each in done if isinstance(each, Find | Connect)]
    known = {*prompts.NAMES, *prompts.MENU, *prompts.WORDS}
    assert {prompt.partition("/")[2] for prompt in said(tuple(done))} <= known


class Pressed(Menu):
    """A menu that notes each key it acts on, by when it was pressed, and what the menu was asking."""

    def __init__(self, terms: Terms, now: float) -> None:
        super().__init__(terms, now)
        self.acted: set[tuple[float, menus.Stage]] = set()
        self.asked: list[Do] = []

    def key(self, digit: str, now: float) -> Effects:
        before = self.stage
        effects = super().key(digit, now)
        self.asked += [each for each in effects if not isinstance(each, Say | Hush)]
        if effects or self.stage is not before:
            self.acted.add((now, before))
        return effects


MANY = [Entry(What.CONTACTS, str(n), "Al") for n in range(10)]
WELL = some.sampled_from([*"1111223399*0#", "1#1#", "heard", "late", "well"])
ILL = some.sampled_from(["ill", "ill", "nothing", "declined"])


def answer(menu: Menu, ill: str = "") -> None:
    """Tell a menu what came of what it waits for: what is hoped for, or something else."""
    finds = [each for each in menu.asked if isinstance(each, Find)] if isinstance(menu, Pressed) else []
    match menu.stage:
        case menus.Stage.CHECKING:
            menu.unknown() if ill else menu.known()
        case menus.Stage.LOOKING if ill == "ill":
            menu.came_back(Back.FAILED)
        case menus.Stage.LOOKING if finds[-1].what is What.BALANCE:
            menu.has(5)
        case menus.Stage.LOOKING:
            menu.found(finds[-1].what, [] if ill else MANY)
        case menus.Stage.CALLING if ill:
            menu.came_back(Back.DECLINED)
        case menus.Stage.REFERRING if ill:
            menu.refer_failed()


@settings(max_examples=400)
@given(some.lists(some.one_of(WELL, WELL, ILL), max_size=60))
@example(["1", "1#1#", "well", "1", "ill", "1"])
@example(["1", "1#1#", "1", "1", "ill", "1", "heard"])
@example(["1", "1#1#", "well", "1", "1", "nothing", "1"])
@example(["1", "1#1#", "well", "3", "1", "well", "1"])
@example(["1", "1#1#", "well", "1", "well", "1", "declined", "*"])
@example(["1", "1#1#", "well", "1", "1", "ill", "heard", "1", "well"])
@example(["1", "1#1#", "1", "1", "ill", "heard", "1#1#", "well"])
@example(["1", "1#1#", "well", "1", *["9"] * (menus.MOST_AHEAD + 2), "well", "1"])
def test_no_key_is_taken_for_an_answer_to_another_question(events: list[str]) -> None:
    """A twin is what the resident believes: that all goes well, until they have heard how it went."""
    menu = Pressed(TERMS, 0.0)
    menu.begin()
    belief, heard, acted = deepcopy(menu), 0.0, set(menu.acted)
    now = 0.0
    for event in events:
        now += 0.01
        match event:
            case "heard":
                menu.heard(now)
                if menu.stage not in menus.BUSY:
                    belief, heard = deepcopy(menu), now
            case "late":
                if menu.deadline is not None and menu.deadline < now + menus.PATIENCE + 1:
                    now = menu.deadline
                    menu.late(now)
                    if menu.stage not in menus.BUSY:
                        belief, heard = deepcopy(menu), now
            case "well":
                answer(menu)
            case "ill" | "nothing" | "declined":
                answer(menu, event)
            case keys:
                for key in keys:
                    now += 0.01
                    belief.key(key, now)
                    menu.key(key, now)
                    while belief.stage in (menus.Stage.CHECKING, menus.Stage.LOOKING):
                        answer(belief)
        assert menu.acted <= belief.acted
        assert all(pressed > heard for pressed, _ in menu.acted - acted), "a key that was long forgotten"
        acted = set(menu.acted)
        assert set(menu.asked) <= set(belief.asked)
