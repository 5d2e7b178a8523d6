"""What a visitor reads where a resident's time is up, for the codes that Parloir has no words for."""

from parloir.api import Words

from ..period import Per

EACH = {Per.DAY: "daily", Per.WEEK: "weekly", Per.MONTH: "monthly"}
"""What the codes of a period begin with: `daily_minutes`, `weekly_calls`."""

WORDS = {
    "weekly_minutes": Words(
        "The minutes for this week have been used up. Please try again next week.",
        "Ya se usaron los minutos de esta semana. Intente de nuevo la próxima semana.",
    ),
    "daily_calls": Words(
        "There were as many calls today as the facility allows. Please try again tomorrow.",
        "Hoy ya se hicieron todas las llamadas que el centro permite. Intente de nuevo mañana.",
    ),
    "weekly_calls": Words(
        "There were as many calls this week as the facility allows. Please try again next week.",
        "Esta semana ya se hicieron todas las llamadas que el centro permite. Intente de nuevo la próxima semana.",
    ),
    "monthly_calls": Words(
        "There were as many calls this month as the facility allows. Please try again next month.",
        "Este mes ya se hicieron todas las llamadas que el centro permite. Intente de nuevo el próximo mes.",
    ),
}
