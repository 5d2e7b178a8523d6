"""The registrar (RFC 3261 section 10.3): what a REGISTER that was let in does to a station's bindings. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from parloir.sip.binding import Binding
from parloir.sip.errors import MalformedMessage
from parloir.sip.message import Header, Request
from parloir.sip.uri import NameAddr, Uri

MOST_CONTACTS = 8
MOST_PATHS = 8
LONGEST_AGENT = 200
LONGEST_INSTANCE = 256
EXTENSIONS = {"path"}

Owner = tuple[str, str]


class Overflow(StrEnum):
    """What becomes of one contact too many: it takes the oldest one's place, or is refused."""

    REPLACE = "replace"
    REFUSE = "refuse"


@dataclass(frozen=True)
class RegistrarTerms:
    """How long a registration may last (seconds), and how many phones may register as one station."""

    min_expires: int = 60
    max_expires: int = 3600
    contacts: int = 1
    overflow: Overflow = Overflow.REPLACE


@dataclass(frozen=True)
class Outcome:
    """The response to a REGISTER, the bindings to keep from now on and those that are gone; neither if it failed."""

    status: int
    headers: tuple[Header, ...] = ()
    phrase: str = ""
    kept: tuple[Binding, ...] = ()
    gone: tuple[Binding, ...] = ()


class _Refused(Exception):
    """The request fails as a whole, and changes nothing."""

    def __init__(self, status: int, phrase: str = "", *headers: Header) -> None:
        super().__init__(phrase)
        self.outcome = Outcome(status, headers, phrase)


@dataclass(frozen=True)
class _Wish:
    """One Contact: its URI, the device's name, and for how many seconds (0: no longer)."""

    contact: str
    instance: str
    seconds: int


