"""Text from outside, before it goes into a query."""


def can_be_kept(text: str) -> bool:
    """Whether both databases can hold a text: no NUL (PostgreSQL), no lone surrogate. What cannot be is not there."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)
