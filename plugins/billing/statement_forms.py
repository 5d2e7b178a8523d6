"""A statement as text, as a table, and as a page for a phone's screen. Pure."""

import csv
import io
from html import escape

from . import statement_words as words
from .money import dollars, plain
from .statement import Line, Statement

STYLE = """
body{font:16px/1.4 system-ui,sans-serif;margin:0 auto;max-width:44rem;padding:1rem;color:#1b1b1b;background:#fff}
h1{font-size:1.3rem;margin:.2rem 0}p{margin:.3rem 0}table{border-collapse:collapse;width:100%;margin:1rem 0}
th,td{text-align:left;padding:.45rem .3rem;border-bottom:1px solid #ddd;vertical-align:top}
td.n,th.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}small{color:#555;display:block}
tfoot td{font-weight:600}
"""
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def what(line: Line, language: str) -> str:
    """What a line is for, in a few words."""
    parts = [words.kind(line.kind, language)]
    if line.seconds is not None:
        minutes, seconds = divmod(line.seconds, 60)
        parts.append(f"{minutes}:{seconds:02} {words.MINUTES.pick(language)}")
    if line.kind == "charge" and line.medium is not None:
        parts.append(words.MEDIA[line.medium].pick(language))
    if line.reason and line.kind != "charge":
        parts.append(line.reason)
    return ", ".join(parts)


def text(statement: Statement, language: str) -> str:
    """For a printer or a terminal, 78 columns wide."""
    rows = [
        statement.facility,
        f"{words.TITLE.pick(language)} {statement.month}",
        f"{words.ACCOUNT.pick(language)}: {_holder(statement)}",
        "",
        f"{words.OPENING.pick(language):<52}{dollars(statement.opening):>26}",
    ]
    for line in statement.lines:
        rows.append(
            f"{_local(statement, line):<18}{what(line, language)[:33]:<34}"
            f"{dollars(line.amount):>13}{dollars(line.balance):>13}"
        )
        rows += [f"{'':18}{words.CALL.pick(language)} {line.call}{_taxes(line, language)}"] if line.call else []
    rows += [] if statement.lines else [words.NOTHING.pick(language)]
    rows += [f"{words.CLOSING.pick(language):<52}{dollars(statement.closing):>26}", "", words.HOW.pick(language)]
    return "\n".join(rows) + "\n"


def table(statement: Statement) -> str:
    """CSV for a spreadsheet; amounts are decimals, times local with their offset."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(("at", "kind", "amount", "taxes", "balance", "call", "seconds", "medium", "reason"))
    opening = statement.month.span(statement.zone)[0].astimezone(statement.zone)
    writer.writerow((opening.isoformat(), "opening", "", "", plain(statement.opening), "", "", "", ""))
    for line in statement.lines:
        writer.writerow(
            (
                line.at.astimezone(statement.zone).isoformat(timespec="seconds"),
                line.kind,
                plain(line.amount),
                plain(sum(amount for _, amount in line.taxes)),
                plain(line.balance),
                line.call or "",
                "" if line.seconds is None else line.seconds,
                line.medium.value if line.medium else "",
                harmless(line.reason),
            )
        )
    return out.getvalue()


def page(statement: Statement, language: str) -> str:
    """A document that stands alone."""
    pick = language.split("-")[0] if language.split("-")[0] in ("en", "es") else "en"
    rows = "".join(_row(statement, line, pick) for line in statement.lines)
    if not rows:
        rows = f'<tr><td colspan="4">{escape(words.NOTHING.pick(pick))}</td></tr>'
    title = f"{words.TITLE.pick(pick)} {statement.month}"
    head = "".join(
        f'<th scope="col"{mark}>{escape(name.pick(pick))}</th>'
        for name, mark in (
            (words.DATE, ""),
            (words.WHAT, ""),
            (words.AMOUNT, ' class="n"'),
            (words.BALANCE, ' class="n"'),
        )
    )
    return (
        f'<!doctype html><html lang="{pick}"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><h1>{escape(title)}</h1>"
        f"<p>{escape(statement.facility)}</p><p>{escape(words.ACCOUNT.pick(pick))}: {escape(_holder(statement))}</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>"
        f'<tr><td colspan="3">{escape(words.OPENING.pick(pick))}</td>'
        f'<td class="n">{dollars(statement.opening)}</td></tr>'
        f"{rows}</tbody><tfoot><tr>"
        f'<td colspan="3">{escape(words.CLOSING.pick(pick))}</td><td class="n">{dollars(statement.closing)}</td>'
        f"</tr></tfoot></table><p>{escape(words.HOW.pick(pick))}</p></body></html>\n"
    )


def harmless(cell: str) -> str:
    """Text that a spreadsheet will not take for a formula."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def _row(statement: Statement, line: Line, language: str) -> str:
    call = f"{words.CALL.pick(language)} {line.call}{_taxes(line, language)}" if line.call else ""
    small = f"<small>{escape(call)}</small>" if call else ""
    return (
        f"<tr><td>{_local(statement, line)}</td><td>{escape(what(line, language))}{small}</td>"
        f'<td class="n">{dollars(line.amount)}</td><td class="n">{dollars(line.balance)}</td></tr>'
    )


def _taxes(line: Line, language: str) -> str:
    total = sum(amount for _, amount in line.taxes)
    return f" ({words.TAXES.pick(language)} {dollars(total)})" if total else ""


def _local(statement: Statement, line: Line) -> str:
    return f"{line.at.astimezone(statement.zone):%Y-%m-%d %H:%M}"


def _holder(statement: Statement) -> str:
    account = statement.account
    return " ".join(part for part in (account.name, f"({account.reference or account.id})") if part)
