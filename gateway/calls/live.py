"""A call in progress: takes one event at a time to the table and carries out what the table asks."""

from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.error import ConnectionClosed
from twisted.python.failure import Failure

from parloir.calls import reason as reasons
from parloir.calls.bridge import Bridge
from parloir.calls.call import LIVE, Call, Do, Event, Hold, Recorded, State
from parloir.calls.fare import Fare
from parloir.calls.media_side import MediaSide
from parloir.calls.page_side import PageSide
from parloir.calls.phone_side import PhoneSide
from parloir.calls.reason import Reason
from parloir.calls.relays import NoRelay
from parloir.calls.time_side import TimeSide
from parloir.calls.timeline import Timelines
from parloir.calls.timers import Timers
from parloir.config import prompts
from parloir.policy import values
from parloir.policy.answers import CallClass
from parloir.policy.decision import Decision
from parloir.policy.notices import NOTICE, told
from parloir.policy.reasons import for_visitor
from parloir.relay import commands
from parloir.relay.bodies import Report
from parloir.rtp.errors import RtpError
from parloir.sip.errors import Unreachable
from parloir.sip.session import Incoming, NoFreeLine, NotAcceptable, Session, SessionEvents
from parloir.store.visits import Visit
from parloir.webrtc.signalling import ToPage, Warn

BROWSER_MAY_TAKE = 20.0
LEGS_MAY_TAKE = 5.0
FAREWELL_MAY_TAKE = 8.0


@dataclass(frozen=True)
class Terms:
    """What the facility and the gateway settle for a call: language, seconds."""

    language: str
    video: bool
    rejoin_window: float
    tone: float | None = None


@dataclass(frozen=True)
class Around:
    """What a call needs of the gateway, and tells it.

    `decide` asks the facility's policies; only then is `bridge` made, of the class they settled. `find` says at which
    host the phone is now, `invite` starts its leg with our offer; `record` is called when the notice has been heard,
    and `recorded` waits for the end of the recording; `over` is called once, when all is closed and noted. `fare` says
    what a call comes to as it goes on, None where nobody is to be told.
    """

    reactor: Any
    timelines: Timelines
    say: Callable[[ToPage], None]
    decide: Callable[[], Awaitable[Decision]]
    bridge: Callable[["LiveCall", bool], Bridge]
    find: Callable[[], Awaitable[str]]
    invite: Callable[[str, SessionEvents], Awaitable[Session]]
    over: Callable[["LiveCall"], None]
    record: Callable[["LiveCall"], Awaitable[None]]
    recorded: Callable[["LiveCall"], Awaitable[None]]
    consent: Callable[["LiveCall"], Awaitable[None]] | None = None
    block: Callable[["LiveCall"], None] = lambda call: None
    fare: Callable[[values.Call, Decision], Fare | None] = lambda call, decision: None


