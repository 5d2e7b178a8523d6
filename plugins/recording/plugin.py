"""The plugin that says which calls are recorded, and erases recordings when their time is over."""

from parloir.api import (
    Action,
    Actor,
    Alert,
    Call,
    Facility,
    Keep,
    LegalHold,
    No,
    Recording,
    Severity,
    Task,
    Yes,
    hookimpl,
)

from .settings import RecordingSettings, What


class Recordings:
    """What one facility records, and for how long."""

    api = 1
    Settings = RecordingSettings

    def __init__(self, settings: RecordingSettings, facility: Facility) -> None:
        self._settings = settings
        self._facility = facility

    @hookimpl
    def may_record(self, call: Call) -> Yes | No:
        """By what the facility has chosen; the gateway never asks for a privileged call."""
        match self._settings.record:
            case What.ORDINARY:
                return Yes("ordinary_calls")
            case What.WATCHED if self._settings.watch.names(call):
                return Yes("watch_list")
            case What.WATCHED:
                return No("not_on_watch_list")
            case What.NOTHING:
                return No("nothing_is_recorded")

    @hookimpl
    def retain_recording(self, recording: Recording) -> Keep | LegalHold | None:
        """As long as the first rule says that fits; for ever where the call is held."""
        if recording.call in self._settings.holds:
            return LegalHold("held_by_configuration")
        fitting = next((each for each in self._settings.keep if each.fits(recording)), None)
        return Keep(fitting.days, "retention") if fitting else None

    @hookimpl
    def may_act(self, call: Call, action: Action, actor: Actor) -> Yes | No | None:
        """Playing and handing on by role; of all else others judge."""
        roles = {Action.PLAY: self._settings.play, Action.EXPORT: self._settings.export}.get(action)
        if roles is None:
            return None
        return Yes("role") if roles.intersection(actor.roles) else No("role_may_not")

    @hookimpl
    def register_tasks(self) -> tuple[Task, ...]:
        """Erase what is over its time."""
        return (Task("expire", float(self._settings.expire), self._expire),)

    async def _expire(self) -> None:
        erased = await self._facility.actions.expire_recordings(by="retention")
        if erased:
            text = f"{len(erased)} recordings were erased: {', '.join(each.id for each in erased)}"[:500]
            self._facility.raise_alert(Alert(severity=Severity.NOTICE, code="recordings_erased", text=text))
