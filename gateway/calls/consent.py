"""The visitor's consent to a call from inside: asked on their page, and kept on the call's timeline."""

from dataclasses import dataclass

from sqlalchemy import Connection
from twisted.internet.defer import ensureDeferred
from twisted.python.failure import Failure

from parloir.calls.live import LiveCall
from parloir.calls.timeline import Timelines
from parloir.policy.notices import NOTICE
from parloir.store import happenings
from parloir.store.happenings import Hook


@dataclass(frozen=True)
class Consent:
    """Asks for it, and keeps it, or that there will be none any more."""

    timelines: Timelines

    async def ask(self, call: LiveCall) -> None:
        """Ring the visitor's page, which says who calls and what both will be told; returns once they have agreed."""
        assert call.decision is not None
        others = [each for each in call.decision.announcements if each.code != NOTICE.code]
        told = " ".join(each.words.pick(call.terms.language) for each in others)
        resident = call.shown.resident if call.shown else None
        known = call.shown is not None and any(each.relationships for each in call.shown.visitors)
        await call.page.ask(resident.name if resident else "", told, resident is not None and known)

    def block(self, call: LiveCall) -> None:
        """The visitor wants no more calls of this resident: plugins are told, and keep it (person_event)."""
        shown = call.shown
        if shown is None or shown.resident is None:
            return
        resident, visitors, facility = shown.resident.id, [each.id for each in shown.visitors], call.visit.facility

        def tell(connection: Connection) -> None:
            for visitor in visitors:
                happenings.append(connection, facility, Hook.PERSON, resident, "blocked", {"visitor": visitor})

        def failed(failure: Failure) -> None:
            self.timelines.log("store.failed", call=call.id, error=failure.getErrorMessage())

        call.note("blocked")
        ensureDeferred(self.timelines.database.run(tell)).addCallbacks(lambda _: self.timelines.written(), failed)
