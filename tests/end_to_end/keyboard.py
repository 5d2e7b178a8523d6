"""Someone who uses a page by the keyboard alone."""

from functools import partial
from typing import Any

from .browser import Browser, Page


class Hands:
    """Presses keys on a page, and waits for what they bring about."""

    def __init__(self, browser: Browser, page: Page) -> None:
        self.browser = browser
        self.page = page

    def wait(self, truth: str) -> Any:
        """The value of a piece of JavaScript, once it is true."""

        def look() -> Any:
            try:
                return self.page.evaluate(truth) or None
            except Exception:
                return None  # the page was left for another while it was looked at

        return self.page.wait_until(look, truth, 60)

    def press(self, *keys: str) -> None:
        """Press keys one after the other, by their names."""
        for each in keys:
            self.browser.run(partial(self.page._page.keyboard.press, each))

    def type(self, text: str) -> None:
        """Type into whatever has the focus."""
        self.browser.run(lambda: self.page._page.keyboard.type(text))

    def answer(self, text: str) -> None:
        """Say why, in the dialog that asks."""
        self.wait("document.querySelector('#ask').open")
        self.type(text)
        self.press("Enter")
        self.wait("!document.querySelector('#ask').open")

    def focus(self, selector: str) -> None:
        """Put the focus where many presses of Tab would."""
        self.page.evaluate(f"document.querySelector({selector!r}).focus()")

    def choose(self, selector: str, value: str) -> None:
        """Choose from a list."""
        self.browser.run(lambda: self.page._page.select_option(selector, value))

    def screen(self, width: int, height: int) -> None:
        """Use a screen of that size."""
        self.browser.run(lambda: self.page._page.set_viewport_size({"width": width, "height": height}))
