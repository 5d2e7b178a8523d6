"""Who is read at all: known sources within their rate, phones that come to register, and nobody else. Pure."""

import re
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address, ip_network

from parloir.sip.ban import Ban

MOST_SOURCES = 4096
MOST_BANS = 10_000
FORGIVING = 86_400.0
_SCANNERS = re.compile(
    rb"(?im)^user-agent[ \t]*:[^\r\n]*(?:friendly-(?:scanner|request)|sipvicious|sipcli|sip-?scan|sundayddr|siparmy"
    rb"knife|vaxsipuseragent|pplsip|iwar|sivus|smap|gulp|sipptk|sipsak|nmap|masscan)"
)


class Verdict(StrEnum):
    """What becomes of a datagram; all but IN are dropped without a word, and counted under these names."""

    IN = "in"
    STRANGER = "stranger"
    SCANNER = "scanner"
    BANNED = "banned"
    FLOOD = "flood"


@dataclass(frozen=True)
class AdmissionTerms:
    """Messages a second that a source may send for long; `door` is for all unknown ones that register together.

    A source is banned after `failures` wrong passwords: for `ban` seconds first, twice as long each further time,
    `longest` at most. `allow` are networks whose hosts are never banned or limited.
    """

    known: float = 500.0
    unknown: float = 5.0
    door: float = 50.0
    failures: int = 5
    ban: float = 60.0
    longest: float = 86_400.0
    allow: tuple[str, ...] = ()


@dataclass
class _Bucket:
    """Tokens left, and when that was."""

    tokens: float
    at: float

    def take(self, rate: float, burst: float, now: float) -> bool:
        """Whether one more message fits."""
        self.tokens = min(burst, self.tokens + max(0.0, now - self.at) * rate)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class _Buckets:
    """A bucket for each of the sources heard last."""

    def __init__(self, rate: float) -> None:
        self._of: OrderedDict[str, _Bucket] = OrderedDict()
        self.settle(rate)

    def settle(self, rate: float) -> None:
        """Take so many messages a second from each, and four seconds' worth at once."""
        self._rate = rate
        self._burst = max(4.0, rate * 4)

    def take(self, source: str, now: float) -> bool:
        """Whether one more message of that source's fits."""
        bucket = self._of.pop(source, None) or _Bucket(self._burst, now)
        self._of[source] = bucket
        if len(self._of) > MOST_SOURCES:
            self._of.popitem(last=False)
        return bucket.take(self._rate, self._burst, now)


class Admission:
    """Judges each message by its source and its first looks, before it is parsed. `now` is in seconds since 1970."""

    def __init__(self, terms: AdmissionTerms) -> None:
        self.terms = terms
        self._allowed = [ip_network(network) for network in terms.allow]
        self._known = _Buckets(terms.known)
        self._unknown = _Buckets(terms.unknown)
        self._door = _Buckets(terms.door)
        self._bans: dict[str, Ban] = {}
        self._failures: OrderedDict[str, int] = OrderedDict()

    def settle(self, terms: AdmissionTerms) -> tuple[str, ...]:
        """Take other terms from now on; the hosts whose bans end by them."""
        self.terms = terms
        self._allowed = [ip_network(network) for network in terms.allow]
        self._known.settle(terms.known)
        self._unknown.settle(terms.unknown)
        self._door.settle(terms.door)
        ended = tuple(host for host in self._bans if self._allows(host))
        for host in ended:
            del self._bans[host]
        return ended

    def judge(self, host: str, known: bool, registers: bool, data: bytes, now: float, spared: bool = False) -> Verdict:
        """Whether to read a message from an IP literal; `known` says that something of ours is there, `registers`
        that it is about registering a user that there is, `spared` that even a ban does not silence that host."""
        if not spared and self.banned(host, now):
            return Verdict.BANNED
        if known:
            return Verdict.IN if self._allows(host) or self._known.take(host, now) else Verdict.FLOOD
        if data.startswith(b"REGISTER ") and _SCANNERS.search(data):
            return Verdict.SCANNER
        if not registers:
            return Verdict.STRANGER
        if self._allows(host) or (self._unknown.take(host, now) and self._door.take("", now)):
            return Verdict.IN
        return Verdict.FLOOD

    def banned(self, host: str, now: float) -> bool:
        """Whether that host is banned now."""
        ban = self._bans.get(host)
        return ban is not None and now < ban.until

    def failed(self, host: str, now: float) -> Ban | None:
        """Count a wrong password; the ban that it brings, if it does."""
        if self._allows(host):
            return None
        failures = self._failures.pop(host, 0) + 1
        if failures < self.terms.failures:
            self._failures[host] = failures
            if len(self._failures) > MOST_SOURCES:
                self._failures.popitem(last=False)
            return None
        return self._ban(host, now)

    def _ban(self, host: str, now: float) -> Ban:
        last = self._bans.pop(host, None)
        count = last.count + 1 if last is not None and now - last.until < FORGIVING else 1
        seconds = min(self.terms.longest, self.terms.ban * 2.0 ** min(count - 1, 40))
        self._bans[host] = ban = Ban(host, count, now, now + seconds)
        if len(self._bans) > MOST_BANS:
            self._bans.pop(min(self._bans, key=lambda each: self._bans[each].until))
        return ban

    def succeeded(self, host: str) -> None:
        """A right password: earlier wrong ones were slips."""
        self._failures.pop(host, None)

    def restore(self, bans: Iterable[Ban]) -> None:
        """Take up what a previous run left."""
        self._bans |= {ban.host: ban for ban in bans if not self._allows(ban.host)}

    def bans(self, now: float) -> list[Ban]:
        """Those in force, the first to end first."""
        return sorted((ban for ban in self._bans.values() if now < ban.until), key=lambda ban: ban.until)

    def lift(self, host: str) -> bool:
        """End a ban, and forget it; whether there was one."""
        self._failures.pop(host, None)
        return self._bans.pop(host, None) is not None

    def forgive(self, now: float) -> tuple[str, ...]:
        """Forget bans that ended long ago; their hosts."""
        old = tuple(host for host, ban in self._bans.items() if now - ban.until >= FORGIVING)
        for host in old:
            del self._bans[host]
        return old

    def _allows(self, host: str) -> bool:
        if not self._allowed:
            return False
        address = ip_address(host)
        return any(address in network for network in self._allowed)
