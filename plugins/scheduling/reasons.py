"""Why scheduling says no: each code with its kind, and its words for the visitor."""

from dataclasses import dataclass

from parloir.api import DenialKind, Deny, Words


@dataclass(frozen=True)
class Reason:
    """One reason; its words may name facts in braces."""

    kind: DenialKind
    code: str
    en: str
    es: str

    def deny(self, staff: str = "", **facts: object) -> Deny:
        """The denial for this reason, its words filled in; `staff` tells staff more than the visitor may know."""
        return Deny(self.kind, self.code, self.words(**facts), staff[:500])

    def words(self, **facts: object) -> Words:
        """What the visitor is told."""
        return Words(en=self.en.format(**facts), es=self.es.format(**facts))


LOCKDOWN = Reason(
    DenialKind.FACILITY,
    "lockdown",
    "The facility is in lockdown. There are no visits or calls now.",
    "El centro está en cierre de seguridad. Ahora no hay visitas ni llamadas.",
)
BLACKOUT = Reason(
    DenialKind.FACILITY,
    "blackout",
    "There are no visits or calls at this time.",
    "No hay visitas ni llamadas en este horario.",
)
COUNT = Reason(
    DenialKind.FACILITY,
    "count_time",
    "The facility counts its residents at this time. There are no visits or calls then.",
    "El centro hace el recuento de los residentes a esa hora. Entonces no hay visitas ni llamadas.",
)
OUTSIDE_HOURS = Reason(
    DenialKind.SCHEDULE,
    "outside_hours",
    "This is outside the hours for visits and calls.",
    "Está fuera del horario de visitas y llamadas.",
)
NO_SLOT = Reason(
    DenialKind.SCHEDULE,
    "not_a_slot",
    "This is not one of the times that can be booked. Please choose a time from the list.",
    "Esta no es una de las horas que se pueden reservar. Elija una hora de la lista.",
)
IN_PAST = Reason(
    DenialKind.SCHEDULE,
    "time_is_past",
    "This time is over. Please choose a later one.",
    "Esta hora ya pasó. Elija otra más tarde.",
)
TOO_SOON = Reason(
    DenialKind.SCHEDULE,
    "too_soon",
    "A visit must be booked at least {hours} hours before it begins.",
    "Una visita debe reservarse al menos {hours} horas antes de que empiece.",
)
TOO_FAR = Reason(
    DenialKind.SCHEDULE,
    "too_far_ahead",
    "A visit can be booked at most {days} days ahead.",
    "Una visita se puede reservar con {days} días de antelación como máximo.",
)
TOO_LATE_TO_CANCEL = Reason(
    DenialKind.SCHEDULE,
    "too_late_to_cancel",
    "A visit can be cancelled until {hours} hours before it begins.",
    "Una visita se puede cancelar hasta {hours} horas antes de que empiece.",
)
WEEKLY_VISITS = Reason(
    DenialKind.QUOTA,
    "weekly_quota",
    "The visits of this week are used up. {count} a week are allowed.",
    "Ya no quedan visitas esta semana. Se permiten {count} por semana.",
)
GAP = Reason(
    DenialKind.QUOTA,
    "visit_gap",
    "There must be {minutes} minutes between two visits.",
    "Debe haber {minutes} minutos entre dos visitas.",
)
TOO_MANY_VISITORS = Reason(
    DenialKind.FACILITY,
    "too_many_visitors",
    "At most {count} visitors may take part at once.",
    "Pueden participar {count} visitantes a la vez como máximo.",
)
MINOR_ALONE = Reason(
    DenialKind.CONTACT,
    "minor_without_adult",
    "A minor needs an adult visitor beside them.",
    "Un menor necesita a un visitante adulto a su lado.",
)
SUSPENDED = Reason(
    DenialKind.SUSPENSION,
    "suspended",
    "Visits are suspended. Please ask the facility.",
    "Las visitas están suspendidas. Pregunte al centro.",
)
NO_SHOWS = Reason(
    DenialKind.SUSPENSION,
    "missed_visits",
    "{count} visits were missed. A new one can be booked from {day} on.",
    "Se faltó a {count} visitas. Se puede reservar otra a partir del {day}.",
)
STATION_TAKEN = Reason(
    DenialKind.SCHEDULE,
    "station_taken",
    "This time is taken. Please choose another.",
    "Esta hora está ocupada. Elija otra.",
)
RESIDENT_BUSY = Reason(
    DenialKind.SCHEDULE,
    "resident_busy",
    "The resident has another visit at this time. Please choose another.",
    "El residente tiene otra visita a esa hora. Elija otra.",
)
VISITOR_BUSY = Reason(
    DenialKind.SCHEDULE,
    "visitor_busy",
    "A visitor has another visit at this time. Please choose another.",
    "Un visitante tiene otra visita a esa hora. Elija otra.",
)
KEPT_APART = Reason(
    DenialKind.SCHEDULE,
    "kept_apart",
    "This time cannot be had. Please choose another.",
    "Esta hora no está disponible. Elija otra.",
)
MOVED = Reason(
    DenialKind.FACILITY,
    "visit_moved",
    "The facility had to move this visit to another time.",
    "El centro tuvo que cambiar la hora de esta visita.",
)
CALLED_OFF = Reason(
    DenialKind.SCHEDULE,
    "called_off_by_visitor",
    "The visitor called this visit off.",
    "El visitante canceló esta visita.",
)
