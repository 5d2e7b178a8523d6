"""A live call under the eyes of officers, whose policies say what a test wants."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from parloir.calls.facilities import Facility
from parloir.policy import notices
from parloir.policy.answers import CallClass, DenialKind
from parloir.policy.decision import CORE, Decision, Denial, Ruling
from parloir.policy.hooks import Hooks
from parloir.policy.pace import Pace
from parloir.policy.policies import Policies
from parloir.policy.values import Action, Actor, Call
from parloir.relay import commands
from parloir.relay.bodies import Candidate, ListenerTerms
from parloir.rtp.description import Kind
from parloir.rtp.flow import Leg
from parloir.store import audit, timeline
from parloir.webrtc.signalling import Join
from tests.fake_relay import TERMS
from tests.live_scene import BROWSER, PHONE, Scene

LISTENER_TERMS = ListenerTerms(
    ufrag="ufrag",
    password="p" * 22,
    fingerprint=TERMS.fingerprint,
    candidates=(Candidate(address="127.0.0.1", port=20000, priority=1),),
    ssrcs=tuple((party, kind, 1 + index) for index, (party, kind) in enumerate((p, k) for p in Leg for k in Kind)),
)


@dataclass
class Rules:
    """What the facility's policies say: of the call, and of acts; `asked` is what was asked."""

    call_class: CallClass = CallClass.ORDINARY
    monitor: bool = True
    attended: bool = False
    forbidden: frozenset[Action] = frozenset()


class Ruled(Policies):
    """Policies that answer by the rules, with the gateway's own part as it is."""

    def __init__(self, rules: Rules, reactor: Any) -> None:
        super().__init__(Hooks([], Pace(reactor), lambda alert: None), lambda alert: None)
        self.rules = rules
        self.asked: list[tuple[Action, str, str]] = []

    async def decide(self, call: Call) -> Decision:
        decision = await super().decide(call)
        rules, ordinary = self.rules, self.rules.call_class is CallClass.ORDINARY
        told = notices.core(rules.call_class, False, rules.monitor and ordinary)
        return replace(
            decision,
            call_class=rules.call_class,
            monitor=rules.monitor and ordinary,
            attended=rules.attended,
            announcements=told,
        )

    async def may_act(self, call: Call, action: Action, actor: Actor) -> Ruling:
        self.asked.append((action, actor.user, actor.why))
        if action in self.rules.forbidden:
            return Ruling(False, Denial(CORE, DenialKind.FACILITY, "not_permitted", staff="no, says the rule"))
        return Ruling(True)


class Watched(Scene):
    """A gateway whose one facility has rules."""

    def __init__(self, folder: Path, rules: Rules) -> None:
        self.rules = rules
        super().__init__(folder)
        self.relay.answers = {
            commands.OpenSpeaker: {"terms": TERMS},
            commands.OpenListener: {"terms": LISTENER_TERMS},
        }

    def facility(self) -> Facility:
        self.ruled = Ruled(self.rules, self.reactor)
        return Facility("north", "North", "America/Chicago", None, "en", self.ruled)

    def begin(self) -> str:
        """A call in which both talk, every notice heard out; its id."""
        page, presence = self.enter(self.visit())
        self.page = page
        presence.receive(Join(sdp=BROWSER))
        self.phones.session.events.ringing(self.phones.session)
        self.phones.session.events.answered(self.phones.session, PHONE)
        self.call.media.leg_up("browser")
        while self.relay.prompts:
            self.relay.finish()
        id: str = self.call.id
        return id

    def audited(self) -> list[tuple[str, str]]:
        """Who did what, in the audit chain."""
        return [(each.actor, each.action) for each in self.do(self.database.run(audit.list))]

    def kinds(self, call: str) -> list[str]:
        """What is in a call's timeline."""
        return [entry.kind for entry in self.do(self.database.run(lambda c: timeline.of(c, call)))]

    def last(self, command: type) -> dict[str, Any]:
        """With what a command was last given to the relay."""
        names = [index for index, name in enumerate(self.relay.done) if name == command.__name__]
        return self.relay.arguments[names[-1]]


@pytest.fixture(name="rules")
def permissive() -> Rules:
    return Rules()


@pytest.fixture(name="scene")
def watched(tmp_path: Path, rules: Rules) -> Iterator[Watched]:
    made = Watched(tmp_path, rules)
    yield made
    for thread in made.database._threads:
        thread.stop()
    made.database._engine.dispose()
