"""A pjsua2 endpoint that only signals: one account per call slot, everything through the edge, no media at all."""

import ctypes
import gc
from collections.abc import Callable
from typing import Any

import pjsua2 as pj  # type: ignore[import-untyped]

from parloir.sip.account import signal_only
from parloir.sip.commands import LineError
from parloir.sip.conference import Conference
from parloir.sip.dummy import SESSION_HEADER

Freed = Callable[[str, int], None]
SWEEPS = 2
"""How many polls after a call's end the conference is swept: pjsip lets go of its media a little later."""

_C = ctypes.CDLL(pj._pjsua2.__file__)


def most_calls() -> int | None:
    """How many calls this pjsua2 was built for, where its library tells; pjsua2 itself would only refuse the rest."""
    count = getattr(_C, "pjsua_call_get_max_count", None)
    return None if count is None else int(count())


def quiet() -> None:
    """Keep pjlib from printing what it does before it has been configured, where its library lets us."""
    level = getattr(_C, "pj_log_set_level", None)
    if level is not None:
        level(1)


class _Call(pj.Call):  # type: ignore[misc]
    """One call; kept alive by its line until pjsip says it is over."""

    def __init__(self, line: "Line", account: pj.Account, session: str, call_id: int = -1) -> None:
        super().__init__(account, call_id)
        self.line = line
        self.session = session

    def onCallState(self, prm: Any) -> None:  # noqa: N802
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.line.ended(self, int(info.lastStatusCode))

    def onCallTransferRequest(self, prm: Any) -> None:  # noqa: N802
        prm.statusCode = 403

    def onCallReplaceRequest(self, prm: Any) -> None:  # noqa: N802
        prm.statusCode = 403


class _Account(pj.Account):  # type: ignore[misc]
    """One slot."""

    def __init__(self, line: "Line") -> None:
        super().__init__()
        self.line = line

    def onIncomingCall(self, prm: Any) -> None:  # noqa: N802
        self.line.came_in(self, int(prm.callId))


class Line:
    """The endpoint. Only the thread that made it may touch it; `freed` hears of each call's end and last status."""

    def __init__(self, freed: Freed) -> None:
        self._freed = freed
        self._calls: dict[str, _Call] = {}
        self._over: list[_Call] = []
        self._accounts: list[_Account] = []
        self._edge = ""
        self._conference: Conference | None = None
        self._sweep = 0
        self.port = 0
        self._endpoint = pj.Endpoint()

    def start(self, edge_port: int, slots: int, product: str) -> int:
        """Bring it up behind the edge's loopback port; its own SIP port. LineError with pjsip's words otherwise."""
        self._edge = f"sip:127.0.0.1:{edge_port};lr"
        try:
            self._start(slots, product)
        except pj.Error as error:
            raise LineError(error.info()) from None
        return self.port

    def _start(self, slots: int, product: str) -> None:
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.uaConfig.maxCalls = slots
        config.uaConfig.userAgent = product
        config.logConfig.level = config.logConfig.consoleLevel = 1
        quiet()
        self._endpoint.libCreate()
        self._endpoint.libInit(config)
        most = most_calls()
        if most is not None and slots > most:
            raise LineError(f"this pjsua2 is built for {most} calls: set sip.calls_per_line to {most} or less")
        transport = pj.TransportConfig()
        transport.boundAddress = "127.0.0.1"
        transport.port = 0
        identity = self._endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
        self.port = int(self._endpoint.transportGetInfo(identity).localAddress.rpartition(":")[2])
        self._endpoint.libStart()
        silence = self._endpoint.audDevManager().setNoDev()
        self._conference = Conference(_C, silence, config.medConfig)
        for index in range(slots):
            account = _Account(self)
            account.create(self._settings(index))
            self._accounts.append(account)

    def _settings(self, index: int) -> Any:
        config = pj.AccountConfig()
        config.idUri = f"sip:slot{index}@127.0.0.1:{self.port}"
        config.sipConfig.proxies.append(self._edge)
        signal_only(config)
        return config

    def poll(self, milliseconds: int) -> None:
        """Let pjsip work for at most that long, or until something arrives on its port."""
        self._endpoint.libHandleEvents(milliseconds)
        if self._over:
            self._over.clear()
            self._sweep = SWEEPS
        if self._sweep and self._conference is not None:
            self._sweep -= 1
            self._conference.sweep()

    def place(self, session: str, slot: int, target: str) -> None:
        """Call a target from a slot."""
        if session in self._calls or not 0 <= slot < len(self._accounts):
            raise LineError(f"no such slot, or call {session} is there already")
        try:
            call = _Call(self, self._accounts[slot], session)
            self._calls[session] = call
            options = self._options(0)
            header = pj.SipHeader()
            header.hName, header.hValue = SESSION_HEADER, session
            options.txOption.headers.append(header)
            call.makeCall(target, options)
        except pj.Error as error:
            self._calls.pop(session, None)
            raise LineError(error.info()) from None

    def came_in(self, account: _Account, call_id: int) -> None:
        """Keep a call that the edge has sent us; its Call-ID is the session's id."""
        call = _Call(self, account, "", call_id)
        call.session = call.getInfo().callIdString
        self._calls[call.session] = call

    def answer(self, session: str, status: int) -> None:
        """Answer a call that came in."""
        call = self._calls.get(session)
        if call is None:
            raise LineError(f"no call {session}")
        try:
            call.answer(self._options(status))
        except pj.Error as error:
            raise LineError(error.info()) from None

    def hang_up(self, session: str) -> None:
        """End a call in whatever state it is."""
        call = self._calls.get(session)
        if call is None:
            return
        try:
            call.hangup(self._options(0))
        except pj.Error as error:
            raise LineError(error.info()) from None

    @staticmethod
    def _options(status: int) -> Any:
        options = pj.CallOpParam(True)
        options.opt.audioCount, options.opt.videoCount = 1, 0
        if status:
            options.statusCode = status
        return options

    def ended(self, call: _Call, status: int) -> None:
        """Forget a call, once pjsip is out of its callback, and tell."""
        self._over.append(call)
        if self._calls.pop(call.session, None) is not None:
            self._freed(call.session, status)

    def close(self) -> None:
        """Take the endpoint down; pjsip must find no object of ours alive."""
        self._calls.clear()
        self._over.clear()
        for account in self._accounts:
            account.shutdown()
        self._accounts.clear()
        gc.collect()
        self._endpoint.libDestroy()
