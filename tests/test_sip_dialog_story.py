"""One phone, one call after another, in any order of events: what must hold of dialogs and transactions throughout."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from parloir.sip.message import Header, Request, Response
from parloir.sip.session import Incoming
from parloir.sip.transaction import LONGEST
from tests.sip_bench import ANSWER, Call
from tests.sip_border import Border, message
from tests.sip_phone import SDP

BODIES = st.sampled_from([SDP, SDP + "a=sendonly\r\n", SDP + "a=inactive\r\n", "", "no sdp"])
TIMERS: list[tuple[Header, ...]] = [(), (("Supported", "timer"), ("Session-Expires", "90;refresher=uac"))]


class Story(RuleBasedStateMachine):
    """A phone that dials, and everything that can happen to its calls from either side and from the line."""

    def __init__(self) -> None:
        super().__init__()
        self.border = Border()
        self.number = 0
        self.calls = 0
        self.call: Call | None = None
        self.incoming: Incoming | None = None
        self.session: Any = None
        self.said: list[Request] = []
        self.told: list[Call] = []

    def _say(self, method: str, *more: Header, body: str = "", number: int | None = None, branch: str = "") -> None:
        answer = next((m for m in reversed(self.border.responses("INVITE")) if m.call_id == self._name), None)
        inside = answer is not None and method != "CANCEL" and (method != "INVITE" or self.number > 1)
        to = answer.one("To") if inside and answer is not None else "<sip:123456@127.0.0.2>"
        whole = message(method, self.number if number is None else number, to=to, branch=branch or self._branch(method))
        headers = tuple((n, self._name if n == "Call-ID" else v) for n, v in whole.headers)
        request = Request((*headers, *more), b"", method, whole.uri)
        self.said.append(request.with_body(body) if body else request)
        self.border.phone_sends(bytes(self.said[-1]))

    def _branch(self, method: str) -> str:
        return f"c{self.calls}-{self.number}-{'INVITE' if method == 'CANCEL' else method}"

    @property
    def _name(self) -> str:
        return f"call-{self.calls}"

    @rule(timer=st.sampled_from(TIMERS))
    def dials(self, timer: tuple[Header, ...]) -> None:
        self.calls += 1
        self.number = 1
        self.call = self.incoming = self.session = None
        before = len(self.border.incoming)
        self._say("INVITE", *timer, body=SDP)
        if len(self.border.incoming) > before:
            self.incoming = self.border.incoming[-1]

    @precondition(lambda self: self.incoming is not None)
    @rule()
    def rings(self) -> None:
        assert self.incoming is not None
        self.incoming.ring()

    @precondition(lambda self: self.incoming is not None and self.call is None)
    @rule()
    def is_accepted(self) -> None:
        assert self.incoming is not None
        self.call = Call(self.border.clock)
        self.told.append(self.call)
        self.session = self.incoming.accept(ANSWER, self.call)

    @precondition(lambda self: self.incoming is not None)
    @rule(status=st.sampled_from([404, 480, 603]))
    def is_rejected(self, status: int) -> None:
        assert self.incoming is not None
        self.incoming.reject(status)

    @precondition(lambda self: any(isinstance(m, Request) and m.method != "ACK" for m in self.border.to_line))
    @rule(status=st.sampled_from([100, 180, 200, 200, 486]))
    def line_answers(self, status: int) -> None:
        self.border.line_says(status)

    @precondition(lambda self: self.calls > 0)
    @rule()
    def acknowledges(self) -> None:
        self._say("ACK")

    @precondition(lambda self: self.calls > 0)
    @rule()
    def gives_up(self) -> None:
        self._say("CANCEL", number=1, branch=f"c{self.calls}-1-INVITE")

    @precondition(lambda self: self.calls > 0)
    @rule(method=st.sampled_from(["INVITE", "UPDATE", "INFO", "PRACK", "OPTIONS", "REFER", "BYE"]), body=BODIES)
    def asks(self, method: str, body: str) -> None:
        self.number += 1
        self._say(method, body=body)

    @precondition(lambda self: bool(self.said))
    @rule(back=st.integers(1, 4))
    def repeats(self, back: int) -> None:
        self.border.phone_sends(bytes(self.said[-min(back, len(self.said))]))

    @precondition(lambda self: self.session is not None)
    @rule()
    def is_hung_up_on(self) -> None:
        self.session.end()

    @precondition(lambda self: any(isinstance(m, Request) and m.method != "ACK" for m in self.border.sent))
    @rule(status=st.sampled_from([100, 200, 200, 481, 491, 500]))
    def answers(self, status: int) -> None:
        asked = next(m for m in reversed(self.border.sent) if isinstance(m, Request) and m.method != "ACK")
        self.border.phone_answers(asked, status)

    @rule(seconds=st.sampled_from([0.1, 0.6, 5.0, 35.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        self.border.clock.pump([0.5] * max(1, int(seconds * 2)))

    @invariant()
    def a_call_ends_once_and_nothing_is_told_after(self) -> None:
        for call in self.told:
            kinds = [what for what, _ in call.told]
            assert kinds.count("ended") <= 1
            assert "ended" not in kinds[:-1]
            assert kinds.count("answered") <= 1

    @invariant()
    def a_request_has_one_final_answer(self) -> None:
        """As long as its transaction lives."""
        final: dict[tuple[str, str], tuple[float, int]] = {}
        for at, each in zip(self.border.times, self.border.sent, strict=True):
            if isinstance(each, Response) and each.status >= 200:
                first, status = final.setdefault((each.via.branch, each.cseq.method), (at, each.status))
                assert each.status == status or at - first >= LONGEST

    @invariant()
    def our_numbers_rise_in_each_dialog(self) -> None:
        used: dict[tuple[str, str | None], dict[str, int]] = {}
        for each in self.border.sent:
            if isinstance(each, Request) and each.method not in ("ACK", "CANCEL"):
                numbers = used.setdefault((each.call_id, each.sender.tag), {})
                if each.via.branch not in numbers:
                    assert each.cseq.number > max(numbers.values(), default=-1)
                    numbers[each.via.branch] = each.cseq.number

    @invariant()
    def nothing_goes_wrong_here(self) -> None:
        assert not [event for event, _ in self.border.log if event == "sip.failed"]

    def teardown(self) -> None:
        """Whatever happened, a phone that answers nothing any more leaves nothing behind."""
        for leg in list(self.border.edge.legs.values()):
            leg.end()
        self.border.clock.pump([0.5] * 400)
        assert self.border.edge.legs == {}
        assert self.border.dialogs.kept == {}
        for call in self.told:
            assert [what for what, _ in call.told].count("ended") == 1


TestStory = Story.TestCase
TestStory.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
