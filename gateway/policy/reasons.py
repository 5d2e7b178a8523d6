"""Reason codes in plain words: for the visitor in English and Spanish, for staff in English. Pure.

What the visitor reads never tells more than they may know: that an order exists, or what staff wrote, is not said.
"""

from parloir.policy.answers import DenialKind, Words
from parloir.policy.decision import Denial

_ASK = " If you have a question, please ask the facility."
_PREGUNTE = " Si tiene preguntas, consulte al centro."

KINDS: dict[DenialKind, Words] = {
    DenialKind.IDENTITY: Words(
        "We could not confirm who is on the phone inside. Please try again.",
        "No pudimos confirmar quién está al teléfono. Intente de nuevo.",
    ),
    DenialKind.ORDER: Words(f"This visit is not possible.{_ASK}", f"Esta visita no es posible.{_PREGUNTE}"),
    DenialKind.CONTACT: Words(
        f"You are not on this person's list of approved contacts.{_ASK}",
        f"Usted no está en la lista de contactos aprobados de esta persona.{_PREGUNTE}",
    ),
    DenialKind.SCHEDULE: Words(
        "Visits are not possible at this time. Please choose another time.",
        "No hay visitas a esta hora. Elija otra hora.",
    ),
    DenialKind.QUOTA: Words(
        "The number of visits or minutes allowed has been used up.",
        "Ya se usaron todas las visitas o los minutos permitidos.",
    ),
    DenialKind.BALANCE: Words(
        "There is not enough money in the account for this call.",
        "No hay saldo suficiente en la cuenta para esta llamada.",
    ),
    DenialKind.SUSPENSION: Words(
        f"Visits are suspended at present.{_ASK}", f"Las visitas están suspendidas por ahora.{_PREGUNTE}"
    ),
    DenialKind.FACILITY: Words(
        f"The facility does not allow this call now.{_ASK}",
        f"El centro no permite esta llamada ahora.{_PREGUNTE}",
    ),
}
"""What is read where neither Parloir nor the plugin has words for the code."""

_FAULT = Words(
    "We could not check whether this call is allowed, so it was not connected. The facility was told. "
    "Please try again later.",
    "No pudimos comprobar si esta llamada está permitida y no se conectó. El centro ya fue avisado. Intente más tarde.",
)

CODES: dict[str, Words] = {
    "policy_failed": _FAULT,
    "two_tariffs": _FAULT,
    "no_tariff": _FAULT,
    "class_unknown": Words(
        "Your relationship to this person is not on record yet. Please ask the facility to enter it.",
        "Su relación con esta persona aún no está registrada. Pida al centro que la registre.",
    ),
    "counsel_not_approved": Words(
        "The facility has not confirmed your professional relationship to this person, so a confidential call is not "
        "possible yet. Please ask the facility.",
        "El centro no ha confirmado su relación profesional con esta persona; todavía no es posible una llamada "
        "confidencial. Consulte al centro.",
    ),
    "slot_end": Words("The time of this visit is over.", "El tiempo de esta visita ha terminado."),
    "outside_hours": Words(
        "Visits are not held at this time of day. Please choose another time.",
        "A esta hora no hay visitas. Elija otra hora.",
    ),
    "blackout": Words(
        "There are no visits on this day. Please choose another day.", "Ese día no hay visitas. Elija otro día."
    ),
    "count_time": Words(
        "Visits pause while the facility counts its residents. Please try again in a while.",
        "Las visitas se interrumpen durante el conteo. Intente de nuevo en un rato.",
    ),
    "lockdown": Words(
        "There are no visits for now. Your visit will be moved to another time.",
        "Por ahora no hay visitas. Su visita se cambiará a otra hora.",
    ),
    "weekly_quota": Words(
        "The number of visits for this week has been used up. Please choose a day next week.",
        "Ya se usaron las visitas de esta semana. Elija un día de la próxima semana.",
    ),
    "too_soon": Words(
        "This is too soon. Visits must be booked earlier.", "Es demasiado pronto. Las visitas se piden con más tiempo."
    ),
    "too_far_ahead": Words(
        "This is too far ahead. Please choose an earlier day.", "Es una fecha muy lejana. Elija un día más cercano."
    ),
    "too_late_to_cancel": Words(
        "It is too late to cancel or move this visit.", "Es tarde para cancelar o cambiar esta visita."
    ),
    "too_many_visitors": Words("Too many people for one visit.", "Son demasiadas personas para una visita."),
    "minor_without_adult": Words(
        "A child may visit only together with an adult.", "Un menor solo puede visitar acompañado de un adulto."
    ),
    "station_taken": Words(
        "The phone is taken at this time. Please choose another time.",
        "El teléfono está ocupado a esa hora. Elija otra hora.",
    ),
    "not_on_contact_list": Words(
        "You are not on this person's contact list. They can ask to add you.",
        "Usted no está en la lista de contactos de esta persona. Ella puede pedir que lo agreguen.",
    ),
    "blocked_by_visitor": Words(
        "You asked not to be called by this person. You can lift that in your account.",
        "Usted pidió no recibir llamadas de esta persona. Puede cambiarlo en su cuenta.",
    ),
    "too_soon_after_last": Words(
        "The last call was only a short while ago. Please try again later.",
        "La última llamada fue hace poco. Intente más tarde.",
    ),
    "daily_minutes": Words("The minutes for today have been used up.", "Ya se usaron los minutos de hoy."),
    "monthly_minutes": Words("The minutes for this month have been used up.", "Ya se usaron los minutos de este mes."),
    "balance_too_low": KINDS[DenialKind.BALANCE],
    "wrong_pin": Words(
        "The person inside could not be identified. Please try again.",
        "No se pudo identificar a la persona en el centro. Intente de nuevo.",
    ),
    "identity_disputed": KINDS[DenialKind.IDENTITY],
    "no_contact_order": KINDS[DenialKind.ORDER],
    "separation": KINDS[DenialKind.ORDER],
    "suspended": KINDS[DenialKind.SUSPENSION],
}
"""Parloir's own codes. A plugin that uses one of them is understood without words of its own."""


def for_visitor(denial: Denial, language: str) -> str:
    """What the visitor reads: the code's words, else the plugin's, else those of the kind.

    About orders nobody reads more than that it is not possible, whatever words the plugin brought.
    """
    if denial.kind is DenialKind.ORDER:
        return KINDS[DenialKind.ORDER].pick(language)
    return (CODES.get(denial.code) or denial.words or KINDS[denial.kind]).pick(language)


def for_staff(denial: Denial) -> str:
    """What staff read: whose rule it was, its kind, the code, and what the plugin adds."""
    return f"{denial.plugin}: {denial.kind}, {denial.code}" + (f" ({denial.staff})" if denial.staff else "")
