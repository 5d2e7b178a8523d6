"""What payers and payment providers ask over HTTP. There are none of these routes without a provider."""

from dataclasses import dataclass

from parloir.api import WEBHOOK, HttpRoute, Reply, Request

from . import shown
from .bodies import NewPayment, PaymentId, PaymentRefund
from .cashier import Cashier, Refused
from .payment import Forged, Payment
from .routes import BOOKKEEPERS, OUTSIDE, READERS, guarded, no, reading
from .sandbox import Sandbox


@dataclass(frozen=True)
class PaymentRoutes:
    """The routes of one facility's cashier."""

    cashier: Cashier

    def routes(self) -> tuple[HttpRoute, ...]:
        """All of them; `sandbox/pay` with the sandbox alone."""
        sandbox = HttpRoute("POST", "sandbox/pay", (*BOOKKEEPERS, *OUTSIDE), reading(PaymentId, self.pay))
        return (
            HttpRoute("GET", "payments", READERS, guarded(self.payments)),
            HttpRoute("POST", "payments", (*BOOKKEEPERS, *OUTSIDE), reading(NewPayment, self.begin)),
            HttpRoute("POST", "payments/refund", BOOKKEEPERS, reading(PaymentRefund, self.refund)),
            HttpRoute("POST", "payments/confirm", (WEBHOOK,), guarded(self.confirm)),
            *((sandbox,) if isinstance(self.cashier.provider, Sandbox) else ()),
        )

    async def payments(self, request: Request) -> Reply:
        """The last payments."""
        return Reply([shown.payment(each) for each in await self.cashier.payments()])

    async def begin(self, body: NewPayment, request: Request) -> Reply:
        """Begin a payment; the answer says how the payer goes on."""
        account = body.account or f"visitor:{request.user}"
        if _is_outside(request):
            await self._may_pay_into(account, request.user)
        elif body.account is None:
            raise Refused("account_missing", "account: name one")
        payment, checkout = await self.cashier.begin(account, body.amount, request.user)
        return Reply(shown.payment(payment, checkout), 201)

    async def confirm(self, request: Request) -> Reply:
        """The provider's webhook."""
        return await self._confirm(request.raw, request)

    async def pay(self, body: PaymentId, request: Request) -> Reply:
        """Press the payer's button of the sandbox: it signs its webhook, and that is taken in as any other."""
        sandbox, payment = self.cashier.provider, await self.cashier.find(body.id)
        mine = not _is_outside(request) or (payment is not None and payment.by == request.user)
        if not isinstance(sandbox, Sandbox) or payment is None or not mine:
            raise Refused("no_such_payment", "there is no such payment")
        raw, headers = sandbox.signed(payment, self.cashier.facility.now())
        return await self._confirm(raw, Request(request.user, request.roles, raw=raw, headers=headers))

    async def refund(self, body: PaymentRefund, request: Request) -> Reply:
        """Give a payment back to whoever made it."""
        return Reply(shown.payment(await self.cashier.refund(body.id, request.user, body.reason)))

    async def _confirm(self, raw: bytes, request: Request) -> Reply:
        try:
            payment: Payment | None = await self.cashier.confirm(raw, request.headers)
        except Forged as forged:
            return no(403, "forged", str(forged))
        return Reply({"ignored": True} if payment is None else {"id": payment.id, "state": payment.state.value})

    async def _may_pay_into(self, account: str, visitor: str) -> None:
        """A visitor pays into their own account, and into that of a resident whom they have a tie to."""
        kind, _, owner = account.partition(":")
        if account == f"visitor:{visitor}":
            return
        ties = await self.cashier.facility.records.relationships(owner) if kind == "resident" else ()
        if visitor not in [each for each, _ in ties]:
            raise Refused("not_theirs", "account: pay into your own, or a resident's whom you visit")


def _is_outside(request: Request) -> bool:
    """Whether a visitor asks, and not staff."""
    return not set(OUTSIDE).isdisjoint(request.roles)
