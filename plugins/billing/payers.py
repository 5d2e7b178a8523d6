"""Who could pay for a call, in the facility's order. Pure."""

from collections.abc import Sequence

from parloir.api import Call, Holder, Payer, PayerKind

NOBODY = Payer(PayerKind.NOBODY)


def candidates(order: Sequence[Holder], call: Call) -> tuple[Payer, ...]:
    """Everybody's account that a call could be paid from: its resident's, its visitors', the facility's."""
    found: list[Payer] = []
    for holder in order:
        match holder:
            case Holder.RESIDENT if call.resident is not None:
                found.append(Payer(PayerKind.RESIDENT, f"resident:{call.resident.id}"))
            case Holder.VISITOR:
                found += (Payer(PayerKind.VISITOR, f"visitor:{visitor.id}") for visitor in call.visitors)
            case Holder.FACILITY:
                found.append(Payer(PayerKind.FACILITY, "facility"))
    return tuple(found)
