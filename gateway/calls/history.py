"""Calls as policies are shown them, from the store: the call, its visit's people and its timeline."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from math import inf
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection

from parloir.calls import circle, parties
from parloir.calls.circle import Circle
from parloir.calls.premises import Premises
from parloir.calls.talk import Talk
from parloir.policy import answers, values
from parloir.policy.values import Decided, Medium, Route
from parloir.store import calls, timeline, visits
from parloir.store.timeline import Entry

_PAYER = TypeAdapter(answers.Payer | None)
_RATE = TypeAdapter(tuple[answers.RateStep, ...] | None)
AT_ONCE = 200
"""How many calls or visits are put together by the same queries."""


class History:
    """Some calls of one facility, read at once, each to be shown as its events go on."""

    def __init__(
        self, premises: Premises, rows: Sequence[calls.Call], connection: Connection, *, last_of: str | None = None
    ) -> None:
        """`last_of`: a kind of event of which the last is enough, where only how calls stand is asked for."""
        self._premises = premises
        self._rows = {row.id: row for row in rows}
        booked = visits.several(connection, {row.visit for row in rows if row.visit is not None})
        people = circle.of_visits(connection, list(booked.values()))
        self._visits = {row.id: self._visit(row, booked[row.visit], people) for row in rows if row.visit is not None}
        self._to_come = {id: deque(told) for id, told in timeline.of_calls(connection, self._rows, last_of).items()}
        self._talks = {id: Talk() for id in self._rows}
        self._decided: dict[str, Mapping[str, Any]] = {}

    def now(self, call: str, at: datetime) -> values.Call:
        """The call as it stands."""
        row = self._rows[call]
        self._go_on(call)
        shown = self._shown(row, row.ended or at)
        if row.ended is None:
            return shown
        return replace(shown, ended=row.ended, end=row.reason, state="ended")

    def when(self, entry: Entry) -> values.Call:
        """The call as it stood when that event had come. Ask for a call's events in their order."""
        self._go_on(entry.call, entry.number)
        return self._shown(self._rows[entry.call], entry.wall)

    def _go_on(self, call: str, number: float = inf) -> None:
        to_come = self._to_come[call]
        while to_come and to_come[0].number <= number:
            entry = to_come.popleft()
            self._talks[call].take(entry)
            if entry.kind == "decided":
                self._decided[call] = entry.data

    def _shown(self, row: calls.Call, at: datetime) -> values.Call:
        premises, talk, visit = self._premises, self._talks[row.id], self._visits.get(row.id)
        decided = self._decided.get(row.id, {})
        return values.Call(
            id=row.id,
            facility=row.facility,
            timezone=premises.timezone,
            tier=premises.tier,
            way_in=values.WayIn(row.way_in),
            route=Route.VISIT,
            station=row.station,
            unit=premises.unit(row.station),
            resident=visit.resident if visit else None,
            identified_by="visit" if visit and visit.resident else None,
            visitors=visit.visitors if visit else (),
            visit=visit,
            call_class=answers.CallClass(row.call_class),
            class_reason=str(decided.get("why", ""))[:500],
            media=(Medium.AUDIO,) if talk.video is False else premises.media(row.station),
            languages=(premises.language,),
            at=at,
            opened=row.opened,
            answered=talk.answered,
            ended=talk.ended,
            talked=talk.seconds,
            held=talk.held(at),
            decisions=tuple(_decisions(decided.get("trail", ()))),
            payer=_PAYER.validate_python(decided.get("payer"), strict=False),
            rate=_RATE.validate_python(decided.get("rate"), strict=False),
            hold=decided.get("hold"),
            record=decided.get("record") is True,
            monitor=decided.get("monitor") is True,
            state=talk.state,
            end=talk.end,
        )

    def _visit(self, row: calls.Call, visit: visits.Visit, people: Circle) -> values.Visit:
        """A call's visit, with its people as they stood when the call began."""
        premises = self._premises
        return parties.shown(
            people,
            visit,
            unit=premises.unit(visit.station),
            media=premises.media(visit.station),
            now=row.opened,
            zone=premises.zone,
        )


def read(
    connection: Connection, premises: Premises, rows: Sequence[calls.Call], at: datetime
) -> tuple[values.Call, ...]:
    """Any number of a facility's calls as they stand, in the order given."""
    shown: list[values.Call] = []
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        history = History(premises, some, connection, last_of="quality")
        shown += (history.now(row.id, at) for row in some)
    return tuple(shown)


def _decisions(trail: Iterable[Mapping[str, Any]]) -> Iterable[Decided]:
    for asked in trail:
        yield Decided(str(asked["question"]), str(asked["result"])[:500])
