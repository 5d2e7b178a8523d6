"""The last SIP messages with each phone, without what is secret in them, for a technician whose phone fails. Pure."""

import re
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from parloir.rtp.description import Address

PER_HOST = 400
MOST = 10_000
LONGEST = 4096
_SECRETS = (
    (re.compile(r"(?im)^((?:proxy-)?authorization[ \t]*:).*$"), r"\1 withheld"),
    (re.compile(r"(?im)^(a=crypto:[0-9]+ \S+|k=).*$"), r"\1 withheld"),
    (re.compile(r"(?im)^([ \t]*signal[ \t]*=).*$"), r"\1 withheld"),
)
_KEY = re.compile(r"(?im)^(?:content-type|c)[ \t]*:[ \t]*application/dtmf\b(?!-relay)")
_CODE = re.compile(r"(?i)(sips?:)([0-9]{6})(?=[@;>:\s])")
_USERS = re.compile(r"(?im)^(?:from|f|to|t)[ \t]*:[^\r\n]*?sips?:([^@;>:\s]+)@")
_CALL_ID = re.compile(r"(?im)^(?:call-id|i)[ \t]*:[ \t]*(\S{1,256})")


@dataclass(frozen=True)
class Seen:
    """One message: numbered through all, when (UTC), "in" from the phone or "out" to it, whose address, its text."""

    number: int
    at: datetime
    way: str
    peer: Address
    text: str
    call_id: str = ""
    users: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Mark:
    """What a station's messages are known by: the host ("" for any), and where several share it, port or user."""

    host: str = ""
    port: int | None = None
    user: str = ""


class Trace:
    """A ring for each host, bounded in messages and bytes. A call dialled to one of `untraced` is left out, and one
    that we send on to a hotline (REFER) is forgotten, as if it had never been."""

    def __init__(self, untraced: frozenset[str] = frozenset()) -> None:
        self._untraced = untraced
        self._left_out: deque[str] = deque(maxlen=PER_HOST)
        self._rings: OrderedDict[str, deque[Seen]] = OrderedDict()
        self._kept = self._count = 0

    def saw(self, way: str, peer: Address, data: bytes, at: datetime) -> None:
        """Take a message from or to a phone; keep-alives are none."""
        if not data.strip(b"\r\n\0 \t"):
            return
        text = data[:LONGEST].decode(errors="replace")
        call_id = found[1] if (found := _CALL_ID.search(text)) else ""
        users = frozenset(_USERS.findall(text))
        if users & self._untraced and call_id not in self._left_out:
            self._left_out.append(call_id)
        if way == "out" and text.startswith("REFER "):
            self._forget(call_id)
        if call_id not in self._left_out:
            self._count += 1
            self._keep(Seen(self._count, at, way, peer, text, call_id, users))

    def _forget(self, call_id: str) -> None:
        self._left_out.append(call_id)
        for host, ring in list(self._rings.items()):
            others = deque(seen for seen in ring if seen.call_id != call_id)
            self._kept -= len(ring) - len(others)
            if others:
                self._rings[host] = others
            else:
                del self._rings[host]

    def _keep(self, seen: Seen) -> None:
        ring = self._rings.setdefault(seen.peer.host, deque())
        self._rings.move_to_end(seen.peer.host)
        ring.append(seen)
        self._kept += 1
        quietest = ring if len(ring) > PER_HOST else next(iter(self._rings.values()))
        if len(ring) > PER_HOST or self._kept > MOST:
            quietest.popleft()
            self._kept -= 1
        if not next(iter(self._rings.values())):
            self._rings.popitem(last=False)

    def of(self, marks: Iterable[Mark], after: int = 0) -> list[Seen]:
        """What was said with a station since that number, the oldest first, its secrets withheld."""
        found: dict[int, Seen] = {}
        for mark in marks:
            rings = [self._rings.get(mark.host, ())] if mark.host else list(self._rings.values())
            for ring in rings:
                found |= {seen.number: _told(seen, mark.user) for seen in _marked(ring, mark) if seen.number > after}
        return [found[number] for number in sorted(found)]


def _marked(ring: Iterable[Seen], mark: Mark) -> list[Seen]:
    """What of a host's ring is the station's: all of each call in which its port or its user was seen."""
    ring = list(ring)
    if mark.port is None and not mark.user:
        return ring
    calls = {seen.call_id for seen in ring if seen.peer.port == mark.port or mark.user in seen.users}
    return [seen for seen in ring if seen.call_id in calls]


def _told(seen: Seen, user: str) -> Seen:
    return Seen(seen.number, seen.at, seen.way, seen.peer, withheld(seen.text, user), seen.call_id, seen.users)


def withheld(text: str, user: str = "") -> str:
    """A message without credentials, media's keys, keys pressed, and six-digit numbers dialled other than `user`."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    if _KEY.search(text):
        head, blank, _ = text.partition("\r\n\r\n")
        text = f"{head}{blank}withheld"
    return _CODE.sub(lambda found: found[0] if found[2] == user else f"{found[1]}xxxxxx", text)
