"""Calls as policies are shown them, from the store: the call, its visit's people and its timeline."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from parloir.calls import circle, parties
from parloir.calls.premises import Premises
from parloir.calls.talk import Talk
from parloir.policy import answers, values
from parloir.policy.values import Decided, Route
from parloir.store import calls, timeline, visits
from parloir.store.timeline import Entry

AT_ONCE = 200
"""How many calls or visits are put together by the same queries."""


class History:
    """Some calls of one facility, read at once, to be shown as they stood at any of their events."""

    def __init__(self, premises: Premises, rows: Sequence[calls.Call], connection: Connection) -> None:
        self._premises = premises
        self._rows = {row.id: row for row in rows}
        self._visits = visits.several(connection, {row.visit for row in rows if row.visit is not None})
        self._people = circle.of_visits(connection, list(self._visits.values()))
        self._entries = timeline.of_calls(connection, self._rows)

    def now(self, call: str, at: datetime) -> values.Call:
        """The call as it stands."""
        row = self._rows[call]
        shown = self._shown(row, self._entries[call], row.ended or at)
        if row.ended is None:
            return shown
        return replace(shown, ended=row.ended, end=row.reason, state="ended")

    def when(self, entry: Entry) -> values.Call:
        """The call as it stood when that event had come."""
        before = [each for each in self._entries[entry.call] if each.number <= entry.number]
        return self._shown(self._rows[entry.call], before, entry.wall)

    def _shown(self, row: calls.Call, entries: Sequence[Entry], at: datetime) -> values.Call:
        premises, talk = self._premises, Talk.of(entries)
        decided: Mapping[str, Any] = next((each.data for each in entries if each.kind == "decided"), {})
        visit = self._visit(row)
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
            media=premises.media(row.station),
            languages=(premises.language,),
            at=at,
            opened=row.opened,
            answered=talk.answered,
            ended=talk.ended,
            talked=talk.seconds,
            held=talk.held(at),
            decisions=tuple(_decisions(decided.get("trail", ()))),
            record=decided.get("record") is True,
            monitor=decided.get("monitor") is True,
            state=talk.state,
            end=talk.end,
        )

    def _visit(self, row: calls.Call) -> values.Visit | None:
        """Its visit, with the people as they stood when the call began."""
        if row.visit is None:
            return None
        visit, premises = self._visits[row.visit], self._premises
        return parties.shown(
            self._people,
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
        history = History(premises, some, connection)
        shown += (history.now(row.id, at) for row in some)
    return tuple(shown)


def _decisions(trail: Iterable[Mapping[str, Any]]) -> Iterable[Decided]:
    for asked in trail:
        yield Decided(str(asked["question"]), str(asked["result"])[:500])
