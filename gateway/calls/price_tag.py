"""What the visitor's page is told of a call's price, from what was decided about it. Pure."""

from parloir.policy import price, rates
from parloir.policy.answers import LONGEST, CallClass, DenialKind, Payer, PayerKind
from parloir.policy.decision import BALANCE, Decision
from parloir.webrtc.signalling import Price, PriceStep, TaxRate

UNKNOWN = Price(state="unknown")
"""It is told before the call is connected."""


def price_tag(decision: Decision, *, agreed: bool) -> Price | None:
    """The price, `agreed` or only expected; None where no plugin of the facility rates calls, so that none is known."""
    if denial := decision.denial:
        return Price(state="refused") if denial.kind is DenialKind.BALANCE else UNKNOWN
    if decision.rate is None:
        return None
    tag = Price(
        state="agreed" if agreed else "expected",
        private=decision.call_class is CallClass.PRIVILEGED,
        seconds=decision.limit.seconds,
    )
    if rates.is_free(decision.rate):
        return tag
    return tag.model_copy(
        update={
            "payer": _kind(decision.payer),
            "steps": tuple(
                PriceStep(from_second=step.from_second, per_minute=step.per_minute) for step in decision.rate
            ),
            "taxes": tuple(TaxRate(code=tax.code, ppm=tax.ppm) for tax in decision.taxes if tax.ppm),
            "most": _most(decision),
            "sooner": decision.limit.code == BALANCE,
        }
    )


def _most(decision: Decision) -> int:
    """What the call may come to: what is set aside for it, or (the facility pays) what its longest time costs."""
    if decision.hold is not None or decision.rate is None:
        return decision.hold or 0
    seconds = LONGEST if decision.limit.seconds is None else decision.limit.seconds
    cap = decision.cap.per_minute if decision.cap else None
    return price.charge(decision.rate, cap, decision.taxes, seconds).total


def _kind(payer: Payer | None) -> str:
    return (payer.kind if payer else PayerKind.NOBODY).value