class LiveCall:
    """One call: the table's state and both legs; `incoming` is the phone that dialled, None where it is to be rung.

    `phone` hears the phone's leg, `media` the relay, `page` the visitor's page; `time` ends it when its time is over.
    """

    def __init__(self, id: str, visit: Visit, terms: Terms, around: Around, incoming: Incoming | None = None) -> None:
        self.id = id
        self.visit = visit
        self.terms = terms
        self.around = around
        self.call = Call()
        self.decision: Decision | None = None
        self.shown: values.Call | None = None
        self.recorded = Recorded.NO
        self.incoming = incoming
        self.opened = around.timelines.clock.wall()
        self.session: Session | None = None
        self.report: Report | None = None
        self.phone = PhoneSide(self)
        self.media = MediaSide(self)
        self.page = PageSide(self)
        self._bridge: Bridge | None = None
        self._events: deque[tuple[Event, Hold | None, Reason | None]] = deque()
        self._stepping = False
        self._announcing = 0
        self._connected = False
        self.timers = Timers(around.reactor)
        self.time = TimeSide(self)
        self._session_over: Deferred[None] = Deferred()
        self._effects: dict[Do, Callable[[], None]] = {
            Do.ASK_POLICIES: lambda: self.go(self._ask_policies()),
            Do.CONNECT_PHONE: lambda: self.go(self._connect_phone()),
            Do.TELL_RINGING: lambda: self.page.show("ringing"),
            Do.CONNECT_BROWSER: lambda: self.go(self._connect_browser()),
            Do.ANNOUNCE: lambda: self.go(self._announce()),
            Do.JOIN_MEDIA: lambda: self.go(self._join()),
            Do.PART_MEDIA: self._part,
            Do.ASK_TO_WAIT: self._ask_to_wait,
            Do.STOP_WAITING: self._stop_waiting,
            Do.TELL_HELD: self.page.show_holds,
            Do.WARN: self.time.tell_left,
            Do.TELL_CLOSING: self.page.tell_closing,
            Do.CLOSE_LEGS: lambda: self.go(self._close_legs()),
            Do.SETTLE: self._settle,
        }

    @property
    def state(self) -> State:
        """Where the call stands."""
        return self.call.state

    @property
    def bridge(self) -> Bridge:
        """The call's media; raises NoSuchBridge before the policies have allowed it."""
        if self._bridge is None:
            raise commands.NoSuchBridge(self.id)
        return self._bridge

    @property
    def has_bridge(self) -> bool:
        """Whether there is media to speak of yet."""
        return self._bridge is not None

    @property
    def live(self) -> bool:
        """Whether the call has not begun to end."""
        return self.state in LIVE

    def begin(self) -> None:
        """Start the call and its clock."""
        self.time.begin()
        if self.incoming is not None:
            self.incoming.on_cancel(lambda end: self.end(reasons.of_phone(end)))
        self.feed(Event.START)

    def end(self, reason: Reason) -> None:
        """End the call, whatever its state; the first reason stands."""
        self.feed(Event.END, reason=reason)

    def end_announced(self, reason: Reason, said: str, prompt: str = prompts.LOCKDOWN) -> None:
        """End the call, both sides being told why first where they are connected; what they say is no more heard."""
        if Hold.FAREWELL in self.call.holds:
            return  # it is being told already
        if self.state in (State.ANNOUNCING, State.ACTIVE):
            self.page.say(Warn(text=said))
            self.feed(Event.HELD, hold=Hold.FAREWELL)
            self.timers.start("farewell", FAREWELL_MAY_TAKE, lambda: self.end(reason))
            self.go(self._farewell(reason, prompt))
        else:
            self.end(reason)

    async def _farewell(self, reason: Reason, prompt: str) -> None:
        connected = "phone" if Hold.BROWSER in self.call.holds else "both"
        await self.bridge.play(prompt, connected, interrupt=True)
        self.end(reason)

    def closing(self) -> None:
        """The gateway will close: those who talk are told, those who do not are ended."""
        if self.state in (State.JOINING, State.ANNOUNCING, State.ACTIVE):
            self.feed(Event.CLOSING)
        else:
            self.end(reasons.ServiceClosing())

    def feed(self, event: Event, *, hold: Hold | None = None, reason: Reason | None = None) -> None:
        """Take an event: the table moves, then all its effects are carried out, then the next event is taken."""
        self._events.append((event, hold, reason))
        if self._stepping:
            return
        self._stepping = True
        try:
            while self._events:
                self._step(*self._events.popleft())
        finally:
            self._stepping = False

    def _step(self, event: Event, hold: Hold | None, reason: Reason | None) -> None:
        before = self.state
        effects = self.call.step(event, hold=hold, reason=reason)
        if before in LIVE:
            facts = {"by": hold.value} if hold else {}
            if reason:
                facts = {"reason": reason.name, **reason.facts()}
            self.note(event.value, state=self.state.value, **facts)
        for effect in effects:
            self._effects[effect]()

    def session_over(self) -> None:
        """The phone's leg is closed."""
        if not self._session_over.called:
            self._session_over.callback(None)

    def note(self, kind: str, /, **data: Any) -> None:
        """Put something on the call's timeline."""
        self.around.timelines.event(self.id, kind, **data)

    def go(self, work: Coroutine[Any, Any, Any]) -> None:
        ensureDeferred(work).addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, commands.Interrupted | commands.NoSuchBridge | ConnectionClosed):
            return  # what cut it short has its own event
        if not self.live:
            self.note("fault", error=f"{type(error).__name__}: {error}")
            if self.state is State.ENDING:
                self.feed(Event.LEGS_CLOSED)
            return
        match error:
            case RtpError() | NotAcceptable():
                self.end(reasons.CodecMismatch(str(error)))
            case Unreachable():
                self.end(reasons.Unreachable())
            case NoFreeLine() | NoRelay() | commands.NoPorts():
                self.end(reasons.NoCapacity())
            case _:
                self.end(reasons.Failed(f"{type(error).__name__}: {error}"))

    async def _ask_policies(self) -> None:
        decision = await self.around.decide()
        if not self.live:
            return
        self.decision = decision
        self.around.timelines.decided(self.id, decision)
        if denial := decision.denial:
            text = for_visitor(denial, self.terms.language)
            self.end(reasons.Denied(denial.plugin, denial.code, denial.kind.value, said=text))
            return
        self.page.show_price(decision)
        self._bridge = self.around.bridge(self, decision.call_class is not CallClass.ORDINARY)
        self.feed(Event.ALLOWED)

    async def _connect_phone(self) -> None:
        if self.around.consent is not None:
            await self.around.consent(self)
            if not self.live:
                return
        host = await self.around.find()
        if not self.live:
            return
        await self.bridge.open(host, self.terms.video)
        if not self.live:
            return
        incoming = self.incoming
        if incoming is None:
            await self._ring()
        elif self.bridge.phone is not None:
            self.session = incoming.accept("", self.phone)
        elif incoming.offer is None:
            self.session = incoming.accept(self.bridge.offer_to_phone(), self.phone)
        else:
            self.session = incoming.accept(self.bridge.answer_to_phone(incoming.offer), self.phone)

    async def _ring(self) -> None:
        session = await self.around.invite(self.bridge.offer_to_phone(), self.phone)
        self.session = session
        self.note("invited", session=session.id)
        if not self.live:
            session.end()

    def ring_again(self) -> bool:
        """Whether the phone is rung anew with a plain offer, because it refused the encrypted one (srtp: optional)."""
        waiting = self.incoming is None and self.state in (State.INVITING, State.RINGING)
        if not waiting or not self.bridge.fall_back():
            return False
        self.note("encryption_refused")
        self.go(self._ring())
        return True

    async def _connect_browser(self) -> None:
        self.time.phone_answered()
        self.page.show("connecting")
        self.timers.start("rejoin", BROWSER_MAY_TAKE, lambda: self.end(reasons.MediaLost("browser")))
        await self.page.connect()
        if self.bridge.differs and self.session is not None:
            self.session.restate()

    async def _announce(self) -> None:
        """Say every announcement to both, the gateway's own notice last: only after that may media be joined."""
        assert self.decision is not None
        self._announcing += 1
        turn = self._announcing
        text = " ".join(each.words.pick(self.terms.language) for each in self.decision.announcements)
        self.page.announce(text)
        *others, last = sorted(self.decision.announcements, key=lambda each: each.code == NOTICE.code)
        for each in others:
            await self.bridge.play_announcement(each, "both")
            if turn != self._announcing:
                return
        await self.bridge.announce(last, told(self.decision.announcements))
        if turn == self._announcing:
            await self.around.record(self)
        if turn == self._announcing:
            self.feed(Event.ANNOUNCED)

    async def _join(self) -> None:
        await self.bridge.do(commands.Join)
        if not self._connected:
            self._connected = True
            self.time.connected()
            self._remind_later()
        if self.call.joined:
            self.time.joined()
            self.page.show("talking")

    def _part(self) -> None:
        self.time.parted()
        self.go(self.bridge.do(commands.Part))

    def _remind_later(self) -> None:
        """Have both hear, every now and then, that the call is recorded."""
        if self.terms.tone is not None and self.recorded is Recorded.YES:
            self.timers.start("tone", self.terms.tone, self._remind)

    def _remind(self) -> None:
        if self.call.joined and self.recorded is Recorded.YES:
            self.go(self.bridge.play(prompts.TONE, "both"))
        self._remind_later()

    def _ask_to_wait(self) -> None:
        self.page.show_held("browser")
        self.timers.start("rejoin", self.terms.rejoin_window, lambda: self.end(reasons.MediaLost("browser")))
        self.go(self.bridge.play("please-wait", "phone", times=0))

    def _stop_waiting(self) -> None:
        self.timers.stop("rejoin")
        self.go(self.bridge.do(commands.StopPrompts))

    async def _close_legs(self) -> None:
        self.timers.stop_all()
        self.timers.start("closing", LEGS_MAY_TAKE, self._legs_closed)
        if self.session is not None:
            self.session.end()
        elif self.incoming is not None:
            self.incoming.reject(488 if isinstance(self.call.reason, reasons.CodecMismatch) else 480)
        if self._bridge is not None:
            self.report = await self._bridge.close()
            await self.around.recorded(self)
        if self.session is not None:
            await self._session_over
        self._legs_closed()

    def _legs_closed(self) -> None:
        self.timers.stop_all()
        self.feed(Event.LEGS_CLOSED)

    def _settle(self) -> None:
        assert self.call.reason is not None
        if self.report is not None:
            self.note("report", **self.report.model_dump(mode="json"))
        self.note("ended", reason=self.call.reason.name)
        self.around.over(self)
