"""One trunk at work: registered where it wants that, asked for life, and known by the addresses it has now."""

from collections.abc import Awaitable, Callable
from functools import partial
from itertools import chain
from random import random

from twisted.internet.defer import ensureDeferred
from twisted.python.failure import Failure

from parloir.rtp.description import Address
from parloir.sip import challenge
from parloir.sip import dialog as dialogs
from parloir.sip.errors import MalformedMessage, Unreachable
from parloir.sip.flow import Flow, by
from parloir.sip.local import plain
from parloir.sip.message import MAGIC, Header, Request, Response
from parloir.sip.surroundings import Clock, Log, Timer, stop
from parloir.sip.target import Way
from parloir.sip.transactions import Transactions
from parloir.sip.transport import Sockets
from parloir.sip.trunk import Place, Trunk
from parloir.sip.trunk_registration import TrunkRegistration
from parloir.sip.uri import NameAddr, Uri

PATIENCE = 8.0
LOOK_AGAIN = 60.0
DEAD = (408, 503, 504)

Locate = Callable[[Place], Awaitable[tuple[Address, ...]]]
Heard = Callable[[Response | None], None]


class TrunkLink:
    """Keeps one trunk up. `up` says of each of its places whether it answers, None before it was asked; `leaving`
    that the PBX is being told that we go. `locate` finds the servers at a place, of which the next is tried when one
    fails."""

    def __init__(
        self, trunk: Trunk, clock: Clock, wire: Transactions, sockets: Sockets, locate: Locate, log: Log
    ) -> None:
        self.trunk = trunk
        self.up: list[bool | None] = [None] * len(trunk.places)
        self._servers = [_literal(place) for place in trunk.places]
        self.addresses = frozenset(chain(*self._servers))
        self._turns = [0] * len(trunk.places)
        self._clock = clock
        self._wire = wire
        self._sockets = sockets
        self._locate = locate
        self._log = log
        self._registration = TrunkRegistration(len(trunk.places), trunk.expires, random, clock.seconds())
        self._said: bool | None = None
        self._call_id, self._tag, self._number = dialogs.token(), dialogs.token(), 0
        self._timers: dict[str, Timer] = {}
        self._over = False
        self.leaving = False

    # What is known of it.

    @property
    def registered(self) -> bool:
        """Whether the PBX knows us now."""
        return self._registration.registered(self._clock.seconds())

    @property
    def place(self) -> int:
        """Which of its addresses is in use."""
        if self.trunk.register:
            return self._registration.place
        return next((index for index, up in enumerate(self.up) if up), 0)

    @property
    def at(self) -> Address | None:
        """The address of the server in use; None while a name has not been looked up."""
        return self._server(self.place) if self._servers[self.place] else None

    @property
    def serves(self) -> bool:
        """Whether calls can be expected to go through, as far as is known."""
        answers = self.up[self.place] or not self.trunk.options
        return answers and (self.registered or not self.trunk.register)

    def is_at(self, host: str) -> bool:
        """Whether the PBX is at that host."""
        return any(address.host == host for address in self.addresses)

    async def way(self, number: str) -> Way:
        """How to call a number behind it; raises Unreachable."""
        place = self.trunk.places[self.place]
        flow = await self._flow(self.place)
        login, at = self.trunk.login, _at(place)
        sender = str(Uri(login.user, at.host, at.port)) if login is not None else ""
        return Way(flow, Uri(number, place.host, place.port, by(place.transport)), sender=sender, login=login)

    # Its life.

    def start(self) -> None:
        """Find it, register where that is wanted, and ask for life from now on."""
        if self.trunk.register:
            self._later("register", 0.0, self._register)
        for index in range(len(self.trunk.places)):
            self._later(f"options-{index}", 0.0, partial(self._ask, index))

    def stop(self) -> None:
        """Have no more to do with it; where we are registered the PBX is told, though its answer is not awaited."""
        if self._over:
            return
        self._over = True
        for timer in self._timers.values():
            stop(timer)
        if self.registered and self._servers[self._registration.place]:
            self.leaving = True
            self._go(self._send_register(0, ()))

    async def _flow(self, index: int) -> Flow:
        place = self.trunk.places[index]
        servers = await self._locate(place)
        if servers != self._servers[index]:
            self._servers[index] = servers
            self.addresses = frozenset(chain(*self._servers))
        return self._sockets.flow(self._server(index), place.transport)

    def _server(self, index: int) -> Address:
        servers = self._servers[index]
        return servers[self._turns[index] % len(servers)]

    def _turn_from(self, index: int, failed: Flow) -> bool:
        """Go on to a place's next server where this one was in use; whether another is now."""
        if self._server(index) == failed.peer:
            self._turns[index] += 1
        return self._server(index) != failed.peer

    # Registering.

    def _register(self) -> None:
        self._go(self._send_register(self._registration.asked, ()))

    async def _send_register(self, expires: int, more: tuple[Header, ...]) -> None:
        try:
            flow = await self._flow(self._registration.place)
        except Unreachable as error:
            self._not_registered(error.why)
            return
        self._number += 1
        place = _at(self.trunk.places[self._registration.place])
        face = self._sockets.face(flow)
        user = self.trunk.login.user if self.trunk.login is not None else "parloir"
        ours = Uri(user, face.host, face.port, by(face.transport))
        headers = (("Contact", f"<{ours}>"), ("Expires", str(expires)), *more)
        request = self._request("REGISTER", place, flow, Uri(user, place.host, place.port), *headers)
        if expires == 0:
            self._wire.send(request, flow, lambda response: self._leave(request, response, bool(more)))
            return
        self._send("register", request, flow, lambda response: self._heard(request, response, ours, flow))

    def _leave(self, request: Request, response: Response | None, again: bool) -> None:
        shown = response and challenge.answered(self.trunk.login, request, response, dialogs.token())
        if shown and not again:
            self._go(self._send_register(0, (shown,)))
        elif response is None or response.status >= 200:
            self.leaving = False

    def _heard(self, request: Request, response: Response | None, ours: Uri, flow: Flow) -> None:
        now, registration = self._clock.seconds(), self._registration
        if response is None:
            self._not_registered("no answer", flow)
            return
        shown = challenge.answered(self.trunk.login, request, response, dialogs.token())
        if shown is not None:
            self._go(self._send_register(registration.asked, (shown,)))
        elif response.status < 300:
            registration.accepted(_granted(response, ours, registration.asked), now)
            self._say_state()
            self._again()
        elif response.status == 423 and (least := _seconds(response, "Min-Expires")):
            registration.too_brief(least, now)
            self._again()
        else:
            denied = response.status in (401, 403, 404, 407)
            after = _seconds(response, "Retry-After")
            self._not_registered(f"{response.status} {response.phrase}", flow, after, denied)

    def _not_registered(self, why: str, flow: Flow | None = None, after: int = 0, denied: bool = False) -> None:
        if self._over:
            return
        registration, now = self._registration, self._clock.seconds()
        place = self.trunk.places[registration.place]
        if flow is not None and self._turn_from(registration.place, flow):
            self._later(f"options-{registration.place}", 0.0, partial(self._ask, registration.place))
        registration.failed(now, after, denied, len(self.addresses))
        wait = round(registration.due - now, 1)
        self._log("sip.trunk_refused", trunk=self._name, place=f"{place.host}:{place.port}", why=why[:120], again=wait)
        self._say_state()
        self._again()

    def _again(self) -> None:
        wait = max(0.0, self._registration.due - self._clock.seconds())
        self._later("register", wait, self._register)

    # Asking for life.

    def _ask(self, index: int) -> None:
        self._go(self._send_options(index))

    async def _send_options(self, index: int) -> None:
        try:
            flow = await self._flow(index)
        except Unreachable:
            self._answers(index, False)
            return
        if not self.trunk.options:
            self._later(f"options-{index}", LOOK_AGAIN, partial(self._ask, index))
        else:
            place = _at(self.trunk.places[index])
            request = self._request("OPTIONS", place, flow, place, call_id=dialogs.token())
            self._send(
                f"options-{index}",
                request,
                flow,
                lambda response: self._answers(index, response is not None and response.status not in DEAD, flow),
            )

    def _answers(self, index: int, up: bool, flow: Flow | None = None) -> None:
        if self._over:
            return
        if flow is not None and flow.peer != self._server(index):
            self._later(f"options-{index}", self.trunk.options or LOOK_AGAIN, partial(self._ask, index))
            return  # it is of a server that is no more in use
        before, self.up[index] = self.up[index], up
        another = not up and flow is not None and self._turn_from(index, flow)
        if not up and before and self.trunk.register and index == self._registration.place:
            self._registration.suspect(self._clock.seconds(), another)
            self._again()
        if self.serves or not up:
            self._say_state()
        self._later(f"options-{index}", self.trunk.options or LOOK_AGAIN, partial(self._ask, index))

    def _say_state(self) -> None:
        """Log it where the trunk has come up or gone down."""
        if self.serves is not self._said:
            self._said = self.serves
            place = self.trunk.places[self.place]
            event = "sip.trunk_up" if self.serves else "sip.trunk_down"
            self._log(event, trunk=self._name, place=f"{place.host}:{place.port}", registered=self.registered)

    # Both.

    def _request(self, method: str, to: Uri, flow: Flow, party: Uri, *more: Header, call_id: str = "") -> Request:
        """A request outside any dialog; `party` is whom it is from and about."""
        face = self._sockets.face(flow)
        headers = (
            ("Via", str(face.via(MAGIC + dialogs.token()))),
            ("Max-Forwards", "70"),
            ("From", str(NameAddr(str(party if method == "REGISTER" else face.uri()), "", (("tag", self._tag),)))),
            ("To", str(NameAddr(str(party)))),
            ("Call-ID", call_id or self._call_id),
            ("CSeq", f"{self._number if method == 'REGISTER' else 1} {method}"),
            ("User-Agent", face.product),
            *more,
        )
        return Request(headers, b"", method, str(to))

    def _send(self, what: str, request: Request, flow: Flow, heard: Heard) -> None:
        """Send it, and wait for a final answer no longer than our patience; late ones are not heard."""
        waiting = True

        def first(response: Response | None) -> None:
            nonlocal waiting
            if waiting and not self._over and (response is None or response.status >= 200):
                waiting = False
                stop(self._timers.get(what))
                try:
                    heard(response)
                except MalformedMessage as error:
                    self._log("sip.malformed", trunk=self._name, where=error.where, why=error.why)
                    heard(None)

        self._later(what, PATIENCE, lambda: first(None))
        self._wire.send(request, flow, first)

    def _later(self, what: str, seconds: float, do: Callable[[], None]) -> None:
        stop(self._timers.get(what))
        if not self._over:
            self._timers[what] = self._clock.callLater(seconds, do)

    def _go(self, work: Awaitable[None]) -> None:
        def failed(failure: Failure) -> None:
            self._log("sip.failed", trunk=self._name, error=failure.getErrorMessage())

        ensureDeferred(work).addErrback(failed)  # type: ignore[arg-type]

    @property
    def _name(self) -> str:
        return "/".join(self.trunk.owner)


def _literal(place: Place) -> tuple[Address, ...]:
    """A place that needs no looking up."""
    try:
        return (Address(plain(place.host), place.port),)
    except ValueError:
        return ()


def _at(place: Place) -> Uri:
    """A place as a URI without a user, its port named where it is not the usual one."""
    usual = 5061 if place.transport == "tls" else 5060
    return Uri("", place.host, None if place.port == usual else place.port, by(place.transport))


def _granted(response: Response, ours: Uri, asked: int) -> int:
    """For how long the PBX took our contact: its own parameter, else the header, else what we asked for."""
    for value in response.all("Contact"):
        contact = NameAddr.parse(value)
        there, given = Uri.parse(contact.uri), contact.value("expires") or ""
        same = (there.user, there.host, there.port or 5060) == (ours.user, ours.host, ours.port or 5060)
        if same and given.isascii() and given.isdigit() and len(given) < 10:
            return int(given)
    return _seconds(response, "Expires") or asked


def _seconds(response: Response, name: str) -> int:
    """A header's leading number of seconds; 0 where there is none."""
    given = next(iter(response.all(name)), "").split(";")[0].split(" ")[0].strip()
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0
