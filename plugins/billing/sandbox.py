"""A payment provider that moves no money: for trying out a portal, and as a pattern for a real one.

Whoever knows the secret can sign a webhook; `signed` does, and the route `sandbox/pay` presses the payer's button.
"""

import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any

from pydantic import Field, ValidationError

from parloir.api import Settings

from .payment import Checkout, Confirmation, Forged, Payment

SIGNATURE = "x-sandbox-signature"
FRESH = 300
"""In seconds: an older webhook is refused, so that one overheard cannot be sent again much later."""


class Told(Settings):
    """What the sandbox's webhook says; `at` is in seconds since 1970 UTC."""

    payment: Annotated[str, Field(max_length=32)]
    reference: Annotated[str, Field(max_length=100)]
    amount: Annotated[int, Field(gt=0)]
    at: int


class Sandbox:
    """Signs with HMAC-SHA256 over the body."""

    def __init__(self, settings: Mapping[str, Any], secret: str) -> None:
        self._secret = secret.encode()
        self.refunds: dict[str, int] = {}

    async def create(self, payment: Payment) -> Checkout:
        """There is no page to go to: `POST sandbox/pay` with the payment's id stands for the payer's button."""
        return Checkout(facts={"payment": payment.id, "pay": "sandbox/pay"})

    async def confirm(self, raw: bytes, headers: Mapping[str, str], now: datetime) -> Confirmation | None:
        """See Provider."""
        if not hmac.compare_digest(self.sign(raw).encode(), headers.get(SIGNATURE, "").encode()):
            raise Forged("the signature is not the sandbox's")
        try:
            told = Told.model_validate_json(raw, strict=True)
        except ValidationError:
            raise Forged("this is not what the sandbox sends") from None
        if abs(int(now.timestamp()) - told.at) > FRESH:
            raise Forged("this was sent too long ago")
        return Confirmation(told.payment, told.reference, told.amount)

    async def refund(self, payment: Payment, amount: int, event: str) -> None:
        """See Provider."""
        self.refunds[event] = amount

    def signed(self, payment: Payment, now: datetime) -> tuple[bytes, dict[str, str]]:
        """The webhook that says this payment was made: body and headers."""
        told = {
            "payment": payment.id,
            "reference": f"sandbox-{payment.id}",
            "amount": payment.amount,
            "at": int(now.timestamp()),
        }
        raw = json.dumps(told).encode()
        return raw, {SIGNATURE: self.sign(raw)}

    def sign(self, raw: bytes) -> str:
        """The signature of a body, in hex."""
        return hmac.new(self._secret, raw, sha256).hexdigest()
