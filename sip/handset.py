"""The SIP side of a simulated phone: one call at a time on one public address, by pjsua2, with SDP of its own."""

import contextlib
import gc
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any, Protocol

import pjsua2 as pj  # type: ignore[import-untyped]

from parloir.sip.account import signal_only
from parloir.sip.errors import SipError

_CALLS = 4
_MOST_LINES = 8
_GOODBYE_POLLS = 20


class HandsetError(SipError):
    """The simulated phone cannot work: its port is taken, or the URI it should dial is no SIP URI."""


class HandsetState(StrEnum):
    """What the phone's one call is doing."""

    IDLE = "idle"
    CALLING = "calling"
    RINGING = "ringing"
    TALKING = "talking"


class HandsetEvents(Protocol):
    """What the phone does when its call moves; called while the handset is polled."""

    def incoming(self, caller: str, offer: str) -> int:
        """An INVITE came; the status to answer at once: 180 to ring, or a refusal. `offer` may be empty."""

    def describe(self, offer: str) -> str:
        """Our SDP: the answer to this offer, or our own offer where it is empty."""

    def described(self, answer: str) -> None:
        """The other side's answer to our offer."""

    def changed(self, state: HandsetState, status: int, phrase: str) -> None:
        """The call's state is another; IDLE comes with the SIP status and phrase that ended it."""


class _Call(pj.Call):  # type: ignore[misc]
    def __init__(self, handset: "Handset", account: pj.Account, call_id: int = -1) -> None:
        super().__init__(account, call_id)
        self.handset = handset
        self.offered = self.accepted = False

    def onCallState(self, prm: Any) -> None:  # noqa: N802
        def move() -> None:
            self.handset.moved(self)
            if prm.e.type == pj.PJSIP_EVENT_RX_MSG:
                self.handset.arrived(self, prm.e.body.rxMsg.rdata.wholeMsg)
            elif prm.e.type == pj.PJSIP_EVENT_TSX_STATE and prm.e.body.tsxState.type == pj.PJSIP_EVENT_RX_MSG:
                self.handset.arrived(self, prm.e.body.tsxState.src.rdata.wholeMsg)

        _guarded(move)

    def onCallSdpCreated(self, prm: Any) -> None:  # noqa: N802
        def describe() -> None:
            offer = prm.remSdp.wholeSdp
            self.offered = not offer
            prm.sdp.wholeSdp = self.handset.events.describe(offer)

        _guarded(describe)

    def onCallTsxState(self, prm: Any) -> None:  # noqa: N802
        def see() -> None:
            event = prm.e
            if event.type == pj.PJSIP_EVENT_TSX_STATE and event.body.tsxState.type == pj.PJSIP_EVENT_RX_MSG:
                self.handset.arrived(self, event.body.tsxState.src.rdata.wholeMsg)

        _guarded(see)


class _Account(pj.Account):  # type: ignore[misc]
    def __init__(self, handset: "Handset") -> None:
        super().__init__()
        self.handset = handset

    def onIncomingCall(self, prm: Any) -> None:  # noqa: N802
        _guarded(lambda: self.handset.came_in(int(prm.callId), prm.rdata.wholeMsg))


