"""Phones that register here: let in to the challenge, kept across a restart, found when they are called."""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from twisted.internet.defer import ensureDeferred
from twisted.python.failure import Failure

from parloir.sip.admission import Admission, Verdict
from parloir.sip.authenticator import Authenticator
from parloir.sip.authenticator import Verdict as Proof
from parloir.sip.ban import Ban, BanStore
from parloir.sip.binding import Binding, BindingStore
from parloir.sip.digest import Credentials
from parloir.sip.errors import MalformedMessage, NotRegistered
from parloir.sip.flow import Flow
from parloir.sip.logins import Logins, StationLogin
from parloir.sip.message import Request
from parloir.sip.registrar import Outcome, Owner, Registrar
from parloir.sip.settings import Settings
from parloir.sip.surroundings import Log
from parloir.sip.target import Registered, Way
from parloir.sip.transactions import Asked
from parloir.sip.uri import Uri

MOST_CREDENTIALS = 4
PAUSE = 10.0
PUZZLED = 3
MOST_PUZZLED = 256


class Registrations:
    """The logins, their bindings and the bans. Seconds since 1970 come from `wall`.

    `spares` says which hosts a ban does not silence: those that the configuration names. It only ends their guessing.
    """

    def __init__(
        self,
        settings: Settings,
        bindings: BindingStore,
        bans: BanStore,
        log: Log,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.logins = Logins()
        self.admission = Admission(settings.admission)
        self._bindings = bindings
        self._bans = bans
        self._log = log
        self._wall = wall
        self._registrar = Registrar(settings.registrar, lambda: secrets.token_hex(12))
        self._authenticator = Authenticator(
            secrets.token_bytes(32), lambda: secrets.token_hex(8), algorithms=settings.algorithms
        )
        self._by_flow: dict[str, tuple[Binding, ...]] = {}
        self._hosts: frozenset[str] = frozenset()
        self._proven: dict[str, Owner] = {}
        self._looked = 0.0
        self._unanswered: OrderedDict[str, int] = OrderedDict()
        self.spares: Callable[[str], bool] = lambda host: False

    async def restore(self) -> None:
        """Take up what a previous run left."""
        self._registrar.restore(await self._bindings.left_over())
        self.admission.restore(await self._bans.left_over())
        self.tidy()

    def tidy(self) -> None:
        """Forget what has expired, what belongs to no login, and bans of long ago."""
        self._forget(self.logins.owners)
        for host in self.admission.forgive(self._wall()):
            self._bans.forget(host)

    def _forget(self, others_than: set[Owner]) -> None:
        """Drop the bindings that have expired, and those of none of these stations."""
        now = self._looked = self._wall()
        for binding in self._registrar.expire(now, others_than):
            self._bindings.forget(binding.id)
            self._log("sip.expired", station=_name(binding.owner), peer=Flow.parse(binding.flow).peer.host)
        self._index()

    def _index(self) -> None:
        by_flow: dict[str, tuple[Binding, ...]] = {}
        for binding in self._registrar.all(self._wall()):
            by_flow[binding.flow] = (*by_flow.get(binding.flow, ()), binding)
        self._by_flow = by_flow
        self._hosts = frozenset(Flow.parse(flow).peer.host for flow in by_flow)
        self._proven = {flow: owner for flow, owner in self._proven.items() if flow in by_flow}

    @property
    def now(self) -> float:
        """Seconds since 1970."""
        return self._wall()

    # Who is read.

    def knows(self, host: str) -> bool:
        """Whether a phone is registered from there."""
        return host in self._hosts

    @property
    def welcomes(self) -> bool:
        """Whether phones may come to register, from wherever they are."""
        return len(self.logins) > 0

    def banned(self, host: str) -> bool:
        """Whether nothing of that host's is read."""
        return self.admission.banned(host, self._wall()) and not self.spares(host)

    def judge(self, flow: Flow, known: bool, data: bytes) -> Verdict:
        """Whether to read a message; one on a registered flow is a sign of the phone's life."""
        now = self._wall()
        if abs(now - self._looked) >= PAUSE:
            self.tidy()
        host = flow.peer.host
        registers = not known and self.logins.are_meant(data)
        verdict = self.admission.judge(host, known, registers, data, now, known and self.spares(host))
        if verdict is Verdict.IN:
            for binding in self._by_flow.get(str(flow), ()) if known else ():
                self._registrar.touch(binding, now)
        return verdict

    # What they ask.

    def of(self, facility: str, station: str) -> tuple[Binding, ...]:
        """A station's bindings, the newest first."""
        return self._registrar.of((facility, station), self._wall())

    def way(self, target: Registered, is_open: Callable[[Flow], bool]) -> Way:
        """How to call a registered phone: by the flow that it registered on. Raises NotRegistered where there is none.

        Of several, one whose flow `is_open`; a connection that is gone is made again to where the phone listens.
        """
        ways = [_way(binding) for binding in self.of(target.facility, target.station)]
        if not ways:
            raise NotRegistered(target.facility, target.station)
        return next((way for way in ways if is_open(way.flow)), ways[0])

    def registered(self, asked: Asked, login: StationLogin) -> None:
        """A REGISTER for one of the logins. Raises MalformedMessage, for which nothing has been done.

        It is answered once a restart cannot undo it, and at once where it changes nothing.
        """
        if not self.proves(asked, login):
            return
        flow, now = str(asked.source), self._wall()
        before = {binding.contact for binding in self._registrar.of(login.owner, now)}
        outcome = self._registrar.register(login.owner, asked.request, flow, now)
        for binding in outcome.kept:
            self._bindings.save(binding)
        for binding in outcome.gone:
            self._bindings.forget(binding.id)
        self._proven[flow] = login.owner
        self._index()
        self._tell(login, asked, outcome, before)
        if outcome.kept or outcome.gone:
            ensureDeferred(self._answer_kept(asked, outcome)).addErrback(self._unanswerable, login)
        else:
            _answer(asked, outcome)

    async def _answer_kept(self, asked: Asked, outcome: Outcome) -> None:
        await self._bindings.written()
        _answer(asked, outcome)

    def _unanswerable(self, failure: Failure, login: StationLogin) -> None:
        self._log("sip.failed", station=_name(login.owner), method="REGISTER", error=failure.getErrorMessage())

    def _tell(self, login: StationLogin, asked: Asked, outcome: Outcome, before: set[str]) -> None:
        """Only what changes is worth a line: not each refresh."""
        station, peer = _name(login.owner), asked.source.peer.host
        if outcome.status != 200:
            self._log("sip.not_registered", station=station, peer=peer, status=outcome.status, why=outcome.phrase)
        elif new := [binding for binding in outcome.kept if binding.contact not in before]:
            agent = new[0].user_agent
            self._log("sip.registered", station=station, peer=peer, transport=asked.source.transport, agent=agent)
        elif outcome.gone:
            self._log("sip.unregistered", station=station, peer=peer)

    def vouches(self, asked: Asked, login: StationLogin) -> bool:
        """Whether a call is the station's own: on the connection that it registered on, or with its password.

        A datagram's sender can be forged, so one needs the password each time. Where False, the phone was answered.
        """
        flow = asked.source
        if flow.reliable and self._proven.get(str(flow)) == login.owner:
            return True
        return self.proves(asked, login)

    def proves(self, asked: Asked, login: StationLogin) -> bool:
        """Whether a request shows the login's password; where it does not, it is answered, and a wrong one counted."""
        host, now, seconds = asked.source.peer.host, self._wall(), asked.side.clock.seconds()
        if self.admission.banned(host, now):
            asked.respond(403)
            return False
        shown = _shown(asked.request, login.login.realm)
        proof = Proof.UNPROVEN
        if shown is not None:
            request = asked.request
            proof = self._authenticator.judge(shown, login.login, request.method, request.uri, host, seconds)
        if proof is Proof.RIGHT:
            self._unanswered.pop(host, None)
            self.admission.succeeded(host)
            return True
        if proof is Proof.WRONG:
            self._log("sip.wrong_password", station=_name(login.owner), peer=host)
            self._failed(host, now)
            asked.respond(403)
            return False
        self._puzzled(login, host, shown is None)
        challenges = self._authenticator.challenges(login.login, host, seconds, stale=proof is Proof.STALE)
        asked.respond(401, *(("WWW-Authenticate", challenge) for challenge in challenges))
        return False

    def _puzzled(self, login: StationLogin, host: str, silent: bool) -> None:
        """Say it where a phone is challenged again and again and never answers: its hash may be another."""
        asked = self._unanswered.pop(host, 0) + 1 if silent else 0
        self._unanswered[host] = asked
        if len(self._unanswered) > MOST_PUZZLED:
            self._unanswered.popitem(last=False)
        if asked == PUZZLED:
            why = "the phone does not answer challenges; if it knows MD5 alone, set its login.algorithms: [md5]"
            self._log("sip.challenge_unanswered", station=_name(login.owner), peer=host, why=why)

    def _failed(self, host: str, now: float) -> None:
        ban = self.admission.failed(host, now)
        if ban is not None:
            self._bans.save(ban)
            self._log("sip.banned", peer=host, seconds=round(ban.until - ban.since), times=ban.count)

    def lost(self, flow: Flow) -> None:
        """A connection is gone: whoever comes by the same address again must prove itself."""
        self._proven.pop(str(flow), None)

    # For the operator.

    def replace(self, logins: list[StationLogin]) -> None:
        """Take these logins from now on; the phones of those that are no more, or are others now, are forgotten."""
        before = self.logins.all
        self.logins.replace(logins)
        changed = {login.owner for login in before - self.logins.all}
        self._forget(self.logins.owners - changed)

    def settle(self, settings: Settings) -> None:
        """Take other terms for registering and for being read. What was granted, and who is banned, stays; but nobody
        is banned whom they allow."""
        self._registrar.terms = settings.registrar
        self._authenticator.algorithms = settings.algorithms
        for host in self.admission.settle(settings.admission):
            self._bans.forget(host)

    def bans(self) -> list[Ban]:
        """The bans in force, the first to end first."""
        return self.admission.bans(self._wall())

    def lift(self, host: str) -> bool:
        """End a ban; whether there was one."""
        if not self.admission.lift(host):
            return False
        self._bans.forget(host)
        self._log("sip.ban_lifted", peer=host)
        return True


def _shown(request: Request, realm: str) -> Credentials | None:
    """The credentials for our realm, if there are any that can be read."""
    for text in request.all("Authorization")[:MOST_CREDENTIALS]:
        try:
            shown = Credentials.parse(text)
        except MalformedMessage:
            continue
        if shown is not None and shown.realm == realm:
            return shown
    return None


def _answer(asked: Asked, outcome: Outcome) -> None:
    asked.respond(outcome.status, *outcome.headers, phrase=outcome.phrase)


def _way(binding: Binding) -> Way:
    flow, contact = Flow.parse(binding.flow), Uri.parse(binding.contact)
    if flow.reliable and contact.host == flow.peer.host and not binding.path:
        flow = replace(flow, back=contact.port or flow.default_port)
    return Way(flow, contact, binding.path)


def _name(owner: Owner) -> str:
    return "/".join(owner)
