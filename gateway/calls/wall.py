"""The live wall: every call in progress as officers see it, and word of each that changes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from parloir.calls.acts import NAMES, Acts
from parloir.calls.acts_speech import Speaker
from parloir.calls.call import Recorded
from parloir.calls.listening import Listener, Listening
from parloir.calls.live import LiveCall
from parloir.calls.stations import Stations, UnknownStation
from parloir.policy.answers import CallClass
from parloir.policy.notices import MONITOR, told

PAUSE = 0.2
"""Seconds in which changes are gathered before they are told."""
QUIET = frozenset({"quality", "key_pressed"})
"""Events that change nothing on the wall."""


@dataclass(frozen=True)
class Tile:
    """One call. `opens` is whether it could be listened to: it is ordinary, and its notice said so.

    `withheld` names what an officer keeps from crossing, such as `visitor video`. UTC times.
    """

    id: str
    facility: str
    station: str
    unit: str
    resident: str
    visitors: tuple[str, ...]
    call_class: CallClass
    state: str
    opened: datetime
    ends: datetime
    video: bool
    opens: bool
    attended: bool
    holds: tuple[str, ...]
    withheld: tuple[str, ...]
    listeners: tuple[Listener, ...]
    speaker: Speaker | None
    recorded: Recorded = Recorded.NO


class Onlooker:
    """Somebody who is told of changes: `changed` with a call's id and its tile, None once it is over."""

    def __init__(self, changed: Callable[[str, str, Tile | None], None]) -> None:
        self.changed = changed


class Wall:
    """All live calls (by id); `happened` is to be called with each event of theirs."""

    def __init__(
        self, reactor: Any, live: Mapping[str, LiveCall], stations: Stations, listening: Listening, acts: Acts
    ) -> None:
        self._reactor = reactor
        self._live = live
        self._stations = stations
        self._listening = listening
        self._acts = acts
        self._onlookers: set[Onlooker] = set()
        self._known: dict[str, str] = {}
        self._changed: set[str] = set()

    def tiles(self) -> tuple[Tile, ...]:
        """All calls, the oldest first."""
        return tuple(self._tile(call) for call in self._live.values() if call.live)

    def look(self, onlooker: Onlooker) -> None:
        """Tell somebody of changes from now on."""
        self._onlookers.add(onlooker)

    def leave(self, onlooker: Onlooker) -> None:
        """Tell them no more; harmless when they were not told."""
        self._onlookers.discard(onlooker)

    def happened(self, call: str, kind: str) -> None:
        """Something happened to a call."""
        if not self._onlookers or kind in QUIET:
            return
        if (live := self._live.get(call)) is not None:
            self._known[call] = live.visit.facility
        if not self._changed:
            self._reactor.callLater(PAUSE, self._tell)
        self._changed.add(call)

    def _tell(self) -> None:
        changed, self._changed = self._changed, set()
        for id in changed:
            live = self._live.get(id)
            tile = self._tile(live) if live is not None and live.live else None
            facility = tile.facility if tile is not None else self._known.pop(id, "")
            for onlooker in list(self._onlookers):
                onlooker.changed(id, facility, tile)

    def _tile(self, live: LiveCall) -> Tile:
        visit, shown, decision = live.visit, live.shown, live.decision
        call_class = decision.call_class if decision is not None else CallClass.UNKNOWN
        ordinary = call_class is CallClass.ORDINARY and live.has_bridge and not live.bridge.privileged
        agreement = live.bridge.agreement if live.has_bridge else None
        return Tile(
            id=live.id,
            facility=visit.facility,
            station=visit.station,
            unit=self._unit(visit.facility, visit.station),
            resident=shown.resident.name if shown is not None and shown.resident else "",
            visitors=tuple(each.name for each in shown.visitors) if shown is not None else (visit.visitor,),
            call_class=call_class,
            state=live.state.value,
            opened=live.opened,
            ends=live.time.ends,
            video=agreement is not None and agreement.video is not None,
            opens=ordinary and decision is not None and decision.monitor and MONITOR in told(decision.announcements),
            attended=decision is not None and decision.attended,
            holds=tuple(sorted(hold.value for hold in live.call.holds)),
            withheld=tuple(sorted(f"{NAMES[party]} {kind}" for party, kind in self._acts.withheld(live.id))),
            listeners=self._listening.of(live.id),
            speaker=self._acts.speaker(live.id),
            recorded=live.recorded,
        )

    def _unit(self, facility: str, station: str) -> str:
        try:
            return self._stations.get(facility, station).unit
        except UnknownStation:
            return ""