class Registrar:
    """Every station's bindings. `now` is in seconds since 1970 throughout."""

    def __init__(self, terms: RegistrarTerms, token: Callable[[], str]) -> None:
        self.terms = terms
        self._token = token
        self._bindings: dict[Owner, tuple[Binding, ...]] = {}

    def restore(self, bindings: Iterable[Binding]) -> None:
        """Take up what a previous run left."""
        for binding in bindings:
            self._bindings[binding.owner] = (*self._bindings.get(binding.owner, ()), binding)

    def of(self, owner: Owner, now: float) -> tuple[Binding, ...]:
        """A station's bindings, the one heard of last first."""
        valid = (binding for binding in self._bindings.get(owner, ()) if binding.expires > now)
        return tuple(sorted(valid, key=lambda binding: binding.registered, reverse=True))

    def all(self, now: float) -> list[Binding]:
        """Every binding that holds."""
        return [binding for owner in self._bindings for binding in self.of(owner, now)]

    def touch(self, binding: Binding, now: float) -> None:
        """Note that a binding's phone has just been heard of."""
        ours = self._bindings.get(binding.owner, ())
        self._bindings[binding.owner] = tuple(replace(b, seen=now) if b.id == binding.id else b for b in ours)

    def expire(self, now: float, owners: Iterable[Owner] | None = None) -> tuple[Binding, ...]:
        """Forget what has expired, and all that belongs to none of `owners` if they are given; answers those."""
        known = None if owners is None else set(owners)
        gone = []
        for owner, bindings in list(self._bindings.items()):
            kept = tuple(b for b in bindings if b.expires > now) if known is None or owner in known else ()
            gone += [binding for binding in bindings if binding not in kept]
            self._set(owner, kept)
        return tuple(gone)

    def register(self, owner: Owner, request: Request, flow: str, now: float) -> Outcome:
        """Do what a REGISTER from the station itself asks; all of it or nothing. Raises MalformedMessage."""
        unknown = sorted(request.tokens("Require") - EXTENSIONS)
        if unknown:
            return Outcome(420, tuple(("Unsupported", name[:64]) for name in unknown[:8]))
        before = self.of(owner, now)
        paths = request.all("Path")
        if len(paths) > MOST_PATHS:
            raise MalformedMessage("Path", f"more than {MOST_PATHS}")
        for path in paths:
            Uri.parse(NameAddr.parse(path).uri)
        try:
            after = self._after(owner, before, request, flow, tuple(paths), now)
        except _Refused as refused:
            return refused.outcome
        stale = tuple(binding for binding in self._bindings.get(owner, ()) if binding not in after)
        kept_ids = {binding.id for binding in after}
        self._set(owner, after)
        headers = [("Contact", _contact(binding, now)) for binding in self.of(owner, now)]
        headers += [("Path", path) for path in paths]
        return Outcome(
            200,
            tuple(headers),
            kept=tuple(binding for binding in after if binding not in before),
            gone=tuple(binding for binding in stale if binding.id not in kept_ids),
        )

    def _after(
        self, owner: Owner, before: tuple[Binding, ...], request: Request, flow: str, path: tuple[str, ...], now: float
    ) -> tuple[Binding, ...]:
        """The bindings as they would be; raises _Refused."""
        contacts = request.all("Contact")
        if contacts == ["*"]:
            if request.all("Expires") != ["0"]:
                raise _Refused(400, "Contact * without Expires 0")
            for binding in before:
                _in_order(binding, request)
            return ()
        if len(contacts) > MOST_CONTACTS or "*" in contacts:
            raise _Refused(400, "Bad Contact")
        after = list(before)
        for wish in [self._wish(contact, request) for contact in contacts]:
            known = next((b for b in after if _same(b, wish)), None)
            if known is not None:
                _in_order(known, request)
                after.remove(known)
            if wish.seconds:
                after.append(self._made(owner, known, wish, request, flow, path, now))
        return self._fitting(after, before)

    def _wish(self, text: str, request: Request) -> _Wish:
        contact = NameAddr.parse(text)
        uri = Uri.parse(contact.uri)
        given = contact.value("expires") or next(iter(request.all("Expires")), "")
        seconds = int(given) if given.isascii() and given.isdigit() and len(given) <= 10 else self.terms.max_expires
        if 0 < seconds < self.terms.min_expires:
            raise _Refused(423, "", ("Min-Expires", str(self.terms.min_expires)))
        instance = (contact.value("+sip.instance") or "")[:LONGEST_INSTANCE]
        return _Wish(str(uri.bare()), instance, min(seconds, self.terms.max_expires))

    def _made(
        self,
        owner: Owner,
        known: Binding | None,
        wish: _Wish,
        request: Request,
        flow: str,
        path: tuple[str, ...],
        now: float,
    ) -> Binding:
        agent = "".join(c for c in next(iter(request.all("User-Agent")), "") if c.isprintable())
        return Binding(
            id=known.id if known else self._token(),
            facility=owner[0],
            station=owner[1],
            contact=wish.contact,
            flow=flow,
            path=path,
            call_id=request.call_id,
            cseq=request.cseq.number,
            instance=wish.instance,
            user_agent=agent[:LONGEST_AGENT],
            registered=now,
            seen=now,
            expires=now + wish.seconds,
        )

    def _fitting(self, after: list[Binding], before: tuple[Binding, ...]) -> tuple[Binding, ...]:
        """No more than the terms allow: the oldest go, or the request fails."""
        if len(after) <= self.terms.contacts:
            return tuple(after)
        if self.terms.overflow is Overflow.REFUSE and len(after) > len(before):
            raise _Refused(403, "Another phone is registered")
        return tuple(sorted(after, key=lambda binding: binding.registered)[-self.terms.contacts :])

    def _set(self, owner: Owner, bindings: tuple[Binding, ...]) -> None:
        if bindings:
            self._bindings[owner] = bindings
        else:
            self._bindings.pop(owner, None)


def _in_order(binding: Binding, request: Request) -> None:
    """Refuse a request older than the one that made the binding (section 10.3, steps 6 and 7)."""
    if binding.call_id == request.call_id and request.cseq.number <= binding.cseq:
        raise _Refused(500, "CSeq out of order")


def _same(binding: Binding, wish: _Wish) -> bool:
    """Whether a contact is the binding's: the same device, or the same address (section 19.1.4)."""
    if binding.instance and wish.instance:
        return binding.instance == wish.instance
    one, other = Uri.parse(binding.contact), Uri.parse(wish.contact)
    return _identity(one) == _identity(other)


def _identity(uri: Uri) -> tuple[object, ...]:
    named = {name.lower(): (value or "").lower() for name, value in uri.parameters}
    telling = tuple(named.get(name) for name in ("transport", "user", "method", "maddr", "ttl"))
    return uri.scheme, uri.user, uri.host.lower(), uri.port, telling


def _contact(binding: Binding, now: float) -> str:
    left = max(1, round(binding.expires - now))
    instance = f";+sip.instance={binding.instance}" if binding.instance else ""
    return f"<{binding.contact}>{instance};expires={left}"
