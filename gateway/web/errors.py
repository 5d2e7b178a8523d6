"""What goes wrong at the web's door, and how each is said in JSON."""

import re

from parloir.calls.acts_speech import NotNow, SomebodySpeaks
from parloir.calls.expiry import Held
from parloir.calls.listening import MayNotListen
from parloir.calls.permission import MayNotAct
from parloir.calls.recording import CannotRecord
from parloir.calls.shelf import MayNotPlay, NotPlayable
from parloir.calls.switchboard import NoSuchBan
from parloir.errors import ParloirError
from parloir.store.errors import (
    CarriedElsewhere,
    Forbidden,
    KeyGone,
    LockedOut,
    LoginRefused,
    NoSuchCall,
    NoSuchRecording,
    NoSuchVisit,
    StationTaken,
    TooManyLogins,
    VisitOver,
)

STATUS: dict[type[ParloirError], int] = {
    NoSuchVisit: 404,
    NoSuchCall: 404,
    NoSuchRecording: 404,
    MayNotListen: 403,
    MayNotAct: 403,
    NotNow: 409,
    SomebodySpeaks: 409,
    MayNotPlay: 403,
    NotPlayable: 409,
    Held: 409,
    CarriedElsewhere: 409,
    KeyGone: 409,
    CannotRecord: 409,
    NoSuchBan: 404,
    StationTaken: 409,
    VisitOver: 409,
    Forbidden: 403,
    LoginRefused: 401,
    LockedOut: 429,
    TooManyLogins: 429,
}


class WebError(ParloirError):
    """The web could not start, or refused a request."""


class BadCertificate(WebError):
    """The certificate or its key cannot be used; see gateway.tls."""


class BadToken(WebError):
    """The token's file is missing, readable by others or too short; make a new one with `parloir init`."""


class Refused(WebError):
    """A request is answered with this HTTP status; `field` names the part of the request at fault."""

    def __init__(
        self, status: int, code: str, message: str, field: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.field = field
        self.headers = headers or {}


def refusal(error: ParloirError) -> Refused:
    """The HTTP answer to an error from the desk."""
    if isinstance(error, Refused):
        return error
    name = type(error).__name__
    code = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    field = getattr(error, "field", None)
    return Refused(STATUS.get(type(error), 422), code, str(error), field if isinstance(field, str) else None)
