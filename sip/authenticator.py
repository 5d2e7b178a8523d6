"""The server's side of Digest (RFC 7616): nonces that need no memory until they are used rightly, each count once."""

import hmac
import re
from collections import OrderedDict
from collections.abc import Callable
from enum import Enum, auto

from parloir.sip.digest import Algorithm, Challenge, Credentials, Login
from parloir.sip.errors import MalformedMessage
from parloir.sip.uri import Uri

MOST_NONCES = 10_000
_NONCE = re.compile(r"([0-9a-f]{1,12})\.([0-9a-f]{8,64})\.([0-9a-f]{32})")


class Verdict(Enum):
    """What credentials are worth. UNPROVEN ones are wrong too, but not on a nonce that their sender was given."""

    RIGHT = auto()
    STALE = auto()
    WRONG = auto()
    UNPROVEN = auto()


class Authenticator:
    """Challenges, and judges what comes back. Times are seconds of one clock that does not restart while it lives.
    `algorithms` are for logins that name none, the preferred first.

    A nonce names the host it was given to: whoever forges a sender's address has none that fits, so failures
    on a nonce of ours are that host's own.
    """

    def __init__(
        self,
        secret: bytes,
        token: Callable[[], str],
        lifetime: float = 300.0,
        algorithms: tuple[Algorithm, ...] = (Algorithm.SHA_256, Algorithm.MD5),
    ) -> None:
        self._secret = secret
        self._token = token
        self._lifetime = lifetime
        self.algorithms = algorithms
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._oldest = 0

    def challenges(self, login: Login, host: str, now: float, stale: bool = False) -> tuple[str, ...]:
        """WWW-Authenticate values, the preferred first (RFC 8760 section 2.4)."""
        issued, salt = f"{int(now):x}", self._token()
        nonce = f"{issued}.{salt}.{self._mark(issued, salt, host)}"
        qop = frozenset({"auth"})
        return tuple(str(Challenge(login.realm, nonce, each, qop, stale=stale)) for each in self._offered(login))

    def judge(self, shown: Credentials, login: Login, method: str, uri: str, host: str, now: float) -> Verdict:
        """Whether the login's holder at `host` sent this request just now."""
        issued = self._issued(shown.nonce, host)
        response = shown.computed(login.password, method)
        known = hmac.compare_digest(response.encode(), shown.response.encode())
        meant = (shown.user, shown.realm) == (login.user, login.realm) and _same_place(shown.uri, uri)
        offered = shown.algorithm in self._offered(login) and not shown.session and shown.qop in ("", "auth")
        if not (known and meant and offered):
            return Verdict.UNPROVEN if issued is None else Verdict.WRONG
        if issued is None or issued < self._oldest or not 0 <= now - issued <= self._lifetime:
            return Verdict.STALE
        return Verdict.RIGHT if self._counted(shown, now) else Verdict.STALE

    def _offered(self, login: Login) -> tuple[Algorithm, ...]:
        return login.algorithms or self.algorithms

    def _counted(self, shown: Credentials, now: float) -> bool:
        """Take the nonce's count, which must rise; without one the nonce serves once."""
        last = self._counts.get(shown.nonce)
        if last is not None and (last == 0 or shown.count <= last):
            return False
        self._counts[shown.nonce] = shown.count
        while self._counts:
            first = next(iter(self._counts))
            issued = int(first.partition(".")[0], 16)
            if len(self._counts) <= MOST_NONCES and now - issued <= self._lifetime:
                break
            # What is forgotten may not be used again: nor may anything as old.
            self._oldest = max(self._oldest, issued + 1)
            del self._counts[first]
        return True

    def _issued(self, nonce: str, host: str) -> int | None:
        """When we gave this nonce to this host; None if we did not."""
        found = _NONCE.fullmatch(nonce)
        if found is None or not hmac.compare_digest(found[3], self._mark(found[1], found[2], host)):
            return None
        return int(found[1], 16)

    def _mark(self, issued: str, salt: str, host: str) -> str:
        return hmac.new(self._secret, f"{issued}.{salt}.{host}".encode(), "sha256").hexdigest()[:32]


def _same_place(shown: str, asked: str) -> bool:
    """Whether two URIs have the same user and host; phones are not agreed on ports and parameters here."""
    if shown == asked:
        return True
    try:
        one, other = Uri.parse(shown), Uri.parse(asked)
    except MalformedMessage:
        return False
    return (one.user, one.host.lower()) == (other.user, other.host.lower())
