"""What a call in progress has come to so far, as it would be settled if it ended now. Pure."""

from dataclasses import dataclass
from datetime import datetime

from parloir.calls.quote import Quote
from parloir.config.caps import Caps
from parloir.policy import price
from parloir.policy.answers import Ending


@dataclass(frozen=True)
class Fare:
    """The terms on which a call's money was set aside, and the caps as they are known now."""

    quote: Quote
    caps: Caps

    def at(self, seconds: int, answered: datetime | None, video: bool) -> tuple[int, int | None]:
        """What so many whole seconds of talking come to, taxes included, in micro-dollars, where somebody hangs up.

        And at which second it is more than that; None: at none that is paid for.
        """
        quote = self.quote
        bill = quote.bill(self.caps, seconds=seconds, answered=answered, video=video, ending=Ending.HUNG_UP)
        total = quote.charge(bill).total
        if bill.waived:
            return total, None
        same = price.affordable(quote.steps, bill.cap, quote.taxes, total, quote.seconds)
        return total, same + 1 if same < quote.seconds else None
