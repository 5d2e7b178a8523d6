"""What visitors ask to have back, kept until staff answer."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, RowMapping, insert, select, update

from .tables import moment, requests, seconds


class State(StrEnum):
    """What staff said to it, if they did."""

    OPEN = "open"
    GRANTED = "granted"
    DECLINED = "declined"


@dataclass(frozen=True)
class RefundRequest:
    """A visitor asks for money back for a call, in their own words; later who answered it, and how."""

    id: str
    call: str
    visitor: str
    words: str
    asked: datetime
    state: State = State.OPEN
    answered_by: str = ""
    answer: str = ""


def ask(connection: Connection, facility: str, call: str, visitor: str, words: str, now: datetime) -> RefundRequest:
    """Keep a request; a visitor asks once for a call, and is answered with what they asked before."""
    here = (requests.c.facility == facility, requests.c.call == call, requests.c.visitor == visitor)
    row = connection.execute(select(requests).where(*here)).mappings().first()
    if row is not None:
        return _request(row)
    made = RefundRequest(secrets.token_hex(16), call, visitor, words, now)
    connection.execute(
        insert(requests).values(
            id=made.id,
            facility=facility,
            call=call,
            visitor=visitor,
            words=words,
            asked=seconds(now),
            state=State.OPEN.value,
        )
    )
    return made


def find(
    connection: Connection, facility: str, *, state: State | None = None, visitor: str | None = None, limit: int = 500
) -> tuple[RefundRequest, ...]:
    """A facility's requests, the oldest first: in one state, of one visitor."""
    those = select(requests).where(requests.c.facility == facility).order_by(requests.c.asked, requests.c.id)
    if state is not None:
        those = those.where(requests.c.state == state.value)
    if visitor is not None:
        those = those.where(requests.c.visitor == visitor)
    return tuple(map(_request, connection.execute(those.limit(limit)).mappings()))


def settle(connection: Connection, facility: str, id: str, state: State, by: str, answer: str, now: datetime) -> bool:
    """Answer an open request; False if there is none of that id."""
    those = update(requests).where(requests.c.facility == facility, requests.c.id == id)
    those = those.where(requests.c.state == State.OPEN.value)
    said = {"state": state.value, "answered": seconds(now), "answered_by": by, "answer": answer}
    return connection.execute(those.values(said)).rowcount > 0


def grant_for(connection: Connection, facility: str, call: str, by: str, answer: str, now: datetime) -> int:
    """Answer all open requests for a call that was refunded; how many there were."""
    open_ones = [each for each in find(connection, facility, state=State.OPEN) if each.call == call]
    return sum(settle(connection, facility, each.id, State.GRANTED, by, answer, now) for each in open_ones)


def _request(row: RowMapping) -> RefundRequest:
    return RefundRequest(
        id=row["id"],
        call=row["call"],
        visitor=row["visitor"],
        words=row["words"],
        asked=moment(row["asked"]),
        state=State(row["state"]),
        answered_by=row["answered_by"] or "",
        answer=row["answer"] or "",
    )
