"""One facility's policies: what calls, bookings, pages and recordings ask. Nothing here raises for a plugin's fault."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from parloir.policy import combine, notices, outside, privilege, rates
from parloir.policy.answers import CallClass, DenialKind, Slot
from parloir.policy.chain import Ceiling, Chain, limit_again, standing_denials
from parloir.policy.collections import Page, Task
from parloir.policy.collections import Route as HttpRoute
from parloir.policy.decision import CORE, Decision, Denial, Ruling
from parloir.policy.hooks import Hooks
from parloir.policy.job import describe
from parloir.policy.news import Courier
from parloir.policy.outside import Retention
from parloir.policy.participants import Contact, Resident
from parloir.policy.trail import Answer, Asked, asked
from parloir.policy.values import (
    Action,
    Actor,
    Alert,
    Application,
    Call,
    Recording,
    Route,
    Severity,
    SlotSearch,
    Visit,
)
from parloir.policy.worker import Result

CLOSING = 2.0


@dataclass(frozen=True)
class Additions:
    """What one plugin adds to the gateway."""

    plugin: str
    routes: tuple[HttpRoute, ...] = ()
    pages: tuple[Page, ...] = ()
    tasks: tuple[Task, ...] = ()


class Policies:
    """The plugins of one facility and the rules that combine them; `raise_alert` was told every alert already."""

    def __init__(
        self,
        hooks: Hooks,
        raise_alert: Callable[[Alert], None],
        ceiling: Ceiling = lambda call: None,
        couriers: Sequence[Courier] = (),
        additions: Sequence[Additions] = (),
    ) -> None:
        self.hooks = hooks
        self.additions = tuple(additions)
        self._raise_alert = raise_alert
        self._ceiling = ceiling
        self._couriers = tuple(couriers)

    @property
    def names(self) -> tuple[str, ...]:
        """The plugins, in the order of the configuration."""
        return tuple(plugin.name for plugin in self.hooks.plugins)

    @property
    def listeners(self) -> tuple[str, ...]:
        """The plugins that are told news."""
        return tuple(courier.plugin for courier in self._couriers)

    @property
    def rates_calls(self) -> bool:
        """Whether any plugin says what calls cost."""
        return bool(self.hooks.having("rate_call"))

    async def decide(self, call: Call) -> Decision:
        """Everything that is decided before a call is connected. Never raises: what cannot be decided is denied."""
        try:
            return await Chain(self.hooks, self._ceiling, call).run()
        except Exception as error:
            self._fault("decide", error)
            return _undecided(call, describe(error))

    async def price(self, call: Call) -> Decision:
        """What a call that is not made yet would cost: its class, payer, rate and limit, and nothing else.

        Never raises. The policies may decide otherwise when it is made.
        """
        try:
            return await Chain(self.hooks, self._ceiling, call).price()
        except Exception as error:
            self._fault("price", error)
            return _undecided(call, describe(error))

    async def limit_again(self, call: Call, decision: Decision) -> Decision:
        """The decision with a limit asked for anew, in mid-call; where that fails, the decision as it stands."""
        try:
            return await limit_again(self.hooks, call, decision)
        except Exception as error:
            self._fault("limit_again", error)
            return decision

    async def authorize_visit(self, visit: Visit) -> Ruling:
        """Whether the visit may be booked; the parties are told the ruling's denial."""
        floor = privilege.of_visit(visit)
        core = standing_denials(visit.visitors, visit.resident, visit, visit.asked_at)
        if floor.call_class is CallClass.UNKNOWN:
            core = (*core, Denial(CORE, DenialKind.FACILITY, "class_unknown", staff=floor.why[:500]))
        answers = await self._ask("authorize_visit", visit=visit)
        privileged = floor.call_class is CallClass.PRIVILEGED
        combined = combine.authorize(privileged, core, answers)
        return _ruling(combined.value, _asked("authorize_visit", combined, answers))

    async def open_slots(self, search: SlotSearch) -> tuple[Slot, ...]:
        """The slots that could be booked, earliest first."""
        return outside.slots(await self._ask("open_slots", search=search)).value

    async def approve_relationship(self, application: Application) -> Ruling:
        """Approved, denied, or `pending` for staff."""
        answers = await self._ask("approve_relationship", application=application)
        combined = outside.approve(answers)
        return replace(combined.value, trail=(_asked("approve_relationship", combined, answers),))

    async def contacts_of(self, resident: Resident) -> tuple[Contact, ...]:
        """Whom a resident is offered to call."""
        return outside.contacts(await self._ask("contacts_of", resident=resident)).value

    async def may_act(self, call: Call, action: Action, actor: Actor) -> Ruling:
        """Whether staff may do this to the call. END always may; all else never may on a call that is not ordinary.

        Whether the actor's role is fit for it is for the caller to know.
        """
        if action is Action.END:
            return Ruling(True, trail=(Asked("may_act", "not asked", "yes: a call can always be ended"),))
        highest = privilege.most_protected((privilege.of_call(call).call_class, call.call_class))
        if highest is not CallClass.ORDINARY:
            denial = Denial(CORE, DenialKind.FACILITY, f"class_{highest}")
            return Ruling(False, denial, trail=(Asked("may_act", "not asked", f"no: the call is {highest}"),))
        answers = await self._ask("may_act", call=call, action=action, actor=actor)
        combined = combine.permit(answers)
        denial = Denial(CORE, DenialKind.FACILITY, "not_permitted", staff=combined.result)
        return Ruling(combined.value, None if combined.value else denial, trail=(_asked("may_act", combined, answers),))

    async def retain_recording(self, recording: Recording) -> Retention:
        """How long a recording is kept."""
        return outside.retain(await self._ask("retain_recording", recording=recording)).value

    async def run(
        self,
        plugin: str,
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
        within: float,
        read: Callable[[Any], Any] = lambda value: value,
    ) -> Result:
        """Run what a plugin added, such as a task, in its own worker and wait `within` seconds; never raises.

        `read` turns what was returned into the value wanted; it runs in the plugin's thread, and may raise there.
        """
        worker = next(each.worker for each in self.hooks.plugins if each.name == plugin)
        return await worker.run(function, arguments, within, read, background=True)

    def alarm(self, plugin: str, severity: Severity, code: str, text: str) -> None:
        """Tell staff of something about a plugin; the text goes on from its name."""
        self._raise_alert(Alert(severity=severity, code=code, text=f"{plugin} {text}"[:500], subject=plugin))

    def tell(self) -> None:
        """There is news in the journal."""
        for courier in self._couriers:
            courier.wake()

    async def health(self) -> dict[str, bool]:
        """Each plugin's health: what it says of itself, and False for one that is left alone for its failures."""
        answers = {each.plugin: each for each in await self._ask("check_health")}
        return {
            plugin.name: plugin.breaker.broken_at is None and _healthy(answers.get(plugin.name))
            for plugin in self.hooks.plugins
        }

    async def close(self) -> None:
        """Take the plugins down; calls that were decided go on. A plugin that hangs is left behind."""
        for courier in self._couriers:
            courier.close()
        await self._ask("close", within=CLOSING)
        for plugin in self.hooks.plugins:
            plugin.worker.close()

    async def _ask(self, hook: str, within: float | None = None, **arguments: Any) -> tuple[Answer, ...]:
        return await self.hooks.ask(hook, within=within, **arguments)

    def _fault(self, what: str, error: Exception) -> None:
        text = f"{what} failed: {describe(error)}"[:500]
        self._raise_alert(Alert(severity=Severity.URGENT, code="policy_fault", text=text))


def _undecided(call: Call, error: str) -> Decision:
    trail = (Asked("decide", "none: the gateway failed", error),)
    if call.route is Route.VISIT:
        denial = Denial(CORE, DenialKind.FACILITY, combine.POLICY_FAILED, staff=error)
        return Decision(CallClass.UNKNOWN, error, denials=(denial,), trail=trail)
    told = notices.core(CallClass.PRIVILEGED, False, False)
    return Decision(CallClass.PRIVILEGED, error, rate=rates.FREE, announcements=told, trail=trail)


def _ruling(denials: tuple[Denial, ...], trail: Asked) -> Ruling:
    return Ruling(not denials, denials[0] if denials else None, trail=(trail,))


def _asked(question: str, combined: combine.Combined[Any], answers: tuple[Answer, ...]) -> Asked:
    return asked(question, combine.RULES[question], combined.result, answers, combined.notes)


def _healthy(answer: Answer | None) -> bool:
    return answer is None or (not answer.failed and answer.values != (False,))
