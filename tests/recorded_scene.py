"""A scene whose calls are recorded and listened to: a fake relay, real keys, store and desk."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock as Reactor
from twisted.python.failure import Failure

from parloir.calls.desk import Desk, DeskTerms
from parloir.calls.facilities import Facilities, Facility
from parloir.calls.recording import Place
from parloir.policy import notices
from parloir.policy.answers import CallClass, DenialKind
from parloir.policy.decision import Decision, Denial, Ruling
from parloir.policy.outside import Retention
from parloir.policy.values import Action
from parloir.relay.bodies import ListenerTerms
from parloir.relay.commands import OpenListener
from parloir.relay.journal import End, JournalWriter, packed
from parloir.rtp.description import Kind
from parloir.rtp.flow import Leg
from parloir.store import audit, vault
from parloir.store.recordings import Wanted
from parloir.store.staff import Role, Staff
from parloir.store.vault import Vault
from parloir.webrtc.signalling import Join, Leave

from . import recorded_call
from .fake_relay import TERMS
from .live_scene import BROWSER, PHONE, Scene

KIM = Staff("1", "kim", "Kim", frozenset({Role.OFFICER}))
LISTENER_TERMS = ListenerTerms(
    ufrag="u",
    password="p" * 22,
    fingerprint=TERMS.fingerprint,
    candidates=TERMS.candidates,
    ssrcs=tuple((party, kind, 7) for party in Leg for kind in Kind),
)


class Threads:
    """A thread pool whose work is done at once."""

    def callInThreadWithCallback(self, done: Callable[..., Any], work: Callable[..., Any], *arguments: Any) -> None:  # noqa: N802
        try:
            result = True, work(*arguments)
        except Exception:
            result = False, Failure()
        done(*result)


class Instant(Reactor):
    """A clock that also has threads."""

    def getThreadPool(self) -> Threads:  # noqa: N802
        return Threads()

    def callFromThread(self, call: Callable[..., Any], *arguments: Any, **named: Any) -> None:  # noqa: N802
        call(*arguments, **named)


@dataclass
class Rules:
    """A facility's policies, as the test has them answer."""

    call_class: CallClass = CallClass.ORDINARY
    record: bool = True
    monitor: bool = True
    permitted: bool = True
    days: int | None = None
    rates_calls: bool = False
    asked: list[tuple[Action, str]] = field(default_factory=list)

    async def decide(self, call: Any) -> Decision:
        told = notices.core(self.call_class, self.record, self.monitor)
        return Decision(
            self.call_class,
            "the test says so",
            record=self.record,
            monitor=self.monitor,
            announcements=told,
        )

    async def may_act(self, call: Any, action: Action, actor: Any) -> Ruling:
        self.asked.append((action, actor.user))
        denial = None if self.permitted else Denial("test", DenialKind.FACILITY, "no", staff="not today")
        return Ruling(self.permitted, denial)

    async def retain_recording(self, recording: Any) -> Retention:
        return Retention(self.days)

    async def authorize_visit(self, visit: Any) -> Ruling:
        return Ruling(True)


class Recorded(Scene):
    """A scene whose calls can be recorded; `rules` are its facility's."""

    def __init__(self, folder: Path, rules: Rules, ends_call: bool = False) -> None:
        self.rules = rules
        super().__init__(folder)
        self.reactor = Instant()
        self.relay.answers = {OpenListener: {"terms": LISTENER_TERMS}}
        vault.create(folder / "keys", "first")
        self.place = Place(folder / "recordings", Vault.open(folder / "keys", folder / "recordings"))
        desk = self.desk
        self.desk = Desk(
            self.reactor,
            self.database,
            desk.timelines,
            self.relays,
            self.phones,
            desk.stations,
            Facilities({"north": self.facility()}),
            DeskTerms(
                lambda host: "192.0.2.1",
                lambda visit: (),
                recordings=self.place,
                recording_ends_call=lambda facility: ends_call,
            ),
        )

    def facility(self) -> Facility:
        return Facility("north", "North", "America/Chicago", None, "en", self.rules)  # type: ignore[arg-type]

    def told(self, command: str) -> list[dict[str, Any]]:
        """What the relay was told by commands of that name."""
        pairs = zip(self.relay.done, self.relay.arguments, strict=True)
        return [arguments for name, arguments in pairs if name == command]

    def talk_recorded(self) -> tuple[Any, Any]:
        """A call brought to where both talk, every announcement heard out."""
        page, presence = self.enter(self.visit())
        presence.receive(Join(sdp=BROWSER))
        session = self.phones.session
        session.events.answered(session, PHONE)
        self.call.media.leg_up("browser")
        while self.relay.prompts and self.desk.live and self.call.state.value == "announcing":
            self.relay.finish()
        return page, presence

    def recording(self) -> Any:
        """The one recording there is."""
        (found,) = self.do(self.desk.shelf.search(Wanted()))
        return found

    def acts(self, subject: str) -> list[str]:
        """What the audit chain has of a subject."""
        return [each.action for each in self.do(self.database.run(lambda c: audit.list(c, subject=subject)))]

    def write_journal(self, id: str) -> End:
        """Put a short journal where the relay would have."""
        writer = JournalWriter(self.place.journal(id), id, self.place.vault.key(id))
        writer.append(packed(recorded_call.codecs(1.0)))
        writer.close()
        return writer.end


Make = Callable[..., Recorded]


def staged(folder: Path) -> Iterator[Make]:
    """What makes scenes in a folder; all are taken down afterwards."""
    made: list[Recorded] = []

    def make(ends_call: bool = False, **rules: Any) -> Recorded:
        made.append(Recorded(folder, Rules(**rules), ends_call))
        return made[-1]

    yield make
    for scene in made:
        for thread in scene.database._threads:
            thread.stop()
        scene.database._engine.dispose()


def finished(scene: Recorded) -> str:
    """A recording that is over, its journal on the disk."""
    _, presence = scene.talk_recorded()
    id: str = scene.recording().id
    end = scene.write_journal(id)
    presence.receive(Leave())
    scene.desk.recordings.over(id, end, "")
    return id
