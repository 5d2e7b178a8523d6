"""Answering a PBX that asks who we are (RFC 3261 section 22): the header that sending again needs. Pure."""

from parloir.sip import digest
from parloir.sip.digest import Login
from parloir.sip.message import Header, Request, Response

MOST = 8
_HEADERS = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}


def answered(login: Login | None, request: Request, response: Response, cnonce: str) -> Header | None:
    """The credentials that this response to our request wants; None where it wants none, or what we cannot give.

    Credentials that were sent and refused are not sent again, unless only their nonce was too old.
    """
    asked, shown = _HEADERS.get(response.status, ("", ""))
    if login is None or not asked:
        return None
    challenges = response.all(asked)[:MOST]
    if request.has(shown) and not any("stale=true" in each.lower().replace(" ", "") for each in challenges):
        return None
    made = digest.answer(challenges, login, request.method, request.uri, cnonce, request.body)
    return (shown, str(made)) if made is not None else None
