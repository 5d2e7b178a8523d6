"""What is wrong between keys that are each right alone. Pure: sections in, findings out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import combinations
from typing import NamedTuple
from urllib.parse import urlsplit

from parloir.config import caps
from parloir.config.address import is_local, overlap
from parloir.config.errors import Key
from parloir.config.schema import Attendant, Facility, Gateway, Recording, Sip, Webrtc

PORTS_PER_CALL = 4
EPHEMERAL = 32768
SHORTEST_SESSION = 90
CODE = re.compile(r"[0-9]{6}")
DATABASES = ("sqlite", "postgresql", "postgresql+psycopg")


@dataclass(frozen=True)
class Sections:
    """The parts of a configuration that are valid alone; one that is not is None, such a facility is left out."""

    gateway: Gateway | None = None
    sip: Sip | None = None
    webrtc: Webrtc | None = None
    facilities: dict[str, Facility] = field(default_factory=dict)
    recording: Recording | None = None


@dataclass(frozen=True)
class Finding:
    """A problem at a path; a warning lets the gateway run all the same."""

    path: Key
    message: str
    remedy: str
    warning: bool = False


class Claim(NamedTuple):
    """The ports first to last of one protocol ("udp" or "tcp") on one host that a key asks for."""

    path: Key
    protocol: str
    host: str
    first: int
    last: int


def check(sections: Sections, languages: frozenset[str]) -> Iterator[Finding]:
    """All findings over what is valid; `languages` are those there are prompts in."""
    if sections.gateway:
        yield from _web(sections.gateway)
        yield from _database(sections.gateway)
    if sections.sip:
        yield from _rtp_ports(sections.sip, sections.webrtc)
        yield from _slots(sections.sip)
        yield from _listeners(sections.sip)
    if sections.webrtc:
        yield from _browsers(sections.webrtc)
    if sections.gateway:
        yield from _recording(sections.gateway, sections.recording, sections.facilities)
    yield from _shared_ports(sections)
    for name, facility in sections.facilities.items():
        yield from _facility(("facilities", name), facility, languages)
    yield from _same_address(sections.facilities)
    yield from _logins(sections.facilities)
    if sections.sip:
        yield from _without_listener(sections.sip, sections.facilities)


def _database(gateway: Gateway) -> Iterator[Finding]:
    if gateway.database is None:
        return
    kind = gateway.database.partition(":")[0]
    if kind not in DATABASES:
        message = f"{kind.partition('+')[0]} is no database this version can use"
        remedy = "write postgresql+psycopg://USER:PASSWORD@HOST/NAME, or remove the key: sqlite in gateway.data_dir"
        yield Finding(("gateway", "database"), message, remedy)


def _recording(gateway: Gateway, recording: Recording | None, facilities: dict[str, Facility]) -> Iterator[Finding]:
    """Keys lie where no backup of the data takes them along, and are there where somebody wants to record."""
    if recording is not None and recording.key_file.is_relative_to(gateway.data_dir):
        message = "the keys of recordings lie among what they protect, and in its backups"
        yield Finding(("recording", "key_file"), message, "keep the file outside gateway.data_dir")
    for name, facility in facilities.items():
        if recording is None and "recording" in facility.plugins:
            path = ("facilities", name, "plugins", "recording")
            yield Finding(path, "there are no keys for recordings", "set recording.key_file")


def _web(gateway: Gateway) -> Iterator[Finding]:
    parts = urlsplit(gateway.public_url)
    path = ("gateway", "public_url")
    if parts.scheme == "http" and not is_local(parts.hostname or ""):
        yield Finding(
            path,
            "plain http off localhost: browsers give pages from there no camera",
            "write https:// and set gateway.tls, or gateway.trusted_proxies for a proxy that has the certificate",
        )
    elif parts.scheme == "https" and gateway.tls is None and not gateway.trusted_proxies:
        yield Finding(
            path,
            "nothing here serves https",
            "set gateway.tls, or gateway.trusted_proxies for a proxy that has the certificate",
        )
    if gateway.tls is None and not gateway.trusted_proxies and not is_local(gateway.http.host):
        message = "plain http to all who reach it: the API's token and visitors' links cross in clear"
        yield Finding(("gateway", "http"), message, "set gateway.tls or listen on 127.0.0.1", warning=True)


def _rtp_ports(sip: Sip, webrtc: Webrtc | None) -> Iterator[Finding]:
    path, ports, need = ("sip", "rtp_ports"), sip.rtp_ports, sip.calls * PORTS_PER_CALL
    if webrtc and len(ports) < webrtc.relays * PORTS_PER_CALL:
        message = f"{len(ports)} ports cannot be shared among {webrtc.relays} relays"
        yield Finding(path, message, f"name at least {webrtc.relays * PORTS_PER_CALL}")
    if ports.first < 1024:
        yield Finding(path, f"port {ports.first} is reserved for the system", "begin at 1024 or above")
    if ports.first % 2:
        message = f"the first port {ports.first} is odd: RTP takes even ports, RTCP the odd one above"
        yield Finding(path, message, f"begin at {ports.first + 1}")
    if len(ports) < need:
        yield Finding(
            path,
            f"{len(ports)} ports are too few for sip.calls: {sip.calls} ({PORTS_PER_CALL} ports a call)",
            f"name at least {need}, better {2 * need} as used ones rest before they serve again",
        )
    if ports.last >= EPHEMERAL:
        yield _ephemeral(path, ports.last)


def _slots(sip: Sip) -> Iterator[Finding]:
    """What is kept for some must leave something for others, and be for somebody."""
    if sip.reserved.calls >= sip.calls:
        message = f"{sip.reserved.calls} of {sip.calls} calls are reserved: none is left for visits"
        yield Finding(("sip", "reserved", "calls"), message, f"keep fewer than sip.calls: {sip.calls}")
    elif sip.reserved.calls and not sip.reserved.numbers:
        message = "slots are reserved, and no number may have them"
        yield Finding(("sip", "reserved"), message, "name sip.reserved.numbers, or reserve none", warning=True)
    if 0 < sip.session_expires < SHORTEST_SESSION:
        message = f"{sip.session_expires} s is shorter than phones may accept"
        yield Finding(("sip", "session_expires"), message, f"set 0 for never, or at least {SHORTEST_SESSION}")


def _listeners(sip: Sip) -> Iterator[Finding]:
    encrypted = any(listener.transport == "tls" for listener in sip.listen)
    if encrypted and sip.tls is None:
        message = "a tls listener without a certificate"
        yield Finding(("sip", "listen"), message, "set sip.tls: {certificate: FILE, key: FILE}")
    elif sip.tls is not None and not encrypted:
        message = "no listener uses this certificate"
        yield Finding(("sip", "tls"), message, "add one like tls://0.0.0.0:5061 to sip.listen", warning=True)


def _without_listener(sip: Sip, facilities: dict[str, Facility]) -> Iterator[Finding]:
    """Phones and PBXs are called from the listener of their transport."""
    served = {listener.transport for listener in sip.listen}
    for facility_name, facility in facilities.items():
        for kind, named in (("stations", facility.stations), ("trunks", facility.trunks)):
            for name, at in named.items():
                if (address := at.sip_address) is not None and address.transport not in served:
                    path = ("facilities", facility_name, kind, name, "address")
                    remedy = f"add one like {address.transport}://0.0.0.0 to sip.listen, or name another transport"
                    yield Finding(path, f"{address} needs a listener for {address.transport}", remedy)


def _browsers(webrtc: Webrtc) -> Iterator[Finding]:
    last = webrtc.listen.port + webrtc.relays - 1
    path = ("webrtc", "listen")
    if not webrtc.listen.port >= 1024:
        yield Finding(path, f"port {webrtc.listen.port} is reserved for the system", "take one from 1024 to 32767")
    elif last > 65535:
        yield Finding(path, f"{webrtc.relays} relays need ports up to {last}", "take a lower port")
    elif last >= EPHEMERAL:
        yield _ephemeral(path, last)
    if "auto" in webrtc.public_address and len(webrtc.public_address) > 1:
        yield Finding(("webrtc", "public_address"), "auto beside addresses", "write auto alone or addresses alone")
    if webrtc.relay_only and webrtc.turn is None:
        yield Finding(("webrtc", "relay_only"), "no TURN server to relay by", "set webrtc.turn or remove relay_only")


def _ephemeral(path: Key, last: int) -> Finding:
    message = f"port {last} is in the range from which the system gives out ports of its own ({EPHEMERAL} and above)"
    return Finding(path, message, f"stay below {EPHEMERAL}", warning=True)


def _claims(sections: Sections) -> Iterator[Claim]:
    if gateway := sections.gateway:
        yield Claim(("gateway", "http"), "tcp", gateway.http.host, gateway.http.port, gateway.http.port)
    if sip := sections.sip:
        for index, at in enumerate(sip.listen):
            protocol = "udp" if at.transport == "udp" else "tcp"
            yield Claim(("sip", "listen", str(index)), protocol, at.host, at.port, at.port)
        yield Claim(("sip", "rtp_ports"), "udp", "0.0.0.0", sip.rtp_ports.first, sip.rtp_ports.last)
    if webrtc := sections.webrtc:
        first = webrtc.listen.port
        yield Claim(("webrtc", "listen"), "udp", webrtc.listen.host, first, first + webrtc.relays - 1)


def _shared_ports(sections: Sections) -> Iterator[Finding]:
    for one, other in combinations(_claims(sections), 2):
        first, last = max(one.first, other.first), min(one.last, other.last)
        hosts = "localhost" in (one.host, other.host) or overlap(one.host, other.host)
        if one.protocol == other.protocol and hosts and 0 < first <= last:
            ports = f"port {first}" if first == last else f"ports {first} to {last}"
            yield Finding(other.path, f"{ports} ({other.protocol}) overlap {'.'.join(one.path)}", "move one of the two")


def _facility(path: Key, facility: Facility, languages: frozenset[str]) -> Iterator[Finding]:
    if facility.language not in languages:
        message = f"no prompts in {facility.language!r}"
        yield Finding((*path, "language"), message, f"write one of {', '.join(sorted(languages))}")
    tiers = caps.shipped().tiers
    if facility.rates.tier is not None and facility.rates.tier not in tiers:
        near = get_close_matches(facility.rates.tier, tiers, 1)
        remedy = f"did you mean '{near[0]}'?" if near else f"write one of {', '.join(tiers)}"
        yield Finding((*path, "rates", "tier"), f"no legal cap is known for {facility.rates.tier!r}", remedy)
    if not facility.stations:
        yield Finding((*path, "stations"), "no station", "add the phones that visits can ring", warning=True)
    if facility.attendant is not None:
        yield from _attendant((*path, "attendant"), facility.attendant, languages)
    for name, station in facility.stations.items():
        if station.trunk is not None and station.trunk not in facility.trunks:
            known = f"name one of {', '.join(facility.trunks)}" if facility.trunks else f"add it to {path[1]}.trunks"
            yield Finding((*path, "stations", name, "trunk"), f"no trunk {station.trunk!r} here", known)
    for name, trunk in facility.trunks.items():
        if trunk.register_ and trunk.login is None:
            message = "register without a login"
            yield Finding((*path, "trunks", name, "register"), message, "add login: {user: ..., password: ...}")


def _attendant(path: Key, attendant: Attendant, languages: frozenset[str]) -> Iterator[Finding]:
    """A menu that can be reached, in languages that can be spoken, whose keys mean one thing each."""
    if attendant.number is None and not attendant.any_number:
        yield Finding(path, "no number leads here", "set number, or any_number: true")
    elif attendant.number is not None and CODE.fullmatch(attendant.number):
        message = "a number of six digits is the code of a visit"
        yield Finding((*path, "number"), message, "take a shorter or a longer one")
    for language in attendant.languages:
        if language not in languages:
            remedy = f"write some of {', '.join(sorted(languages))}"
            yield Finding((*path, "languages"), f"no prompts in {language!r}", remedy)
    taken = len(attendant.languages or languages)
    for key in attendant.hotlines:
        if not (len(key) == 1 and key in "0123456789"):
            yield Finding((*path, "hotlines", key), "not a key from 0 to 9", "name one key, in quotes")
        elif 1 <= int(key) <= taken:
            yield Finding((*path, "hotlines", key), "this key chooses a language", f"take 0, or one above {taken}")


def _logins(facilities: dict[str, Facility]) -> Iterator[Finding]:
    """A phone that registers is known by its user alone, and must prove it."""
    owners: dict[str, Key] = {}
    for facility_name, facility in facilities.items():
        for name, station in facility.stations.items():
            if station.login is None:
                continue
            path = ("facilities", facility_name, "stations", name, "login")
            if station.login.password is None:
                yield Finding(path, "a login without a password", "add password: !file PATH")
            if first := owners.get(station.login.user):
                message = f"user {station.login.user!r} is also that of {'.'.join(first[:-1])}"
                yield Finding((*path, "user"), message, "give each phone a user of its own")
            owners.setdefault(station.login.user, path)


def _same_address(facilities: dict[str, Facility]) -> Iterator[Finding]:
    """Two stations at one address could not be told apart when they call."""
    owners: dict[tuple[str, str, int], Key] = {}
    for facility_name, facility in facilities.items():
        for name, station in facility.stations.items():
            path = ("facilities", facility_name, "stations", name)
            if (at := station.sip_address) is None:
                continue
            if first := owners.get(same := (at.user, at.host, at.port)):
                message = f"{station.address} is also {'.'.join(first)}"
                yield Finding((*path, "address"), message, "give each station an address of its own")
            owners.setdefault(same, path)
