"""The messages between a visitor's page and the gateway, one JSON object each, named by `type`."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter


class Message(BaseModel):
    """Base of all messages: frozen, and no unknown field."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Join(Message):
    """The visitor pressed Join: here is the browser's offer (SDP). Also how a reloaded page comes back."""

    type: Literal["join"] = "join"
    sdp: str = Field(max_length=32_000)


class Restart(Message):
    """The network changed: an offer with new ICE credentials for the connection that exists."""

    type: Literal["restart"] = "restart"
    sdp: str = Field(max_length=32_000)


class Leave(Message):
    """The visitor hung up."""

    type: Literal["leave"] = "leave"


class Accept(Message):
    """The visitor takes the call that rings, knowing what the page said about it."""

    type: Literal["accept"] = "accept"


class Decline(Message):
    """The visitor does not take it."""

    type: Literal["decline"] = "decline"


class Block(Message):
    """The visitor does not take it, and wants no more calls from this resident."""

    type: Literal["block"] = "block"


class Ping(Message):
    """Are you there? Answered with Pong."""

    type: Literal["ping"] = "ping"


FromPage = Annotated[Join | Restart | Leave | Accept | Decline | Block | Ping, Field(discriminator="type")]
from_page: TypeAdapter[FromPage] = TypeAdapter(FromPage)


class IceServer(Message):
    """A TURN server with credentials that expire (coturn's REST scheme)."""

    urls: tuple[str, ...]
    username: str
    credential: str


class Welcome(Message):
    """First message to a page: whose visit, when, and how to reach us. Times in UTC."""

    type: Literal["welcome"] = "welcome"
    visitor: str
    facility: str
    station: str
    start: datetime
    end: datetime
    now: datetime
    ice_servers: tuple[IceServer, ...] = ()
    relay_only: bool = False


class PriceStep(Message):
    """From this second of a call on, a minute costs so much, in micro-dollars."""

    from_second: int
    per_minute: int


class TaxRate(Message):
    """A tax that comes on top: so many millionths of the charge."""

    code: str
    ppm: int


class Price(Message):
    """What the visit's call costs: `expected` as it would be now, `agreed` once it is allowed and before the phone
    rings. `unknown`: it is told then; `refused`: nobody has the money that it would take.

    A call without steps is free. `most` (micro-dollars, taxes included) is what it may come to in the `seconds` that it
    may last (None: without end); `sooner`: it is the payer's money that ends it then, and not the visit's time.
    """

    type: Literal["price"] = "price"
    state: Literal["expected", "agreed", "unknown", "refused"]
    private: bool = False
    payer: Literal["resident", "visitor", "facility", "nobody"] = "nobody"
    steps: tuple[PriceStep, ...] = ()
    taxes: tuple[TaxRate, ...] = ()
    most: int = 0
    seconds: int | None = None
    sooner: bool = False


class Meter(Message):
    """What the visit's call has come to so far, in micro-dollars with taxes: what it would be charged if somebody hung
    up now. Sent as soon as that rises, and when media begins or ceases to flow; never for a call that is free.

    `left` is for how many seconds more of talking there is money (None: for all the time there is); `runs`: media
    flows, so that they pass.
    """

    type: Literal["meter"] = "meter"
    total: int
    left: float | None = None
    runs: bool


class TaxPaid(Message):
    """A tax on a charge, in micro-dollars."""

    code: str
    amount: int


class CallCost(Message):
    """What one call was charged for its whole seconds of talking, and what of that was given back; micro-dollars."""

    call: str
    began: datetime
    seconds: int
    charge: int
    taxes: tuple[TaxPaid, ...] = ()
    total: int
    refunded: int = 0


class Cost(Message):
    """What the visit's calls have cost, the earliest first; sent again whenever one more is settled.

    `settling`: there is one that is not settled yet. `refunds` is where the page may ask for money back, from the API's
    root on; "" where nobody takes such requests.
    """

    type: Literal["cost"] = "cost"
    calls: tuple[CallCost, ...] = ()
    settling: bool = False
    refunds: str = ""


class Status(Message):
    """Where the visit stands. `waiting`: before its time or for the phone to dial; `connecting`: answered, no media
    yet; `held`: media paused, `why` says by whom. `called`: somebody calls, `text` says who, `terms` what both will be
    told before they hear each other, and the page answers Accept, Decline or, with `may_block`, Block.

    `ends` is when the time runs out, once known; the money may run out before (Meter).
    """

    type: Literal["status"] = "status"
    state: Literal["waiting", "called", "ringing", "connecting", "notice", "talking", "held"]
    why: str = ""
    text: str = ""
    terms: str = ""
    may_block: bool = False
    ends: datetime | None = None


class Answer(Message):
    """Our answer (SDP) to Join or Restart. `video` false comes with the reason in plain words; `width`, `height`,
    `frame_rate` and `bitrate` (bits a second) are the most the phone can take."""

    type: Literal["answer"] = "answer"
    sdp: str
    video: bool
    why_no_video: str = ""
    width: int | None = None
    height: int | None = None
    frame_rate: float | None = None
    bitrate: int | None = None


class Notice(Message):
    """The text of what is being played to both, to be shown while it is heard."""

    type: Literal["notice"] = "notice"
    text: str


class Warn(Message):
    """Something to show during the call, such as the last minute."""

    type: Literal["warn"] = "warn"
    text: str


class Hint(Message):
    """How the line is doing, for the page's quality hint."""

    type: Literal["hint"] = "hint"
    quality: Literal["good", "fair", "poor"]


class Ended(Message):
    """The visit's call is over. `reason` is the typed reason's name, `text` what the visitor should read;
    `again` says whether pressing Join again may work."""

    type: Literal["ended"] = "ended"
    reason: str
    text: str
    again: bool = False


class Failed(Message):
    """The page's last message could not be taken; the call, if any, goes on."""

    type: Literal["failed"] = "failed"
    text: str


class Pong(Message):
    """Answer to Ping."""

    type: Literal["pong"] = "pong"


ToPage = Welcome | Price | Meter | Cost | Status | Answer | Notice | Warn | Hint | Ended | Failed | Pong
