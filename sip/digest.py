"""Digest credentials (RFC 7616, RFC 8760): read, computed, and answered to a challenge. No clock, no randomness."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from parloir.sip.errors import MalformedMessage
from parloir.sip.uri import items, quoted, unquoted

LONGEST = 2048
MOST_PARAMETERS = 24
_PARAMETER = re.compile(r'([A-Za-z0-9\-_]{1,32})[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^\s",]+)')
_COUNT = re.compile(r"[0-9A-Fa-f]{8}")


class Algorithm(StrEnum):
    """The hashes that phones and PBXs use, by their names in messages."""

    SHA_256 = "SHA-256"
    MD5 = "MD5"

    @classmethod
    def named(cls, name: str) -> "Algorithm | None":
        """The algorithm of that name in any case; MD5 where none is named."""
        return next((each for each in cls if each.value.lower() == (name or "MD5").lower()), None)

    def hash(self, data: str | bytes) -> str:
        """The hexadecimal hash of a text or a body."""
        kind = "sha256" if self is Algorithm.SHA_256 else "md5"
        octets = data.encode() if isinstance(data, str) else data
        return hashlib.new(kind, octets, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Login:
    """A user's name and password in a realm; an empty realm stands for whichever asks.

    `algorithms` are those that this user is challenged with, where they are others than everybody's.
    """

    user: str
    password: str = field(repr=False)
    realm: str = ""
    algorithms: tuple[Algorithm, ...] = ()


@dataclass(frozen=True)
class Challenge:
    """What a server wants proved: its realm and nonce, the hash to use, and the qualities of protection it offers."""

    realm: str
    nonce: str
    algorithm: Algorithm
    qop: frozenset[str] = frozenset()
    opaque: str | None = None
    stale: bool = False
    session: bool = False

    @classmethod
    def parse(cls, text: str) -> "Challenge | None":
        """Read a WWW- or Proxy-Authenticate value; None for a scheme or hash not known. Raises MalformedMessage."""
        given = _parameters(text)
        if given is None:
            return None
        name = given.get("algorithm", "MD5")
        session = name.lower().endswith("-sess")
        algorithm = Algorithm.named(name[:-5] if session else name)
        if algorithm is None:
            return None
        offered = frozenset(each.strip().lower() for each in given.get("qop", "").split(",") if each.strip())
        if "realm" not in given or "nonce" not in given:
            raise MalformedMessage("challenge", "no realm or nonce")
        stale = given.get("stale", "").lower() == "true"
        return cls(given["realm"], given["nonce"], algorithm, offered, given.get("opaque"), stale, session)

    def __str__(self) -> str:
        parts = [f"realm={quoted(self.realm)}", f"nonce={quoted(self.nonce)}", f"algorithm={self.algorithm}"]
        parts += [f"qop={quoted(','.join(sorted(self.qop)))}"] if self.qop else []
        parts += [f"opaque={quoted(self.opaque)}"] if self.opaque is not None else []
        parts += ["stale=true"] if self.stale else []
        return f"Digest {', '.join(parts)}"


@dataclass(frozen=True)
class Credentials:
    """What a client shows: whose, for which address, and the response that only the password's holder can compute.

    `count` is the nonce count, 0 where the client knows no quality of protection (RFC 2069).
    """

    user: str
    realm: str
    nonce: str
    uri: str
    response: str
    algorithm: Algorithm
    qop: str = ""
    cnonce: str = ""
    count: int = 0
    opaque: str | None = None
    session: bool = False

    @classmethod
    def parse(cls, text: str) -> "Credentials | None":
        """Read a (Proxy-)Authorization value; None for a scheme or hash not known. Raises MalformedMessage."""
        given = _parameters(text)
        name = (given or {}).get("algorithm", "MD5")
        session = name.lower().endswith("-sess")
        algorithm = Algorithm.named(name[:-5] if session else name)
        if given is None or algorithm is None:
            return None
        missing = [key for key in ("username", "realm", "nonce", "uri", "response") if key not in given]
        qop, count = given.get("qop", "").lower(), given.get("nc", "00000000")
        if missing or not _COUNT.fullmatch(count) or (qop and not (given.get("cnonce") and int(count, 16))):
            raise MalformedMessage("credentials", "incomplete")
        return cls(
            user=given["username"],
            realm=given["realm"],
            nonce=given["nonce"],
            uri=given["uri"],
            response=given["response"].lower(),
            algorithm=algorithm,
            qop=qop,
            cnonce=given.get("cnonce", ""),
            count=int(count, 16) if qop else 0,
            opaque=given.get("opaque"),
            session=session,
        )

    def computed(self, password: str, method: str, body: bytes = b"") -> str:
        """The response that this password makes of the other fields (RFC 7616 section 3.4.1)."""
        hash = self.algorithm.hash
        secret = hash(f"{self.user}:{self.realm}:{password}")
        if self.session:
            secret = hash(f"{secret}:{self.nonce}:{self.cnonce}")
        what = f"{method}:{self.uri}"
        if self.qop == "auth-int":
            what += f":{hash(body)}"
        if not self.qop:
            return hash(f"{secret}:{self.nonce}:{hash(what)}")
        return hash(f"{secret}:{self.nonce}:{self.count:08x}:{self.cnonce}:{self.qop}:{hash(what)}")

    def __str__(self) -> str:
        name = f"{self.algorithm}{'-sess' if self.session else ''}"
        parts = [f"username={quoted(self.user)}", f"realm={quoted(self.realm)}", f"nonce={quoted(self.nonce)}"]
        parts += [f"uri={quoted(self.uri)}", f"response={quoted(self.response)}", f"algorithm={name}"]
        parts += [f"opaque={quoted(self.opaque)}"] if self.opaque is not None else []
        parts += [f"qop={self.qop}", f"nc={self.count:08x}"] if self.qop else []
        parts += [f"cnonce={quoted(self.cnonce)}"] if self.cnonce else []
        return f"Digest {', '.join(parts)}"


def answer(
    challenges: Iterable[str], login: Login, method: str, uri: str, cnonce: str, body: bytes = b"", count: int = 1
) -> Credentials | None:
    """Credentials for the first of these challenges that we can answer in the login's realm, or None.

    The server's order is its preference (RFC 8760 section 2.4). `count` is how often its nonce has been used with this.
    """
    for text in challenges:
        try:
            challenge = Challenge.parse(text)
        except MalformedMessage:
            continue
        if challenge is None or (login.realm and challenge.realm != login.realm):
            continue
        qop = "auth" if "auth" in challenge.qop else "auth-int" if "auth-int" in challenge.qop else ""
        if challenge.qop and not qop:
            continue
        return _answered(challenge, login, method, uri, cnonce, qop, body, count)
    return None


def _answered(
    challenge: Challenge, login: Login, method: str, uri: str, cnonce: str, qop: str, body: bytes, count: int
) -> Credentials:
    unsigned = Credentials(
        user=login.user,
        realm=challenge.realm,
        nonce=challenge.nonce,
        uri=uri,
        response="",
        algorithm=challenge.algorithm,
        qop=qop,
        cnonce=cnonce if qop or challenge.session else "",
        count=count if qop else 0,
        opaque=challenge.opaque,
        session=challenge.session,
    )
    return replace(unsigned, response=unsigned.computed(login.password, method, body))


def _parameters(text: str) -> dict[str, str] | None:
    """The parameters by their lower-case names, quotes taken off; None where the scheme is not Digest."""
    scheme, _, rest = text.strip().partition(" ")
    if scheme.lower() != "digest":
        return None
    given = items(rest) if len(text) <= LONGEST else []
    if not given or len(given) > MOST_PARAMETERS:
        raise MalformedMessage("Digest", "too long or empty")
    found: dict[str, str] = {}
    for item in given:
        pair = _PARAMETER.fullmatch(item)
        if pair is None or pair[1].lower() in found:
            raise MalformedMessage("Digest", "not name=value, or given twice")
        found[pair[1].lower()] = unquoted(pair[2]) if pair[2].startswith('"') else pair[2]
    return found
