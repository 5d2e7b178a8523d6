"""An edge without sockets, its clock, one fake line and one station: what it says is kept, and taken apart."""

from contextlib import suppress
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, succeed
from twisted.internet.task import Clock

from parloir.rtp.description import Address
from parloir.sip.dummy import SESSION_HEADER
from parloir.sip.edge import Edge
from parloir.sip.errors import MalformedMessage
from parloir.sip.flow import Flow
from parloir.sip.lines import Lines
from parloir.sip.message import Header, Request, Response, parse
from parloir.sip.outgoing import OutgoingLeg
from parloir.sip.session import Incoming
from parloir.sip.settings import Listener, Settings
from parloir.sip.stations import Station, Stations
from parloir.sip.target import Way
from parloir.sip.uri import Uri
from tests.sip_bench import ANSWER, OFFER, Call, KeptDialogs
from tests.sip_phone import SDP

PHONE = Address("127.0.0.3", 5090)
LINE = Address("127.0.0.1", 15999)


class FakeLine:
    """The AMP connection of a line that does what it is told by SIP at once."""

    def __init__(self, border: "Border") -> None:
        self.border = border

    def callRemote(self, command: Any, **arguments: Any) -> Deferred[Any]:  # noqa: N802
        self.border.told.append((command.__name__, arguments))
        return succeed({"port": LINE.port})


class Border:
    """An edge without sockets, one fake line, and one station."""

    def __init__(self, calls: int = 2, trunk: bool = False, **terms: Any) -> None:
        self.clock = Clock()
        self.told: list[tuple[str, Any]] = []
        self.log: list[tuple[str, Any]] = []
        self.sent: list[Request | Response] = []
        self.to_line: list[Request | Response] = []
        self.incoming: list[Incoming] = []
        settings = Settings((Listener("127.0.0.2", 5060),), calls=calls, **terms)
        self.lines = Lines(settings, self._logged, self.clock)
        stations = Stations([Station("north", "pod", PHONE, "1001", trunk=trunk)])
        self.dialogs = KeptDialogs()
        self.edge = Edge(self.clock, settings, stations, self.dialogs, self.lines, self.incoming.append, self._logged)
        self.raw: list[bytes] = []
        self.times: list[float] = []
        self.edge.sockets.observe = lambda way, peer, data: self._seen(data)
        self.edge.inner_sockets.observe = lambda way, peer, data: self.to_line.append(parse(data))
        self.lines.edge_port = 15998
        for inner in self.edge.inner_sockets._all:
            inner.port = 15998
        child: Any = FakeLine(self)
        ensureDeferred(self.lines.came_up(0, child))

    def _seen(self, data: bytes) -> None:
        """What goes to the phone; an answer that gives unreadable headers back is kept as it is."""
        self.raw.append(data)
        with suppress(MalformedMessage):
            self.sent.append(parse(data))
            self.times.append(self.clock.seconds())

    def _logged(self, event: str, /, **fields: Any) -> None:
        self.log.append((event, fields))

    def phone_sends(self, data: bytes, peer: Address = PHONE) -> None:
        self.edge.from_phone(Flow("udp://127.0.0.2:5060", peer), data)

    def line_says(self, status: int) -> None:
        """The line answers the last request it was sent."""
        asked = next(m for m in reversed(self.to_line) if isinstance(m, Request) and m.method != "ACK")
        headers = [(n, f"{v};tag=line" if n == "To" and ";tag" not in v else v) for n, v in asked.headers]
        said = Response((*headers, ("Contact", "<sip:slot0@127.0.0.1:15999>")), b"", status, "Said")
        self.edge.from_line(Flow("udp://127.0.0.1:0", LINE), bytes(said))

    def requests(self, method: str) -> list[Request]:
        """What of that method the phone has been sent."""
        return [m for m in self.sent if isinstance(m, Request) and m.method == method]

    def responses(self, method: str) -> list[Response]:
        """How the phone's requests of that method were answered, 100 left out."""
        return [m for m in self.sent if isinstance(m, Response) and m.cseq.method == method and m.status > 100]

    def rings(self, id: str = "out") -> tuple[Call, Request]:
        """Call the phone; the INVITE that it got."""
        call = Call(self.clock)
        slot = self.lines.reserve(id)
        uri = Uri("1001", PHONE.host, PHONE.port)
        leg = OutgoingLeg(self.edge, id, slot, Way(Flow("udp://127.0.0.2:5060", PHONE), uri), OFFER, call)
        self.edge.enter(leg)
        leg.start()
        invite = Request(
            (
                ("Via", "SIP/2.0/UDP 127.0.0.1:15999;branch=z9hG4bKline"),
                ("From", "<sip:slot0@127.0.0.1:15999>;tag=line"),
                ("To", "<sip:1001@127.0.0.3>"),
                ("Call-ID", f"line-{id}"),
                ("CSeq", "1 INVITE"),
                ("Contact", "<sip:slot0@127.0.0.1:15999>"),
                (SESSION_HEADER, id),
            ),
            b"",
            "INVITE",
            str(uri),
        )
        self.edge.from_line(Flow("udp://127.0.0.1:0", LINE), bytes(invite))
        return call, self.requests("INVITE")[-1]

    def phone_answers(self, request: Request, status: int, *more: Header, body: str = "", tag: str = "pt") -> None:
        """The phone answers a request of ours."""
        to = request.one("To")
        headers: list[Header] = [("Via", request.one("Via")), ("From", request.one("From"))]
        headers += [("To", to if ";tag=" in to else f"{to};tag={tag}"), ("Call-ID", request.call_id)]
        headers += [("CSeq", request.one("CSeq")), ("Contact", "<sip:1001@127.0.0.3:5090>"), *more]
        response = Response(tuple(headers), b"", status, "Said")
        self.phone_sends(bytes(response.with_body(body) if body else response))

    def talks(self, *more: Header) -> tuple[Call, Request]:
        """A call to the phone that it has answered."""
        call, invite = self.rings()
        self.phone_answers(invite, 200, *more, body=SDP)
        assert call.told == [("answered", SDP)]
        return call, invite

    def answered(self, *more: Header) -> tuple[Call, Response]:
        """Bring a call of the phone's up to its ACK."""
        self.phone_sends(bytes(message("INVITE", 1).with_headers(*more).with_body(SDP)))
        call = Call(self.clock)
        self.incoming[0].accept(ANSWER, call)
        self.line_says(100)
        self.line_says(200)
        answer = next(m for m in self.sent if isinstance(m, Response) and m.status == 200)
        self.phone_sends(bytes(message("ACK", 1, to=answer.one("To"))))
        assert call.told == [("answered", SDP)]
        return call, answer


def message(method: str, number: int, to: str = "<sip:123456@127.0.0.2>", branch: str = "") -> Request:
    headers = (
        ("Via", f"SIP/2.0/UDP 127.0.0.3:5090;branch=z9hG4bK{branch or f'{method}{number}'};rport"),
        ("From", "<sip:1001@127.0.0.3>;tag=pt"),
        ("To", to),
        ("Call-ID", "call"),
        ("CSeq", f"{number} {method}"),
        ("Contact", "<sip:1001@127.0.0.3:5090>"),
    )
    return Request(headers, b"", method, "sip:123456@127.0.0.2")
