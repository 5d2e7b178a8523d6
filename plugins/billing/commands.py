"""`parloir billing ...`: top-ups, refunds, statements and reports, beside the running gateway or without it."""

import argparse
import csv
import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parloir.api import Commands, LedgerRefused

from . import statement_forms, topup
from .cashier import Refused
from .money import dollars, exact, plain
from .topup import Fault, Row

if TYPE_CHECKING:
    from .plugin import Billing

KIOSK = "kiosk"
FORMS = {"text": "txt", "csv": "csv", "html": "html"}


def add(commands: Commands) -> None:
    """All of them."""
    pay = commands.add_for_facility("topup", "pay in what a kiosk's CSV file lists, each row once", pay_in)
    pay.add_argument("file", type=Path, metavar="FILE.csv", help=f"with the columns {','.join(topup.COLUMNS)}")
    pay.add_argument("--dry-run", action="store_true", help="only say what is wrong, and what would be paid in")
    back = commands.add_for_facility("refund", "give back what a call was charged", refund)
    back.add_argument("call", metavar="CALL", help="as statements name it")
    back.add_argument("--amount", help="in dollars, as 1.20 (default: all that is left)")
    back.add_argument("--reason", required=True, help="kept with it, and shown on the statement")
    out = commands.add_for_facility("withdraw", "pay out what a holder takes back", withdraw)
    out.add_argument("account", metavar="ACCOUNT", help="resident:ID or visitor:ID")
    out.add_argument("amount", metavar="AMOUNT", help="in dollars, as 12.50")
    out.add_argument("--reference", required=True, help="of the check or slip, so that none is entered twice")
    out.add_argument("--reason", required=True, help="kept with it, and shown on the statement")
    one = commands.add_for_facility("statement", "print a month of one account", statement)
    one.add_argument("account", metavar="ACCOUNT", help="resident:ID, visitor:ID or facility")
    one.add_argument("--format", choices=FORMS, default="text", help="(default: text)")
    _month(one)
    _language(one)
    many = commands.add_for_facility("statements", "write a month of every account, in each form", statements)
    many.add_argument("folder", type=Path, metavar="FOLDER", help="a file for each account and form is written here")
    _month(many)
    _language(many)
    _month(commands.add_for_facility("report", "print a month's revenue and minutes", report))
    _month(commands.add_for_facility("costs", "print what each visit cost to carry, beside its charge, as CSV", costs))
    commands.add_for_facility("idle", "list accounts whose money nobody moves", idle)


