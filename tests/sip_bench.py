"""A user agent on 127.0.0.2 with real lines, and calls that write down all they are told."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from parloir.rtp.description import Address
from parloir.sip.agent import UserAgent
from parloir.sip.session import Dialog, Incoming, NotAcceptable, Session, SessionEnd
from parloir.sip.settings import Listener, Settings
from parloir.sip.stations import Station
from tests.line_children import LineChild
from tests.sip_phone import PATIENCE, Phone

OFFER = (
    "v=0\r\no=gateway 7 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\n"
    "m=audio 30000 RTP/AVP 0 9\r\nm=video 30002 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n"
)
ANSWER = OFFER.replace("gateway 7 1", "gateway 7 2")


class Call:
    """SessionEvents that remember; `answer` is given to every offer, None refuses them."""

    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor
        self.told: list[tuple[str, Any]] = []
        self.answer: str | None = ANSWER
        self._waiting: list[tuple[str, Deferred[Any]]] = []

    def _tell(self, what: str, value: Any = None) -> None:
        self.told.append((what, value))
        for wait in [w for w in self._waiting if w[0] == what]:
            self._waiting.remove(wait)
            wait[1].callback(value)

    async def told_of(self, what: str) -> Any:
        """Wait until that has happened; what came with it."""
        for name, value in self.told:
            if name == what:
                return value
        waiting: Deferred[Any] = Deferred()
        self._waiting.append((what, waiting))
        waiting.addTimeout(PATIENCE, self.reactor)
        try:
            return await waiting
        except Exception as error:
            raise AssertionError(f"not {what} within {PATIENCE} s, but {self.told}") from error

    async def ended_as(self) -> SessionEnd:
        """Wait for the end."""
        end: SessionEnd = await self.told_of("ended")
        return end

    def ringing(self, session: Session) -> None:
        self._tell("ringing")

    def answered(self, session: Session, sdp: str) -> None:
        self._tell("answered", sdp)

    async def offered(self, session: Session, sdp: str) -> str:
        self._tell("offered", sdp)
        if self.answer is None:
            raise NotAcceptable("nothing in common")
        return self.answer

    def current(self, session: Session) -> str:
        return ANSWER

    def reanswered(self, session: Session, sdp: str) -> None:
        self._tell("reanswered", sdp)

    def keyframe_wanted(self, session: Session) -> None:
        self._tell("keyframe")

    def digit(self, session: Session, digit: str) -> None:
        self._tell("digit", digit)

    def transfer_refused(self, session: Session, by: str, target: str) -> None:
        self._tell("transfer_refused", (by, target))

    def ended(self, session: Session, end: SessionEnd) -> None:
        self._tell("ended", end)


class KeptDialogs:
    """A dialog store in memory; while it is `slow` nothing counts as written."""

    def __init__(self) -> None:
        self.kept: dict[str, Dialog] = {}
        self.slow: Deferred[None] | None = None

    def save(self, dialog: Dialog) -> None:
        self.kept[dialog.session] = dialog

    def forget(self, session: str) -> None:
        self.kept.pop(session, None)

    async def written(self) -> None:
        if self.slow is not None:
            await self.slow

    async def left_over(self) -> list[Dialog]:
        return list(self.kept.values())


class Bench:
    """Agent, lines and phones of one test."""

    def __init__(self, reactor: Any, calls: int = 4, per_line: int = 4, **terms: Any) -> None:
        self.reactor = reactor
        self.phones: list[Phone] = []
        self.stations: list[Station] = []
        self.dialogs = KeptDialogs()
        self.incoming: list[Incoming] = []
        self.on_incoming: Callable[[Incoming], None] = self.incoming.append
        self.log: list[tuple[str, dict[str, Any]]] = []
        self.lines: list[LineChild] = []
        terms.setdefault("queue_timeout", 0.0)
        terms.setdefault("listen", (Listener("127.0.0.2", 0),))
        self.settings = Settings(calls=calls, calls_per_line=per_line, **terms)
        self.agent = UserAgent(
            reactor, self.settings, [], self.dialogs, lambda call: self.on_incoming(call), self._logged
        )

    def _logged(self, event: str, /, **fields: Any) -> None:
        self.log.append((event, fields))

    async def start(self) -> None:
        """Bring the agent and all its lines up."""
        await self.agent.start()
        self.lines = [LineChild(self.reactor, self.agent, index) for index in range(self.agent.line_count)]
        for line in self.lines:
            await line.up()

    async def close(self) -> None:
        """Take all down."""
        for phone in self.phones:
            phone.hang_up()
        await self.agent.stop()
        for line in self.lines:
            await line.close()
        for phone in self.phones:
            await phone.close()

    @property
    def gateway(self) -> Address:
        """Where phones reach the agent."""
        return self.agent.addresses[0]

    def phone(self, host: str = "127.0.0.3", user: str = "1001", trusted: bool = True) -> Phone:
        """A phone, and a station that is trusted by its address unless told otherwise."""
        phone = Phone(self.reactor, host, user)
        phone.gateway = self.gateway
        self.phones.append(phone)
        if trusted:
            self.stations.append(Station("north", f"pod-{len(self.stations)}", Address(host, phone.port), user))
            self.agent.stations.replace(self.stations)
        return phone

    async def ring(self, phone: Phone, sdp: str = OFFER, caller: str = "") -> tuple[Session, Call]:
        """Have the agent invite a phone."""
        call = Call(self.reactor)
        return await self.agent.invite(_Target(phone), sdp, call, caller), call

    async def talk(self, phone: Phone, sdp: str) -> tuple[Session, Call, Any]:
        """A call to a phone that answers with this SDP, and the INVITE it got."""
        session, call = await self.ring(phone)
        invite = await phone.request("INVITE")
        phone.respond(invite, 180)
        await call.told_of("ringing")
        phone.respond(invite, 200, sdp)
        await phone.request("ACK")
        await call.told_of("answered")
        return session, call, invite

    async def idle(self) -> None:
        """Wait until every slot is free and no leg is left."""
        await self.until(lambda: self.agent.lines.free == self.settings.calls and not self.agent.edge.legs)

    async def until(self, truth: Callable[[], bool]) -> None:
        """Wait until something is so."""
        for _ in range(500):
            if truth():
                return
            await self.pause(0.01)
        raise AssertionError(f"{self.agent.lines.free} slots free, legs {list(self.agent.edge.legs)}, {self.log[-5:]}")

    async def pause(self, seconds: float) -> None:
        """Let the reactor run."""
        waiting: Deferred[None] = Deferred()
        self.reactor.callLater(seconds, waiting.callback, None)
        await waiting


class _Target:
    def __init__(self, phone: Phone) -> None:
        self.user, self.host, self.port = phone.user, phone.host, phone.port
        self.transport = phone.transport_name
