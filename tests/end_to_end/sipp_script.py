"""Scenarios for sipp, put together step by step: what a phone says in a call, and what it must hear."""

from dataclasses import dataclass

SDP = """\
      v=0
      o=phone 7 {version} IN IP4 [local_ip]
      s=-
      c=IN IP4 {address}
      t=0 0
      m=audio [media_port] RTP/AVP 0
      a=rtpmap:0 PCMU/8000
      a={direction}
"""


def sdp(version: int = 1, direction: str = "sendrecv", address: str = "[media_ip]") -> str:
    """The phone's description."""
    return SDP.format(version=version, direction=direction, address=address)


@dataclass(frozen=True)
class Step:
    """A piece of a scenario's XML."""

    xml: str


def say(first: str, *headers: str, body: str = "", kind: str = "application/sdp", again: bool = True) -> Step:
    """Send a message; repeated like any request unless told otherwise."""
    lines = [first, *headers]
    if body:
        lines.append(f"Content-Type: {kind}")
    lines.append("Content-Length: [len]")
    text = "\n".join(f"      {line}" for line in lines)
    retrans = ' retrans="500"' if again else ""
    return Step(f"  <send{retrans}>\n    <![CDATA[\n{text}\n\n{body}\n    ]]>\n  </send>\n")


def hear(status: int, *expected: str, dialog: bool = False, optional: bool = False) -> Step:
    """Receive a response; `expected` are regular expressions that it must match."""
    options = (' rrs="true"' if dialog else "") + (' optional="true"' if optional else "")
    return _receive(f'response="{status}"{options}', expected)


def asked(method: str, *expected: str) -> Step:
    """Receive a request."""
    return _receive(f'request="{method}"', expected)


def ok(*more: str, body: str = "") -> Step:
    """Answer the request that was received last."""
    copied = [f"[last_{name}:]" for name in ("Via", "From", "To", "Call-ID", "CSeq")]
    return say("SIP/2.0 200 OK", *copied, CONTACT, *more, body=body, again=False)


_names = iter(range(1, 10_000))


def _receive(what: str, expected: tuple[str, ...]) -> Step:
    if not expected:
        return Step(f"  <recv {what}/>\n")
    names = [f"v{next(_names)}" for _ in expected]
    checks = "".join(
        f'      <ereg regexp="{regexp}" search_in="msg" check_it="true" assign_to="{name}"/>\n'
        for name, regexp in zip(names, expected, strict=True)
    )
    reference = f'  <Reference variables="{",".join(names)}"/>\n'
    return Step(f"  <recv {what}>\n    <action>\n{checks}    </action>\n  </recv>\n{reference}")


GO_ON = asked("MESSAGE")
"""Wait until the test says so; see SippPhone.go_on."""


def wait(milliseconds: int) -> Step:
    """Let time pass."""
    return Step(f'  <pause milliseconds="{milliseconds}"/>\n')


def scenario(*steps: Step) -> str:
    """The whole file."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario>\n{"".join(step.xml for step in steps)}</scenario>\n'


VIA = "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport"
FROM = "From: <sip:[$user]@[local_ip]>;tag=[pid]c[call_number]"
CONTACT = "Contact: <sip:phone@[local_ip]:[local_port]>"


def outside(method: str, number: int, *more: str) -> list[str]:
    """The headers of a request that begins something."""
    to = "To: <sip:[service]@[remote_ip]:[remote_port]>"
    me = FROM.replace("[$user]", "1001")
    return [VIA, me, to, "Call-ID: [call_id]", f"CSeq: {number} {method}", "Max-Forwards: 70", CONTACT, *more]


def inside(method: str, number: int, *more: str) -> list[str]:
    """The headers of a request in the dialog that the phone began."""
    to = "To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]"
    return [line if not line.startswith("To:") else to for line in outside(method, number, *more)]


def request(method: str, number: int, *more: str, body: str = "", kind: str = "application/sdp") -> Step:
    """Send a request in the dialog."""
    return say(
        f"{method} [next_url] SIP/2.0", *inside(method, number, *more), body=body, kind=kind, again=method != "ACK"
    )


def invite(*more: str, body: str = "") -> Step:
    """Dial."""
    return say("INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0", *outside("INVITE", 1, *more), body=body)


def dial(*more: str, body: str | None = None, expected: tuple[str, ...] = ()) -> list[Step]:
    """Dial, and talk when it is answered; `expected` must be in the answer."""
    return [
        invite(*more, body=sdp() if body is None else body),
        hear(100, optional=True),
        hear(180, optional=True),
        hear(200, *expected, dialog=True),
    ]


def hang_up(number: int) -> list[Step]:
    """End the call."""
    return [request("BYE", number), hear(200)]
