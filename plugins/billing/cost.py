"""What a call cost the facility to carry, from what was measured, beside what it was charged. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from parloir.api import CallCharge

from .settings import Prices

GIGABYTE = 1_000_000_000
CPU_HOUR = 3_600_000


@dataclass(frozen=True)
class Traffic:
    """What a call used: octets of media in and out on both legs, and processor time (ms) where it was measured."""

    call: str
    at: datetime
    seconds: int
    octets: int
    cpu: int | None = None


@dataclass(frozen=True)
class Cost:
    """One call's: micro-dollars for compute (None: not measured) and bandwidth, and what it was charged, kept, without
    taxes."""

    traffic: Traffic
    compute: int | None
    bandwidth: int
    charged: int

    @property
    def total(self) -> int:
        """What it cost, as far as it was measured."""
        return (self.compute or 0) + self.bandwidth


def traffic_in(facts: Mapping[str, Any]) -> tuple[int, int | None]:
    """Octets and processor time (ms) in the facts of a call's last report."""
    streams = [stream for leg in ("phone", "browser") for stream in _list(facts.get(leg))]
    octets = sum(_whole(stream.get(name)) for stream in streams for name in ("bytes_received", "bytes_sent"))
    cpu = facts.get("cpu")
    return octets, _whole(cpu) if cpu is not None else None


def costs(traffic: Iterable[Traffic], charges: Iterable[CallCharge], prices: Prices) -> tuple[Cost, ...]:
    """Each call's cost, rounded up to the micro-dollar: what was used is never made cheaper by rounding."""
    kept = {charge.call: max(0, charge.amount - charge.refunded) for charge in charges}
    return tuple(
        Cost(
            each,
            None if each.cpu is None else -(-each.cpu * prices.cpu_hour // CPU_HOUR),
            -(-each.octets * prices.gigabyte // GIGABYTE),
            kept.get(each.call, 0),
        )
        for each in traffic
    )


def _list(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list | tuple) else []


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
