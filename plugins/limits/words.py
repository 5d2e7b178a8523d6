"""What a visitor reads where a resident's time is up."""

from parloir.api import Words

from ..period import Per

MINUTES_USED = {
    Per.DAY: Words(
        "The minutes for today are used up. Please try again tomorrow.",
        "Los minutos de hoy se han agotado. Intente de nuevo mañana.",
    ),
    Per.WEEK: Words(
        "The minutes for this week are used up. Please try again next week.",
        "Los minutos de esta semana se han agotado. Intente de nuevo la próxima semana.",
    ),
    Per.MONTH: Words(
        "The minutes for this month are used up. Please try again next month.",
        "Los minutos de este mes se han agotado. Intente de nuevo el próximo mes.",
    ),
}
CALLS_USED = {
    Per.DAY: Words(
        "There were as many calls today as the facility allows. Please try again tomorrow.",
        "Hoy ya se hicieron todas las llamadas que el centro permite. Intente de nuevo mañana.",
    ),
    Per.WEEK: Words(
        "There were as many calls this week as the facility allows. Please try again next week.",
        "Esta semana ya se hicieron todas las llamadas que el centro permite. Intente de nuevo la próxima semana.",
    ),
    Per.MONTH: Words(
        "There were as many calls this month as the facility allows. Please try again next month.",
        "Este mes ya se hicieron todas las llamadas que el centro permite. Intente de nuevo el próximo mes.",
    ),
}
TOO_SOON = Words(
    "There must be a pause after each call. Please try again in a while.",
    "Debe haber una pausa después de cada llamada. Intente de nuevo más tarde.",
)
