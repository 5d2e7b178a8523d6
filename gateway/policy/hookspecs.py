"""Everything a plugin can be asked, told, or give. This file is the contract with vendors: api = 1.

A plugin implements what it has something to say about, as a method of the same name marked `@hookimpl`, taking any of
the arguments by name. Within a version hooks only gain arguments and values only gain fields.

A method is `def` (quick work: one question at a time in a thread of the plugin's own, news and tasks in a second one)
or `async def` (side by side on an asyncio loop in a third, never on the gateway's own, so that httpx and asyncpg work
there and a mistake like time.sleep holds nobody else). A thread that hangs is left behind and replaced; what was bound
to its loop is lost with it. The constructor runs in a thread too: open connections when they are first used.

An answer is waited for 250 ms, or 2 s where the plugin's class says `remote = True`. None is no answer. Raising,
answering late, or answering with something else than is written here counts as failing, and every failure is an alert.

What a visit would cost is asked before there is a call, for the visitor's page: `classify_call`, `choose_payer`,
`rate_call` and `limit_call`, with the state "expected". That call may never come, and may be decided otherwise if it
does; so remember nothing of it.

A call on a hotline route asks nobody anything. On an emergency route only `classify_call`, `may_record`,
`may_monitor` and `announce_call` are asked, and no answer or failure keeps the call from being connected.
"""

import pluggy
from sqlalchemy import MetaData

from parloir.policy.answers import (
    Allow,
    Announcement,
    CallClass,
    Cap,
    Deny,
    Discount,
    Extend,
    Identity,
    Keep,
    LegalHold,
    No,
    Payer,
    Slot,
    Tariff,
    Yes,
)
from parloir.policy.collections import Commands, Page, Route, Task
from parloir.policy.participants import Contact, Resident
from parloir.policy.values import Action, Actor, Alert, Application, Call, Happening, Recording, SlotSearch, Visit

hookspec = pluggy.HookspecMarker("parloir")
hookimpl = pluggy.HookimplMarker("parloir")

# Questions, in the order in which a call asks them; each sees the earlier results in `call`.


@hookspec
def identify_resident(call: Call) -> Identity | Deny | None:
    """Who is on the phone inside, and is it really them?

    Asked when: a call is about to be made; `call.resident` is whom the gateway knows by PIN or visit, or None.
    Return: an Identity; a Deny of kind identity; None.
    If several answer: all must name the same resident, who is also the gateway's if it knows one; else denied.
    If it fails: denied.
    """


@hookspec
def classify_call(call: Call) -> CallClass | None:
    """Is this call protected by law?

    Asked when: the participants are known; `call.call_class` is what their relationships make it.
    Return: a CallClass; None.
    If several answer: the most protected of theirs and the gateway's own holds; nobody can lower it.
    If it fails: the class is unknown, so the call is not connected (privileged on an emergency route).
    """


@hookspec
def authorize_call(call: Call) -> Allow | Deny | None:
    """May these people talk now?

    Asked when: the class is known.
    Return: Deny with its kind and a reason; Allow with a reason; None.
    If several answer: any Deny holds, save that a privileged call is not denied for quota, balance or suspension.
    If it fails: denied.
    """


@hookspec
def choose_payer(call: Call) -> Payer | None:
    """Who pays?

    Asked when: the call is authorized.
    Return: a Payer; None.
    If several answer: the first in the order of the facility's configuration.
    If it fails: denied unless the call turns out free or is privileged; a failure after the first answer is harmless.
    """


@hookspec
def rate_call(call: Call) -> Tariff | Discount | None:
    """What does it cost?

    Asked when: the payer is known, in `call.payer`, and is somebody; a privileged call is free, so nobody is asked.
    Return: a Tariff from the facility's one tariff plugin; a Discount from any other; None.
    If several answer: the discounts come off the one tariff, in turn; two tariffs are a failure; no tariff where
    any plugin rates calls is a failure, for silence is not zero. The legal cap is applied last, by the gateway.
    If it fails: denied.
    """


@hookspec
def limit_call(call: Call) -> Cap | Extend | tuple[Cap | Extend, ...] | None:
    """How long may it last?

    Asked when: the price is known, in `call.rate`.
    Return: a Cap, an Extend, or a tuple of them; None.
    If several answer: the shortest policy cap times the largest extension, but never over the shortest hard cap.
    If it fails: denied unless the call is privileged, which then has the caps of the others.
    """


@hookspec
def may_record(call: Call) -> Yes | No | None:
    """May this call be recorded?

    Asked when: the call is ordinary; a privileged call is never recorded, so nobody is asked.
    Return: Yes; No; None.
    If several answer: yes only if one says yes and none says no.
    If it fails: no.
    """


@hookspec
def may_monitor(call: Call) -> Yes | No | None:
    """May staff listen to and watch this call?

    Asked when: the call is ordinary; a privileged call is never monitored, so nobody is asked.
    Return: Yes, with `present=True` where the call is to pause while nobody listens; No; None.
    If several answer: yes only if one says yes and none says no. If somebody must be present and it is no, denied,
    save on an emergency route, where nobody need be present.
    If it fails: no.
    """


@hookspec
def announce_call(call: Call) -> Announcement | tuple[Announcement, ...] | None:
    """What must both parties be told before they hear each other?

    Asked when: all else is decided; `call.record` and `call.monitor` say what the gateway's own notice tells.
    Return: an Announcement or a tuple of them; None.
    If several answer: the gateway's notices, then these in the order of the configuration, each code once, 30 s in all.
    If it fails: the gateway's notices only, and the call is not recorded.
    """


# Questions beside a call's beginning.


