"""The words of a statement, in English and in Spanish."""

from parloir.api import Medium, Words

TITLE = Words("Statement", "Estado de cuenta")
ACCOUNT = Words("Account", "Cuenta")
DATE = Words("Date", "Fecha")
WHAT = Words("What", "Concepto")
AMOUNT = Words("Amount", "Importe")
TAXES = Words("of it taxes", "de ello impuestos")
BALANCE = Words("Balance", "Saldo")
OPENING = Words("Balance before", "Saldo anterior")
CLOSING = Words("Balance after", "Saldo final")
NOTHING = Words("Nothing moved in this month.", "No hubo movimientos este mes.")
CALL = Words("Call", "Llamada")
HOW = Words(
    "If a charge is wrong, ask the facility for a refund and name the call.",
    "Si un cargo no es correcto, pida un reembolso al centro e indique la llamada.",
)
KINDS = {
    "deposit": Words("Deposit", "Depósito"),
    "withdrawal": Words("Paid out", "Pago al titular"),
    "charge": Words("Call", "Llamada"),
    "refund": Words("Refund", "Reembolso"),
}
MEDIA = {Medium.AUDIO: Words("sound", "voz"), Medium.VIDEO: Words("video", "video")}
MINUTES = Words("min", "min")


def kind(name: str, language: str) -> str:
    """What an entry is called; its own name where there are no words for it."""
    return KINDS[name].pick(language) if name in KINDS else name.replace("_", " ")
