"""What staff, visitors and payment providers ask of billing over HTTP."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from parloir.api import VISIT, VISITOR, Holder, HttpRoute, LedgerRefused, Reply, Request, Settings

from . import refund_requests, shown, statement_forms
from .bodies import Declined, Deposit, Money, NewRequest, Refund, Withdrawal
from .books import Books
from .cashier import Refused
from .money import plain

READERS = ("administrator", "auditor")
BOOKKEEPERS = ("administrator",)
OUTSIDE = (VISITOR, VISIT)
COUNTER = "counter"
MOST = 500
"""As much as one answer lists."""
Body = TypeVar("Body", bound=Settings)
Answer = Callable[[Request], Awaitable[Reply]]


@dataclass(frozen=True)
class Counter:
    """The routes about accounts, statements and refunds."""

    books: Books

    def routes(self) -> tuple[HttpRoute, ...]:
        """All of them."""
        return (
            HttpRoute("GET", "accounts", READERS, guarded(self.accounts)),
            HttpRoute("GET", "balance", (*READERS, VISITOR), guarded(self.balance)),
            HttpRoute("GET", "statement", (*READERS, VISITOR), guarded(self.statement)),
            HttpRoute("GET", "report", READERS, guarded(self.report)),
            HttpRoute("GET", "costs", READERS, guarded(self.costs)),
            HttpRoute("GET", "idle", READERS, guarded(self.idle)),
            HttpRoute("POST", "deposits", BOOKKEEPERS, reading(Deposit, self.deposit)),
            HttpRoute("POST", "withdrawals", BOOKKEEPERS, reading(Withdrawal, self.withdraw)),
            HttpRoute("POST", "refunds", BOOKKEEPERS, reading(Refund, self.refund)),
            HttpRoute("GET", "refund-requests", (*READERS, VISITOR), guarded(self.requests)),
            HttpRoute("POST", "refund-requests", OUTSIDE, reading(NewRequest, self.ask)),
            HttpRoute("POST", "refund-requests/decline", BOOKKEEPERS, reading(Declined, self.decline)),
        )

    async def accounts(self, request: Request) -> Reply:
        """Accounts with their balances, those that moved last first: those that `find` fits, MOST of them."""
        wanted = request.query.get("find", "").strip().lower()
        found = [
            each
            for each in await self.books.facility.ledger.accounts()
            if wanted in f"{each.name} {each.reference} {each.id}".lower()
        ]
        found.sort(key=lambda each: each.moved, reverse=True)
        return Reply({"count": len(found), "accounts": [shown.account(each) for each in found[:MOST]]})

    async def balance(self, request: Request) -> Reply:
        """What an account has; a visitor's own, or the one in the query."""
        account = self._account(request)
        return Reply({"account": account, **shown.balance(await self.books.balance(account))})

    async def statement(self, request: Request) -> Reply:
        """A month of an account, in the `format` json, text, csv or html, in a `language`."""
        month = self.books.month(request.query.get("month"))
        found = await self.books.statement(self._account(request), month)
        language = request.query.get("language", self.books.facility.language)
        match request.query.get("format", "json"):
            case "json":
                return Reply(shown.statement(found))
            case "text":
                return Reply(statement_forms.text(found, language), media="text/plain")
            case "csv":
                return Reply(statement_forms.table(found), media="text/csv")
            case "html":
                return Reply(statement_forms.page(found, language), media="text/html")
        raise Refused("bad_format", "format is one of json, text, csv, html")

    async def report(self, request: Request) -> Reply:
        """The facility's month."""
        month = self.books.month(request.query.get("month"))
        return Reply({"month": str(month), **shown.report(await self.books.report(month))})

    async def costs(self, request: Request) -> Reply:
        """What the calls of a month cost to carry, and each of the last MOST."""
        month = self.books.month(request.query.get("month"))
        found = await self.books.costs(month)
        last = [shown.cost(each) for each in reversed(found[-MOST:])]
        return Reply({"month": str(month), "count": len(found), **shown.costs(found), "calls": last})

    async def idle(self, request: Request) -> Reply:
        """The accounts whose money nobody moves, the longest first: MOST of them."""
        return Reply([shown.idle(each) for each in (await self.books.idle())[:MOST]])

    async def deposit(self, body: Deposit, request: Request) -> Reply:
        """Money was paid in at a counter."""
        account = await self._named(body)
        new = await self.books.facility.ledger.deposit(
            account,
            body.amount,
            event=f"counter:{body.reference}",
            provider=COUNTER,
            by=request.user,
            reason=body.note,
        )
        return await self._posted(account, new)

    async def withdraw(self, body: Withdrawal, request: Request) -> Reply:
        """A holder takes their funds back."""
        account = await self._named(body)
        event = f"withdrawal:{body.reference}"
        new = await self.books.facility.ledger.withdraw(
            account, body.amount, event=event, by=request.user, reason=body.reason
        )
        return await self._posted(account, new)

    async def refund(self, body: Refund, request: Request) -> Reply:
        """Give back what a call was charged."""
        given = await self.books.refund(body.call, body.amount, request.user, body.reason)
        return Reply({"call": body.call, "refunded": plain(given)}, 201)

    async def requests(self, request: Request) -> Reply:
        """What visitors ask to have back: the open ones, or all with `all=1`; a visitor sees their own."""
        mine = VISITOR in request.roles
        state = None if mine or request.query.get("all") == "1" else refund_requests.State.OPEN
        facility, visitor = self.books.facility.id, request.user if mine else None
        found = await self.books.facility.store.run(
            lambda connection: refund_requests.find(connection, facility, state=state, visitor=visitor)
        )
        return Reply([shown.request(each) for each in found])

    async def ask(self, body: NewRequest, request: Request) -> Reply:
        """A visitor asks for money back."""
        kept = await self.books.ask_refund(request.user, body.words, call=body.call, visit=body.visit)
        return Reply(shown.request(kept), 201)

    async def decline(self, body: Declined, request: Request) -> Reply:
        """A request is not granted."""
        facility, now = self.books.facility.id, self.books.facility.now()
        done = await self.books.facility.store.run(
            lambda connection: refund_requests.settle(
                connection, facility, body.id, refund_requests.State.DECLINED, request.user, body.answer, now
            )
        )
        return Reply({"id": body.id}) if done else no(404, "no_such_request", "no open request has this id")

    def _account(self, request: Request) -> str:
        own = f"visitor:{request.user}"
        if VISITOR not in request.roles:
            if account := request.query.get("account"):
                return account
            raise Refused("account_missing", "account: name one")
        if request.query.get("account", own) != own:
            raise Refused("not_yours", "account: a visitor sees their own only")
        return own

    async def _named(self, body: Money) -> str:
        if body.account is not None:
            return body.account
        return await self.books.account_of(body.holder or Holder.FACILITY, body.number or "")

    async def _posted(self, account: str, new: bool) -> Reply:
        """What the account has now; 200 where it was posted before, 201 where it was now."""
        balance = await self.books.balance(account)
        return Reply({"account": account, "new": new, **shown.balance(balance)}, 201 if new else 200)


def guarded(answer: Answer) -> Answer:
    """A route's answer, or what was refused, in JSON."""

    async def whole(request: Request) -> Reply:
        try:
            return await answer(request)
        except (Refused, LedgerRefused) as refused:
            return no(422, refused.code, str(refused))

    return whole


def reading(model: type[Body], answer: Callable[[Body, Request], Awaitable[Reply]]) -> Answer:
    """A route that is answered once its body has been read; 422 where that is not what it should be."""

    async def read(request: Request) -> Reply:
        try:
            body = model.model_validate(request.body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            field = ".".join(map(str, first["loc"])) or "body"
            return no(422, "invalid", f"{field}: {first['msg']}")
        return await answer(body, request)

    return guarded(read)


def no(status: int, code: str, message: str) -> Reply:
    """A refusal in JSON."""
    return Reply({"code": code, "message": message}, status)
