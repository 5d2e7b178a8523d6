"""What a visitor reads, for the codes that Parloir has no words for. It never tells what staff wrote."""

from parloir.api import Words

WORDS = {
    "blocked": Words(
        "This visit is not possible. If you have a question, please ask the facility.",
        "Esta visita no es posible. Si tiene preguntas, consulte al centro.",
    ),
    "parties_unknown": Words(
        "We could not find out who would talk to whom, so the call was not connected. Please ask the facility.",
        "No pudimos saber quién hablaría con quién y la llamada no se conectó. Consulte al centro.",
    ),
    "not_related": Words(
        "You have not yet applied to visit this person. Please apply first.",
        "Usted aún no ha solicitado visitar a esta persona. Haga primero la solicitud.",
    ),
    "relationship_pending": Words(
        "The facility has not decided on your application yet. Please wait for its answer.",
        "El centro aún no ha decidido sobre su solicitud. Espere su respuesta.",
    ),
    "relationship_expired": Words(
        "Your approval has expired. Please apply again.",
        "Su autorización ha vencido. Haga una nueva solicitud.",
    ),
    "relationship_denied": Words(
        "The facility did not approve your application. If you have a question, please ask the facility.",
        "El centro no aprobó su solicitud. Si tiene preguntas, consulte al centro.",
    ),
    "relationship_revoked": Words(
        "The facility has withdrawn its approval. If you have a question, please ask the facility.",
        "El centro retiró su autorización. Si tiene preguntas, consulte al centro.",
    ),
    "kind_missing": Words(
        "Please say what you are to this person.",
        "Indique qué es usted de esta persona.",
    ),
    "bar_id_missing": Words(
        "An attorney's application needs the bar number.",
        "La solicitud de un abogado necesita el número de colegiado.",
    ),
}