@hookspec
def authorize_visit(visit: Visit) -> Allow | Deny | None:
    """May this visit be booked, or moved to this time?

    Asked when: somebody asks for a visit (`visit.id` is None) or moves one; again if its people were booked meanwhile.
    Return: Deny with its kind and a reason; Allow with a reason; None.
    If several answer: any Deny holds, save that a privileged visit is not denied for quota, balance or suspension.
    If it fails: denied.
    """


@hookspec
def open_slots(search: SlotSearch) -> tuple[Slot, ...] | None:
    """Which times could this visit have?

    Asked when: somebody looks for a time to book.
    Return: all the slots this plugin would allow; None if times are not its business.
    If several answer: only the slots that each of them offers.
    If it fails: no slots.
    """


@hookspec
def approve_relationship(application: Application) -> Allow | Deny | None:
    """Is this visitor what they say they are to the resident?

    Asked when: a visitor applies, and again when the relationship would expire.
    Return: Allow or Deny with a reason; None to leave it to staff.
    If several answer: any Deny denies; an Allow approves; else it stays pending for staff.
    If it fails: it stays pending.
    """


@hookspec
def contacts_of(resident: Resident) -> tuple[Contact, ...] | None:
    """Whom may this resident call?

    Asked when: the attendant offers a resident the people to call. The call itself is still authorized afterwards.
    Return: the contacts, in the order to offer; None.
    If several answer: all of them, in the order of the configuration, each visitor once.
    If it fails: the others' contacts only.
    """


@hookspec
def may_act(call: Call, action: Action, actor: Actor) -> Yes | No | None:
    """May this member of staff do this to the call?

    Asked when: an officer wants to listen, watch (thumbnails), warn, mute (a party's sound or picture), pause, whisper
    (to the party inside), barge in, record, play, export or delete. Nothing but END is ever possible on a privileged
    call, and END is never refused, so neither is asked.
    Return: Yes; No; None.
    If several answer: yes only if one says yes and none says no.
    If it fails: no.
    """


@hookspec
def retain_recording(recording: Recording) -> Keep | LegalHold | None:
    """How long is this recording kept?

    Asked when: it was made, and each time before it would be deleted.
    Return: Keep for some days; LegalHold; None.
    If several answer: a hold beats all, else the longest.
    If it fails: it is kept, and asked for again.
    """


# News: told in order, at least once, also after a crash. The next is told when the method has returned.


@hookspec
def call_event(call: Call, event: Happening) -> None:
    """Something happened to a call; `call` is as it stands when told.

    Told when: the event is in the call's timeline.
    Return: nothing.
    If several listen: each at its own pace, by a cursor of its own.
    If it fails: told again, later each time, and nothing after it until then.
    """


@hookspec
def visit_event(visit: Visit, event: Happening) -> None:
    """A visit was booked, moved, cancelled, missed or held.

    Told when: it is stored.
    Return: nothing.
    If several listen: each at its own pace, by a cursor of its own.
    If it fails: told again, later each time, and nothing after it until then.
    """


@hookspec
def person_event(person: Resident, event: Happening) -> None:
    """A resident came, moved, left, or a relationship of theirs changed; or a visitor wants no more of their calls.

    Told when: it is stored.
    Return: nothing.
    If several listen: each at its own pace, by a cursor of its own.
    If it fails: told again, later each time, and nothing after it until then.
    """


@hookspec
def alert(alert: Alert, event: Happening) -> None:
    """Staff were alerted.

    Told when: the alert is stored.
    Return: nothing.
    If several listen: each at its own pace, by a cursor of its own.
    If it fails: told again, later each time, and nothing after it until then.
    """


# Collections: what a plugin adds to the gateway. The first two are methods of the class (@classmethod).


@hookspec
def register_tables(metadata: MetaData) -> None:
    """Define the plugin's own tables in `metadata`.

    Asked when: the database is made or upgraded, and when the plugin is loaded. A class method.
    Return: nothing; each table's name begins with the plugin's name and an underscore.
    If several answer: each has its own tables.
    If it fails: the plugin is not loaded.
    """


@hookspec
def register_commands(commands: Commands) -> None:
    """Add subcommands under `parloir NAME`.

    Asked when: the command line is read. A class method.
    Return: nothing; call `commands.add(...)`.
    If several answer: each under its own name.
    If it fails: its commands are missing, and that is said.
    """


@hookspec
def register_routes() -> tuple[Route, ...] | None:
    """Add HTTP routes under `/api/v1/plugins/FACILITY/NAME`.

    Asked when: the plugin is loaded.
    Return: the routes.
    If several answer: each under its own name.
    If it fails: the plugin is not loaded.
    """


@hookspec
def register_pages() -> tuple[Page, ...] | None:
    """Add pages for staff under `/plugins/FACILITY/NAME`, each at the name of its folder.

    Asked when: the plugin is loaded.
    Return: the pages.
    If several answer: each under its own name.
    If it fails: the plugin is not loaded.
    """


@hookspec
def register_tasks() -> tuple[Task, ...] | None:
    """Add work to be done again and again.

    Asked when: the plugin is loaded.
    Return: the tasks.
    If several answer: each runs for itself, in its plugin's own thread or loop.
    If it fails: the plugin is not loaded.
    """


@hookspec
def check_health() -> bool | None:
    """Can the plugin do its work?

    Asked when: `/healthz` is asked for.
    Return: True or False; None counts as True.
    If several answer: each is shown.
    If it fails: False.
    """


@hookspec
def close() -> None:
    """Let go of connections and files.

    Asked when: the plugin is taken down, at a reload or the gateway's end.
    Return: nothing.
    If several answer: all are asked.
    If it fails: it is taken down all the same.
    """