def _month(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--month", help="like 2026-03 (default: this one)")


def _language(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--language", choices=("en", "es"), help="(default: the facility's)")


async def pay_in(options: Any, billing: "Billing") -> int:
    """Post every row, or none while anything is wrong with the file; a row posted before is not posted again."""
    try:
        text = options.file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        return _fail(f"{options.file}: cannot be read as UTF-8 text: {getattr(error, 'strerror', None) or error}")
    rows, faults = topup.read(text)
    accounts: dict[Row, str] = {}
    for row in rows:
        account = await billing.facility.ledger.account(row.holder, row.number)
        if account is None:
            faults.append(Fault(row.line, f"no {row.holder} has the number {row.number}"))
        else:
            accounts[row] = account
    if faults:
        return _faulty(options.file, faults)
    total = sum(row.amount for row in rows)
    if options.dry_run:
        print(f"{len(rows)} rows, ${dollars(total)}: nothing was paid in")
        return 0
    return await _post(options.file, billing, accounts)


async def _post(file: Path, billing: "Billing", accounts: dict[Row, str]) -> int:
    paid = again = total = 0
    faults: list[Fault] = []
    for row, account in accounts.items():
        try:
            new = await billing.facility.ledger.deposit(
                account, row.amount, event=f"topup:{row.reference}", provider=KIOSK, by=_who(), reason=row.note
            )
        except LedgerRefused as refused:
            faults.append(Fault(row.line, str(refused)))
            continue
        paid, again, total = (paid + 1, again, total + row.amount) if new else (paid, again + 1, total)
    print(f"{paid} rows paid in, ${dollars(total)}; {again} had been before")
    return _faulty(file, faults) if faults else 0


async def refund(options: Any, billing: "Billing") -> int:
    """Give it back."""
    try:
        amount = None if options.amount is None else exact(options.amount, 2) * 10_000
        given = await billing.books.refund(options.call, amount, _who(), options.reason)
    except (Refused, LedgerRefused, ValueError) as refused:
        return _fail(str(refused))
    print(f"call {options.call}: ${dollars(given)} given back")
    return 0


async def withdraw(options: Any, billing: "Billing") -> int:
    """Pay it out."""
    try:
        amount, event = exact(options.amount, 2) * 10_000, f"withdrawal:{options.reference}"
        new = await billing.facility.ledger.withdraw(
            options.account, amount, event=event, by=_who(), reason=options.reason
        )
    except (LedgerRefused, ValueError) as refused:
        return _fail(str(refused))
    left = dollars((await billing.books.balance(options.account)).available)
    print(f"{options.account}: ${dollars(amount)} {'paid out' if new else 'had been paid out'}, ${left} left")
    return 0


async def statement(options: Any, billing: "Billing") -> int:
    """Print it."""
    books = billing.books
    try:
        found = await books.statement(options.account, books.month(options.month))
    except Refused as refused:
        return _fail(str(refused))
    print(_formed(found, options.format, options.language or billing.facility.language), end="")
    return 0


async def statements(options: Any, billing: "Billing") -> int:
    """Write them; the facility's own too."""
    books, written = billing.books, 0
    try:
        month = books.month(options.month)
        options.folder.mkdir(parents=True, exist_ok=True)
        for account in await billing.facility.ledger.accounts():
            found = await books.statement_of(account, month)
            if not found.lines and not found.opening:
                continue
            name = f"{month}-{account.id.replace(':', '-')}"
            for form, ending in FORMS.items():
                made = _formed(found, form, options.language or billing.facility.language)
                options.folder.joinpath(f"{name}.{ending}").write_text(made, encoding="utf-8", newline="")
            written += 1
    except (Refused, OSError) as error:
        return _fail(str(error))
    print(f"{written} statements of {month} are in {options.folder}")
    return 0


async def report(options: Any, billing: "Billing") -> int:
    """Print it."""
    try:
        month = billing.books.month(options.month)
    except Refused as refused:
        return _fail(str(refused))
    found = await billing.books.report(month)
    rows = [("charged for calls", found.charged)]
    rows += [(f"tax {code}", amount) for code, amount in sorted(found.taxes.items())]
    rows += [("given back", -found.refunded), ("kept", found.kept)]
    rows += [(f"in {holder} accounts now", amount) for holder, amount in found.balances.items()]
    print(f"{billing.facility.name}, {month}")
    for name, amount in rows:
        print(f"{name:<30}{dollars(amount):>16}")
    for medium, talked in found.by_medium.items():
        print(
            f"{medium}: {talked.calls} calls, {_clock(talked.seconds)}; paid {talked.paid_calls}, "
            f"{_clock(talked.paid_seconds)}"
        )
    print(f"privileged: {found.privileged_calls} calls, {_clock(found.privileged_seconds)}")
    return 0


async def costs(options: Any, billing: "Billing") -> int:
    """Print them."""
    try:
        found = await billing.books.costs(billing.books.month(options.month))
    except Refused as refused:
        return _fail(str(refused))
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("call", "at", "seconds", "bytes", "cpu_milliseconds", "compute", "bandwidth", "charged"))
    for each in found:
        used = each.traffic
        compute = "" if each.compute is None else plain(each.compute)
        cpu = "" if used.cpu is None else used.cpu
        writer.writerow(
            (
                used.call,
                used.at.isoformat(),
                used.seconds,
                used.octets,
                cpu,
                compute,
                plain(each.bandwidth),
                plain(each.charged),
            )
        )
    return 0


async def idle(options: Any, billing: "Billing") -> int:
    """Print them; 0 whether there are any or not."""
    for each in await billing.books.idle():
        account = each.account
        due = "refund due" if each.due else "soon"
        print(
            f"{account.id:<40}{account.name[:24]:<25}{dollars(account.balance.available):>12}{each.days:>6} days  {due}"
        )
    return 0


def _formed(found: Any, form: str, language: str) -> str:
    if form == "csv":
        return statement_forms.table(found)
    return statement_forms.page(found, language) if form == "html" else statement_forms.text(found, language)


def _who() -> str:
    return f"cli:{getpass.getuser()}"


def _clock(seconds: int) -> str:
    return f"{seconds // 60}:{seconds % 60:02} min"


def _faulty(file: Path, faults: list[Fault]) -> int:
    for fault in sorted(faults, key=lambda each: each.line):
        print(f"{file}: {fault}", file=sys.stderr)
    return _fail(f"{len(faults)} rows were not paid in")


def _fail(message: str) -> int:
    print(f"parloir: {message}", file=sys.stderr)
    return 1
