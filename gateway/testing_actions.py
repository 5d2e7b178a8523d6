"""What plugins had the gateway do, remembered for their tests and done to the sample records."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from parloir.api import ErasedRecording, Route, Visit, Words
from parloir.store.call_notes import LONGEST, is_fit
from parloir.testing_records import SampleRecords

OVER = ("cancelled", "done", "missed")


@dataclass(frozen=True)
class Deed:
    """One thing done: to which call or visit, under which code, what its people were told, and on whose behalf."""

    what: str
    subject: str
    code: str
    words: Words
    by: str


class SampleActions:
    """The actions that plugins are given; `deeds` holds what came of them, in order."""

    def __init__(self, records: SampleRecords, now: Callable[[], datetime]) -> None:
        self.deeds: list[Deed] = []
        self._records = records
        self._now = now

    async def end_calls(self, *, unit: str | None, code: str, words: Words, by: str) -> tuple[str, ...]:
        """See parloir.api.Actions."""
        ending = [call for call in self._records.live if unit in (None, call.unit) and call.route is Route.VISIT]
        for call in ending:
            self._records.remember(replace(call, ended=self._now(), end=code, state="ended"))
            self.deeds.append(Deed("end", call.id, code, words, by))
        return tuple(call.id for call in ending)

    async def release_visit(self, visit: str, *, code: str, words: Words, by: str) -> None:
        """See parloir.api.Actions."""
        if found := self._open(visit):
            self._records.remember(replace(found, state="cancelled"))
            self.deeds.append(Deed("release", visit, code, words, by))

    async def move_visit(
        self, visit: str, *, station: str, start: datetime, end: datetime, code: str, words: Words, by: str
    ) -> bool:
        """See parloir.api.Actions."""
        found = self._open(visit)
        there = await self._records.visits(station=station, after=start, before=end)
        if found is None or any(each.id != visit and each.state not in OVER for each in there):
            return False
        self._records.remember(replace(found, station=station, start=start, end=end))
        self.deeds.append(Deed("move", visit, code, words, by))
        return True

    async def expire_recordings(self, *, by: str) -> tuple[ErasedRecording, ...]:
        """See parloir.api.Actions; the sample facility has no recordings."""
        self.deeds.append(Deed("expire_recordings", "", "expired", Words("expired", "vencido"), by))
        return ()

    async def note_call(self, call: str, text: str, *, by: str) -> bool:
        """See parloir.api.Actions; the calls are those that the records remember, but hotline calls."""
        if not is_fit(text):
            raise ValueError(f"a note is text of 1 to {LONGEST} characters without NUL")
        found = self._records.find_call(call)
        if found is None or found.route is Route.HOTLINE:
            return False
        self.deeds.append(Deed("note", call, "noted", Words(text, text), by))
        return True

    def _open(self, visit: str) -> Visit | None:
        found = self._records.find_visit(visit)
        return found if found is not None and found.state not in OVER else None
