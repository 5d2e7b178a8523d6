"""What billing says to the people of a call. How much an account holds is its holder's business, so it is not said."""

from parloir.api import Announcement, Words

LOW_BALANCE = Announcement(
    "low_balance",
    Words(
        "The account that pays for this call is running low.",
        "A la cuenta que paga esta llamada le queda poco saldo.",
    ),
    seconds=1,
)

WORDS = {
    "free_minutes": Words(
        "The free minutes are used up, and there is no money in the account.",
        "Se acabaron los minutos gratuitos y no hay saldo en la cuenta.",
    ),
}
"""For the codes that Parloir has no words for."""
