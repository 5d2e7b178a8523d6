"""How long a call may go on, and what that has come to: its end, the warnings before it, and what the page is told."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from parloir.calls import reason as reasons
from parloir.calls.call import Event
from parloir.calls.deadline import LAST_MINUTE, Deadline
from parloir.calls.fare import Fare
from parloir.relay import commands
from parloir.relay.bodies import Report
from parloir.webrtc.signalling import Meter

if TYPE_CHECKING:
    from parloir.calls.live import LiveCall

A_LITTLE = 0.001


class TimeSide:
    """Knows when a call's media crosses, and ends the call in time.

    `answered` is when the phone was; `video` whether there was a picture as often as the two sides agreed on media.
    """

    def __init__(self, live: "LiveCall") -> None:
        self._live = live
        self._fare: Fare | None = None
        self._left = LAST_MINUTE
        self._for_money = False
        self.answered: datetime | None = None
        self.video: bool | None = None
        clock = live.around.timelines.clock
        self._clock = clock
        self._deadline = Deadline(live.visit.end, live.timers, clock, self._over, self._warn)

    @property
    def ends(self) -> datetime:
        """When the call ends if media flows from now on."""
        return self._deadline.ends

    @property
    def latest(self) -> datetime:
        """When the call ends, however long media does not flow."""
        return self._deadline.latest

    def begin(self) -> None:
        """Before it is connected, a call ends with its visit."""
        self._deadline.set(self._live.visit.end)

    def phone_answered(self) -> None:
        """The phone was answered: from that day's cap on nothing dearer is charged."""
        if self.answered is None:
            self.answered = self._clock.wall()

    def connected(self) -> None:
        """The policies' limit counts from here, and what is paid for in seconds of talking."""
        live = self._live
        assert live.decision is not None
        limit, paid, latest = live.decision.limit, live.decision.paid, live.visit.end
        longest = limit.without(paid)
        if longest is not None:
            latest = min(latest, self._clock.wall() + timedelta(seconds=longest))
        short = paid is not None and (longest is None or paid.seconds < longest)
        self._deadline.set(latest, limit.warnings, paid.seconds if paid is not None and short else None)
        if live.shown is not None:
            self._fare = live.around.fare(live.shown, live.decision)

    def joined(self) -> None:
        """Media crosses from now on."""
        self._deadline.join()
        self.tell()

    def parted(self) -> None:
        """Media no longer crosses."""
        self._deadline.part()
        self.tell()

    def counted(self, report: Report) -> None:
        """What the relay has counted up to now."""
        if self._live.live:
            self._deadline.count(report.flowing)
            self.tell()

    def agreed(self, video: bool) -> None:
        """The two sides agreed what to exchange, maybe not for the first time."""
        self.video = video and self.video is not False

    def tell(self) -> None:
        """Tell the page what the call has come to so far, and again as soon as that is more."""
        deadline, live = self._deadline, self._live
        if self._fare is None or not live.live:
            return
        talked = deadline.talked
        total, more = self._fare.at(int(talked), self.answered, self.video is True)
        left = deadline.paid_left
        live.page.say(Meter(total=total, left=None if left is None else round(left, 1), runs=deadline.runs))
        if more is not None and deadline.runs:
            live.timers.start("fare", max(0.0, more - talked) + A_LITTLE, self.tell)
        else:
            live.timers.stop("fare")

    def tell_left(self) -> None:
        """Tell both how much time is left."""
        self._live.page.tell_left(self._left, self._for_money)

    def _warn(self, seconds: int, for_money: bool) -> None:
        self._left, self._for_money = seconds, for_money
        self._live.feed(Event.WARN_DUE)

    def _over(self, for_money: bool) -> None:
        if for_money:
            self._live.go(self._look())
        else:
            self._live.end(reasons.LimitReached())

    async def _look(self) -> None:
        """What is paid for is used up when the relay has counted it: what it has not counted is not charged."""
        report = await self._live.bridge.do(commands.GetReport)
        self.counted(report)
        if self._deadline.paid_left == 0:
            self._live.end(reasons.BalanceUsed())
