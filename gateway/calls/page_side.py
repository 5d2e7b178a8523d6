"""What the visitor's page is told of its call, and does to it."""

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from parloir.calls import words
from parloir.calls.call import Hold, Recorded, State
from parloir.calls.deadline import LAST_MINUTE, LAST_SECONDS
from parloir.calls.price_tag import price_tag
from parloir.calls.reason import VisitorAway, VisitorBlocked, VisitorDeclined, VisitorLeft
from parloir.calls.talk import AGREED
from parloir.config import prompts
from parloir.policy.decision import Decision
from parloir.webrtc.sdp import BrowserOffer
from parloir.webrtc.signalling import Accept, Block, Decline, Notice, Price, Status, Warn

if TYPE_CHECKING:
    from parloir.calls.live import LiveCall

PAGE_MAY_BLINK = 10.0
MAY_RING = 45.0
"""How long a page rings that nobody answers."""


class PageSide:
    """Speaks to the page in the facility's language, hears it, and feeds its call."""

    def __init__(self, live: "LiveCall") -> None:
        self._live = live
        self._shown: Status | None = None
        self._price: Price | None = None
        self._consent: Deferred[None] | None = None
        self.say = live.around.say

    def show(self, state: Any, why: str = "", text: str = "") -> None:
        """Tell the page where the visit stands, and remember it for a page that comes back."""
        self._shown = Status(state=state, why=why, text=text, ends=self._live.time.latest)
        self.say(self._shown)

    def show_again(self) -> None:
        """Tell a page that came back what the last one knew."""
        if self._price is not None:
            self.say(self._price)
        if self._shown is not None:
            self.say(self._shown)
        self._live.time.tell()
        if self._live.recorded is Recorded.FAILED:
            self.say(Warn(text=self._pick(words.NOT_RECORDED)))

    def show_price(self, decision: Decision) -> None:
        """Tell what the call costs, as it is agreed now: before the phone rings."""
        self._price = price_tag(decision, agreed=True)
        if self._price is not None:
            self.say(self._price)

    def show_held(self, by: str) -> None:
        """Tell who keeps the parties apart."""
        self.show("held", by, self._pick(words.PAUSES[by]))

    def show_holds(self) -> None:
        """Tell who keeps the parties apart, the first of them if there are several."""
        self.show_held(min(self._live.call.holds, key=list(Hold).index).value)

    def announce(self, text: str) -> None:
        """Show what is being announced."""
        self.show("notice", text=text)
        self.say(Notice(text=text))

    def tell_left(self, seconds: int, money: bool) -> None:
        """Tell both how much time is left; `money`: it ends because what pays for it is used up."""
        language = self._live.terms.language
        if money:
            self._tell(prompts.BALANCE_LOW, words.money_left(seconds, language))
        elif seconds == LAST_MINUTE:
            self._tell(prompts.ONE_MINUTE, self._pick(words.LAST_MINUTE))
        elif seconds == LAST_SECONDS:
            self._tell(prompts.TEN_SECONDS, words.left(seconds, language))
        else:
            self.say(Warn(text=words.left(seconds, language)))

    def tell_closing(self) -> None:
        """Tell both that the gateway closes."""
        self._tell(prompts.CLOSING, self._pick(words.CLOSING))

    def tell_unrecorded(self) -> None:
        """Tell both, each for themselves should the other be away, that the call goes on unrecorded."""
        live = self._live
        self.say(Warn(text=self._pick(words.NOT_RECORDED)))
        for leg in ("phone", "browser"):
            live.go(live.bridge.play(prompts.NOT_RECORDED, leg))

    def _tell(self, prompt: str, text: str) -> None:
        self.say(Warn(text=text))
        self._live.go(self._live.bridge.play(prompt, "both"))

    def _pick(self, pair: tuple[str, str]) -> str:
        return words.pick(pair, self._live.terms.language)

    # A call from inside.

    async def ask(self, caller: str, terms: str, may_block: bool) -> None:
        """Ring the page until the visitor takes the call; whatever else they want, or nothing, ends it."""
        live = self._live
        text = (
            self._pick(words.CALLED).format(name=caller)
            if caller
            else self._pick(words.CALLED_BY_SOMEBODY).format(facility=live.visit.facility)
        )
        self._shown = Status(state="called", text=text, terms=terms, may_block=may_block, ends=live.time.latest)
        self._consent = Deferred()
        live.note("page_rings")
        self.say(self._shown)
        live.timers.start("consent", MAY_RING, lambda: live.end(VisitorAway()))
        await self._consent
        live.timers.stop("consent")
        live.note("consented", terms=terms)

    def decided(self, message: Accept | Decline | Block) -> None:
        """What the visitor makes of a call that rings; nothing once they have made up their mind."""
        asked, self._consent = self._consent, None
        if asked is None or not self._live.live:
            return
        match message:
            case Accept():
                asked.callback(None)
            case Decline():
                self._live.end(VisitorDeclined())
            case Block() if self._shown is not None and self._shown.may_block:
                self._live.around.block(self._live)
                self._live.end(VisitorBlocked())
            case _:
                self._live.end(VisitorDeclined())

    # What the page does.

    def gone(self) -> None:
        """The page is gone before media: give it a moment to come back."""
        if self._live.state in (State.AUTHORIZING, State.INVITING, State.RINGING):
            self._live.timers.start("page", PAGE_MAY_BLINK, lambda: self._live.end(VisitorLeft()))

    def back(self, offer: BrowserOffer) -> None:
        """A page joined again, with a connection of its own: it takes the place of the one before."""
        live = self._live
        live.timers.stop("page")
        live.note("page_joined_again")
        if live.has_bridge:
            live.bridge.browser = offer
        if live.state in (State.JOINING, State.ANNOUNCING, State.ACTIVE):
            live.go(self._connect_again())
        else:
            self.show_again()

    async def _connect_again(self) -> None:
        await self.connect()
        self.show_again()

    async def connect(self) -> None:
        """Answer the page's latest offer with a connection, and note whether there is a picture."""
        answer = await self._live.bridge.connect_browser()
        self._live.note(AGREED, video=answer.video)
        self._live.time.agreed(answer.video)
        self.say(answer)

    def restart(self, offer: BrowserOffer) -> None:
        """The page's network changed."""
        self._live.note("ice_restart")
        self._live.go(self._restart(offer))

    async def _restart(self, offer: BrowserOffer) -> None:
        self.say(await self._live.bridge.restart(offer))
