"""What a visitor reads for each end and pause, in the facility's language (English or Spanish)."""

from parloir.calls.reason import Reason

ENDS: dict[str, tuple[str, str]] = {
    "Busy": (
        "The phone is in use. Please try again in a few minutes.",
        "El teléfono está ocupado. Intente de nuevo en unos minutos.",
    ),
    "Declined": ("The call was not accepted at the phone.", "La llamada no fue aceptada en el teléfono."),
    "NoAnswer": (
        "Nobody answered the phone. You may try again.",
        "Nadie contestó el teléfono. Puede intentar de nuevo.",
    ),
    "CodecMismatch": (
        "This phone and your browser cannot understand each other. Please try another browser, or tell the facility.",
        "Este teléfono y su navegador no son compatibles. Pruebe otro navegador o avise al centro.",
    ),
    "Unreachable": (
        "The facility's phone cannot be reached. You may try again; if it goes on, tell the facility.",
        "No se puede conectar con el teléfono del centro. Puede intentar de nuevo o avisar al centro.",
    ),
    "PhoneHungUp": ("The other person hung up.", "La otra persona colgó."),
    "VisitorLeft": ("You left the visit.", "Usted salió de la visita."),
    "VisitorDeclined": ("You did not take the call.", "Usted no aceptó la llamada."),
    "VisitorBlocked": (
        "You will get no more calls from this person.",
        "No recibirá más llamadas de esta persona.",
    ),
    "VisitorAway": ("You had a call and did not answer it.", "Tuvo una llamada y no la contestó."),
    "MediaLost": ("The connection was lost and did not come back.", "La conexión se perdió y no volvió."),
    "LimitReached": ("The time of this visit is over.", "El tiempo de esta visita ha terminado."),
    "BalanceUsed": (
        "The money in the account for this call is used up.",
        "Se acabó el saldo de la cuenta para esta llamada.",
    ),
    "VisitCancelled": ("This visit was cancelled by the facility.", "El centro canceló esta visita."),
    "OfficerEnded": ("The facility ended this visit.", "El centro terminó esta visita."),
    "Denied": ("The facility does not allow this call now.", "El centro no permite esta llamada ahora."),
    "PolicyEnded": (
        "The facility had to end this visit. It will tell you what comes next.",
        "El centro tuvo que terminar esta visita y le informará.",
    ),
    "LineLost": (
        "A fault on our side ended the call. You may try again.",
        "Un fallo nuestro terminó la llamada. Puede intentar de nuevo.",
    ),
    "RelayLost": (
        "A fault on our side ended the call. You may try again.",
        "Un fallo nuestro terminó la llamada. Puede intentar de nuevo.",
    ),
    "RecordingFailed": (
        "The visit could not be recorded and had to end. You may try again.",
        "La visita no se pudo grabar y tuvo que terminar. Puede intentar de nuevo.",
    ),
    "NoCapacity": (
        "All lines are in use. Please try again in a few minutes.",
        "Todas las líneas están ocupadas. Intente de nuevo en unos minutos.",
    ),
    "ServiceClosing": (
        "The service is being restarted. Please try again in a few minutes.",
        "El servicio se está reiniciando. Intente de nuevo en unos minutos.",
    ),
    "Failed": (
        "A fault on our side ended the call. You may try again.",
        "Un fallo nuestro terminó la llamada. Puede intentar de nuevo.",
    ),
}

PICTURE_PAUSED = (
    "Your connection is too slow for the picture now. You can still hear each other.",
    "Su conexión es demasiado lenta para la imagen. Todavía pueden oírse.",
)
PICTURE_BACK = ("The picture is back.", "La imagen ha vuelto.")

NOT_RECORDED = ("This visit is not being recorded.", "Esta visita no se está grabando.")

PAUSES: dict[str, tuple[str, str]] = {
    "phone": ("On hold: the other person paused the call.", "En espera: la otra persona pausó la llamada."),
    "officer": ("On hold by the facility.", "En espera por el centro."),
    "monitor": (
        "The visit goes on as soon as somebody of the facility attends to it.",
        "La visita sigue en cuanto alguien del centro la atienda.",
    ),
    "farewell": ("The facility has to end this visit.", "El centro debe terminar esta visita."),
    "browser": ("Connection lost. Trying to come back.", "Se perdió la conexión. Intentando volver."),
}

NO_VIDEO: dict[str, tuple[str, str]] = {
    "not_encrypted": (
        "The phone's picture could not be protected, so this is a visit by sound. The other person hears you.",
        "No se pudo proteger la imagen del teléfono; la visita es solo con sonido. La otra persona le oye.",
    ),
    "phone_has_none": (
        "This phone has no picture, so this is a visit by sound. The other person hears you.",
        "Este teléfono no tiene imagen; la visita es solo con sonido. La otra persona le oye.",
    ),
    "browser_has_none": (
        "Your camera is off or your browser sent no picture, so this is a visit by sound.",
        "Su cámara está apagada o su navegador no envió imagen; la visita es solo con sonido.",
    ),
    "no_common_codec": (
        "Your browser cannot make the kind of picture (H.264) that the phone shows, so this is a visit by sound.",
        "Su navegador no ofrece el tipo de imagen (H.264) que el teléfono muestra; la visita es solo con sonido.",
    ),
    "refused": (
        "This phone has no picture, or it is switched off there, so this is a visit by sound.",
        "Este teléfono no tiene imagen, o está apagada; la visita es solo con sonido.",
    ),
}

CALLED = ("{name} is calling you.", "{name} le está llamando.")
CALLED_BY_SOMEBODY = ("Somebody at {facility} is calling you.", "Alguien de {facility} le está llamando.")

WAITING_FOR_DIAL = (
    "The phone will call you. Please keep this page open.",
    "El teléfono le llamará. Mantenga esta página abierta.",
)
LAST_MINUTE = ("One minute is left.", "Queda un minuto.")
CLOSING = ("The service closes shortly; this visit will end.", "El servicio se cerrará pronto; esta visita terminará.")
REPLACED = ("This visit was opened in another window.", "Esta visita se abrió en otra ventana.")
NOT_A_CALL = ("Your browser's offer could not be understood.", "No se pudo entender la oferta de su navegador.")


def left(seconds: int, language: str) -> str:
    """How much time is left, in whole minutes where it is minutes."""
    if seconds >= 60:
        return pick((f"{seconds // 60} minutes are left.", f"Quedan {seconds // 60} minutos."), language)
    return pick((f"{seconds} seconds are left.", f"Quedan {seconds} segundos."), language)


def money_left(seconds: int, language: str) -> str:
    """How long what pays for the call lasts."""
    return pick(
        (
            f"The money in the account lasts for {seconds} more seconds; then the call ends.",
            f"El saldo de la cuenta alcanza para {seconds} segundos más; después la llamada termina.",
        ),
        language,
    )


def pick(pair: tuple[str, str], language: str) -> str:
    """The English or the Spanish of a pair."""
    return pair[1] if language.startswith("es") else pair[0]


def ending(reason: Reason, language: str) -> str:
    """What the visitor reads when the call has ended so."""
    said: str = getattr(reason, "said", "")
    return said or pick(ENDS[reason.name], language)