def _guarded(callback: Callable[[], None]) -> None:
    """An exception must not travel through pjsip: it would abort the process."""
    try:
        callback()
    except Exception:
        traceback.print_exc(file=sys.stderr)


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """pjlib prints to stdout until it has read its log settings; stdout is the phone's own."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


class Handset:
    """A phone on UDP `host`:`port`. Only the thread that made it may use it; nothing happens unless it is polled."""

    def __init__(self, host: str, port: int, user: str, events: HandsetEvents) -> None:
        self.events = events
        self.state = HandsetState.IDLE
        self._call: _Call | None = None
        self._all: set[_Call] = set()
        self._endpoint = pj.Endpoint()
        try:
            self._start(host, port)
            self._account = _Account(self)
            self._account.create(_account(host, port, user))
        except pj.Error as error:
            raise HandsetError(f"{host}:{port}: {error.reason}") from None

    def _start(self, host: str, port: int) -> None:
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.uaConfig.maxCalls = _CALLS
        config.uaConfig.userAgent = "parloir phone"
        config.logConfig.level = config.logConfig.consoleLevel = 0
        transport = pj.TransportConfig()
        transport.boundAddress, transport.port = host, port
        with _silent():
            self._endpoint.libCreate()
            self._endpoint.libInit(config)
        self._endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
        self._endpoint.libStart()
        self._endpoint.audDevManager().setNoDev()

    def poll(self, milliseconds: int) -> None:
        """Let pjsip work, at most so long."""
        self._endpoint.libHandleEvents(milliseconds)

    def dial(self, target: str) -> None:
        """Call a SIP URI."""
        self._call = _Call(self, self._account)
        self._all.add(self._call)
        self._become(HandsetState.CALLING)
        try:
            self._call.makeCall(target, _options(0, 2))
        except pj.Error as error:
            raise HandsetError(f"{target}: {error.reason}") from None

    def answer(self, lines: int) -> None:
        """Accept the call that rings; `lines` is the number of m-lines in its offer (pjsua2 aborts on too few)."""
        if self._call and self.state is HandsetState.RINGING and not self._call.accepted:
            self._call.accepted = True  # it rings until the ACK, and pjsip takes no second answer
            try:
                self._call.answer(_options(200, lines))
            except pj.Error as error:
                raise HandsetError(f"the call cannot be answered: {error.reason}") from None

    def hang_up(self) -> None:
        """End whatever there is."""
        if self._call:
            self._call.hangup(_options(0, 1))

    def close(self) -> None:
        """Say BYE, wait a moment for its answer, and take the endpoint down."""
        self.hang_up()
        for _ in range(_GOODBYE_POLLS):
            if not self._all:
                break
            self.poll(50)
        self._call = None
        self._all.clear()
        self._account.shutdown()
        del self._account
        gc.collect()
        self._endpoint.libDestroy(pj.PJSUA_DESTROY_NO_NETWORK)

    def came_in(self, call_id: int, invite: str) -> None:
        """pjsip has an INVITE for us."""
        call = _Call(self, self._account, call_id)
        self._all.add(call)
        if self._call is not None:
            call.answer(_options(486, 1))
            return
        self._call = call
        status = self.events.incoming(call.getInfo().remoteUri, invite.partition("\r\n\r\n")[2])
        if status < 200:
            self._become(HandsetState.RINGING)
        call.answer(_options(status, _MOST_LINES))

    def moved(self, call: _Call) -> None:
        """pjsip says a call's state is another."""
        info = call.getInfo()
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self._all.discard(call)
            if call is self._call:
                self._call = None
                self._become(HandsetState.IDLE, int(info.lastStatusCode), info.lastReason)
        elif call is self._call and info.state == pj.PJSIP_INV_STATE_EARLY:
            self._become(HandsetState.RINGING)
        elif call is self._call and info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            self._become(HandsetState.TALKING)

    def arrived(self, call: _Call, message: str) -> None:
        """A SIP message of this call: its body is an answer where the last offer was ours."""
        body = message.partition("\r\n\r\n")[2]
        answers = message.startswith(("SIP/2.0 200", "SIP/2.0 183", "ACK "))
        if call is self._call and call.offered and answers and body.startswith("v=0"):
            self.events.described(body)

    def _become(self, state: HandsetState, status: int = 0, phrase: str = "") -> None:
        if state is not self.state:
            self.state = state
            self.events.changed(state, status, phrase)


def _account(host: str, port: int, user: str) -> Any:
    config = pj.AccountConfig()
    config.idUri = f"sip:{user}@{host}:{port}"
    signal_only(config)
    return config


def _options(status: int, lines: int) -> Any:
    options = pj.CallOpParam(True)
    options.opt.audioCount, options.opt.videoCount = lines, 0
    if status:
        options.statusCode = status
    return options
