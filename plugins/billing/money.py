"""Dollars as people write them, to and from the whole micro-dollars of the ledger. Pure, and exact."""

import re
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Field

from parloir.api import Unfit

CENT = 10_000
DOLLAR = 1_000_000
PLACES = 6
_DECIMAL = re.compile(r"([0-9]{1,9})(?:\.([0-9]+))?")


def exact(text: str, places: int) -> int:
    """A decimal number in units of its last place: `exact("1.5", 3)` is 1500.

    Raises ValueError for what is no decimal number from 0 to 999999999, or has more places than that.
    """
    found = _DECIMAL.fullmatch(text.strip())
    if found is None:
        raise ValueError("this is not a decimal number like 0.12")
    whole, rest = found[1], found[2] or ""
    if len(rest.rstrip("0")) > places:
        raise ValueError(f"this has more than {places} places after the point")
    return int(whole + rest.rstrip("0").ljust(places, "0"))


def dollars(amount: int) -> str:
    """An amount to the cent, as in `-1,234.50`; more places only where it is not in whole cents."""
    whole, rest = divmod(abs(amount), DOLLAR)
    places = f"{rest:06}".rstrip("0").ljust(2, "0")
    return f"{'-' if amount < 0 else ''}{whole:,}.{places}"


def plain(amount: int) -> str:
    """The same for a machine: without commas."""
    return dollars(amount).replace(",", "")


def _written(places: int, example: str) -> BeforeValidator:
    """Reads text or a whole number; a bare decimal has been through binary already and is refused."""

    def read(value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise Unfit("this is not written as text, and could not be read exactly", f'put it in quotes: "{example}"')
        try:
            return exact(value, places)
        except ValueError as error:
            raise Unfit(str(error), f'write it like "{example}"') from None

    return BeforeValidator(read)


Price: TypeAlias = Annotated[int, _written(PLACES, "0.12"), Field(ge=0, le=100 * DOLLAR)]
"""Micro-dollars, at most 100 dollars."""
Sum: TypeAlias = Annotated[int, _written(PLACES, "25.00"), Field(ge=0, le=100_000 * DOLLAR)]
"""Micro-dollars, at most 100,000 dollars."""
Percent: TypeAlias = Annotated[int, _written(4, "1.25"), Field(ge=0, le=DOLLAR)]
"""Millionths, at most all of it: 1.25 per cent are 12,500."""
