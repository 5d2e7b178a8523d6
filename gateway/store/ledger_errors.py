"""What the ledger refuses, each with what can be done about it."""

from parloir.store.errors import StoreError


class NoSuchAccount(StoreError):
    """No account goes by that name, or none can; write resident:ID, visitor:ID or facility."""

    def __init__(self, account: str) -> None:
        super().__init__(f"there is no account {account!r}: write resident:ID, visitor:ID or facility")
        self.account = account


class Unbalanced(StoreError):
    """An entry does not come to 0, moves nothing, or its amounts are no whole micro-dollars: a fault of the caller."""

    def __init__(self, event: str, total: object) -> None:
        super().__init__(f"the entry {event} comes to {total} and not to 0: nothing was posted")
        self.event = event
        self.total = total


class CannotKeep(StoreError):
    """An entry's event, reason or author is no text, or too long to be kept; give a shorter one."""

    def __init__(self, what: str, longest: int) -> None:
        super().__init__(f"the {what} of an entry is a text of at most {longest} characters")
        self.what = what
        self.longest = longest


class BadAmount(StoreError):
    """An amount that cannot move; give whole micro-dollars above 0."""

    def __init__(self, amount: object) -> None:
        super().__init__(f"{amount} is no amount: give whole micro-dollars above 0")
        self.amount = amount


class EventTaken(StoreError):
    """An event was posted before with another account or amount; each thing that happens needs an id of its own."""

    def __init__(self, event: str, entry: int) -> None:
        super().__init__(f"the event {event} is entry {entry}, for another account or amount: nothing was posted")
        self.event = event
        self.entry = entry


class Insufficient(StoreError):
    """An account holds less than is asked of it; deposit money first. Amounts in micro-dollars."""

    def __init__(self, account: str, available: int, wanted: int) -> None:
        super().__init__(f"{account} has {available} micro-dollars available, not {wanted}")
        self.account = account
        self.available = available
        self.wanted = wanted


class NoHold(StoreError):
    """A call was to be settled for which nothing was ever held; only a call with a hold is charged."""

    def __init__(self, call: str) -> None:
        super().__init__(f"call {call} has no hold: it cannot be charged")
        self.call = call


class OverHold(StoreError):
    """A call was to be charged more than was held for it; it may cost what its hold covers. In micro-dollars."""

    def __init__(self, call: str, held: int, wanted: int) -> None:
        super().__init__(f"call {call} has {held} micro-dollars held and cannot be charged {wanted}")
        self.call = call
        self.held = held
        self.wanted = wanted


class OverRefund(StoreError):
    """More was to be refunded than a call was charged, less what was refunded before. Amounts in micro-dollars."""

    def __init__(self, call: str, left: int, wanted: int) -> None:
        super().__init__(f"call {call} has {left} micro-dollars left to refund, not {wanted}")
        self.call = call
        self.left = left
        self.wanted = wanted
