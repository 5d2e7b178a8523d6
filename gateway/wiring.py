"""From the configuration to what each part is told. Pure but for the look at this machine's own name and addresses."""

from collections.abc import Callable, Iterable
from ipaddress import ip_address
from time import time
from urllib.parse import urlsplit

from parloir import __version__, network
from parloir.calls.menu import Terms
from parloir.calls.recording import Place
from parloir.calls.stations import Attending, MediaTerms, Station, Stations
from parloir.config import prompts, schema
from parloir.config.address import is_local
from parloir.config.schema import Config
from parloir.relay.bodies import RelaySettings
from parloir.rtp.description import Address
from parloir.rtp.sdes import Encryption
from parloir.sip import settings as sip
from parloir.sip.admission import AdmissionTerms
from parloir.sip.digest import Algorithm, Login
from parloir.sip.errors import Unreachable
from parloir.sip.logins import StationLogin
from parloir.sip.registrar import Overflow, RegistrarTerms
from parloir.sip.stations import Station as TrustedStation
from parloir.sip.target import Registered, Target, Through
from parloir.sip.trunk import CallerRule, Identity, Trunk
from parloir.store.vault import Vault
from parloir.webrtc.signalling import IceServer
from parloir.webrtc.turn import credentials


def sip_settings(config: Config) -> sip.Settings:
    """What the SIP side is told."""
    return sip.Settings(
        listen=tuple(sip.Listener(each.host, each.port, each.advertise, each.transport) for each in config.sip.listen),
        calls=config.sip.calls,
        calls_per_line=config.sip.calls_per_line,
        ring_timeout=config.sip.ring_timeout,
        session_expires=config.sip.session_expires,
        reserved=config.sip.reserved.calls,
        urgent=frozenset(config.sip.reserved.numbers),
        product=f"Parloir/{__version__}",
        streams=streams(config),
        registrar=registrar_terms(config),
        algorithms=algorithms(config.sip.registrar.algorithms),
        admission=admission_terms(config),
    )


def streams(config: Config) -> sip.Streams:
    """How phones' connections are treated."""
    terms, tls = config.sip.connections, config.sip.tls
    files = sip.Tls(tls.certificate, tls.key, tls.ca) if tls else None
    return sip.Streams(terms.total, terms.per_source, terms.idle, files)


def registrar_terms(config: Config) -> RegistrarTerms:
    """How phones may register."""
    terms = config.sip.registrar
    return RegistrarTerms(terms.min_expires, terms.max_expires, terms.contacts, Overflow(terms.policy))


def admission_terms(config: Config) -> AdmissionTerms:
    """Who is read, and how much."""
    terms = config.sip.admission
    return AdmissionTerms(
        known=terms.rate,
        unknown=terms.unknown_rate,
        door=terms.unknown_total,
        failures=terms.failures,
        ban=terms.ban,
        longest=terms.longest_ban,
        allow=terms.allow,
    )


def logins(config: Config) -> list[StationLogin]:
    """The stations whose phones register here."""
    return [
        StationLogin(id, name, login(station.login, config.sip.registrar.realm))
        for id, facility in config.facilities.items()
        for name, station in facility.stations.items()
        if station.login is not None
    ]


def trunks(config: Config) -> list[Trunk]:
    """The PBXs of all facilities, and the stations behind them."""
    return [
        Trunk(
            facility=id,
            name=name,
            places=trunk.places,
            numbers=tuple((s.number, n) for n, s in facility.stations.items() if s.number and s.trunk == name),
            register=trunk.register_,
            login=login(trunk.login) if trunk.login else None,
            expires=trunk.expires,
            options=trunk.options,
            caller=CallerRule(tuple(map(Identity, trunk.identity)), trunk.strip or "", trunk.digits or 0),
        )
        for id, facility in config.facilities.items()
        for name, trunk in facility.trunks.items()
    ]


def login(given: schema.Login, realm: str = "") -> Login:
    """A login as the SIP side has it."""
    password = given.password.get_secret_value() if given.password else ""
    return Login(given.user, password, given.realm or realm, algorithms(given.algorithms or ()))


def algorithms(names: Iterable[str]) -> tuple[Algorithm, ...]:
    """Hashes by their names in the configuration."""
    return tuple(Algorithm(name.upper()) for name in names)


def relay_settings(config: Config, index: int) -> RelaySettings:
    """What relay number `index` is told: its share of the RTP ports, its own port for browsers."""
    webrtc, ports = config.webrtc, config.sip.rtp_ports
    share = len(ports) // webrtc.relays // 4 * 4
    first = ports.first + index * share
    local = is_local(urlsplit(config.gateway.public_url).hostname or "")
    return RelaySettings(
        rtp_host=_rtp_host(config.sip.rtp_address),
        rtp_first=first,
        rtp_last=first + share - 1,
        port_rest=config.sip.port_rest,
        webrtc_host=webrtc.listen.host,
        webrtc_port=webrtc.listen.port + index,
        public_addresses=network.candidates(webrtc.listen.host, webrtc.public_address, loopback=local),
        prompts=str(prompts.folder()),
        media_timeout=config.sip.media_timeout,
    )


def _rtp_host(configured: str) -> str:
    """Bind just the advertised address where it is this machine's own; else (auto, or behind NAT) all of them."""
    if configured != "auto" and (
        ip_address(configured).is_loopback or configured in network.own_addresses(loopback=True)
    ):
        return configured
    return "::" if ":" in configured else "0.0.0.0"


def advertise(config: Config, trunk_at: Callable[[str], tuple[str, str] | None]) -> Callable[[str], str]:
    """Which address a phone at a host (an IP literal) is told to send media to; Unreachable without a way there.

    `trunk_at` says which facility's trunk is at a host.
    """
    own = {
        (id, name): trunk.rtp_address
        for id, facility in config.facilities.items()
        for name, trunk in facility.trunks.items()
        if trunk.rtp_address is not None
    }
    fixed = config.sip.rtp_address

    def toward(host: str) -> str:
        trunk = trunk_at(host) if own else None
        if trunk is not None and trunk in own:
            return own[trunk]
        if fixed != "auto":
            return fixed
        try:
            return network.toward(host)
        except (OSError, ValueError):
            raise Unreachable(host, "this machine has no way to it") from None

    return toward


def stations(config: Config) -> Stations:
    """The stations, as calls know them."""
    return Stations(
        [
            Station(
                id,
                name,
                facility.name,
                language(facility.language),
                station.kind == "video",
                target(id, name, station),
                station.unit,
                media_terms(station, facility.trunks.get(station.trunk or "")),
                attending(facility),
                own_prompts(facility),
                facility.recording.tone,
            )
            for id, facility in config.facilities.items()
            for name, station in facility.stations.items()
        ]
    )


def attending(facility: schema.Facility) -> Attending | None:
    """The menu that takes a facility's calls from inside."""
    attendant = facility.attendant
    if attendant is None:
        return None
    first = language(facility.language)
    others = attendant.languages or (first, *sorted(prompts.languages()))
    keys = tuple((key, hotline.prompt) for key, hotline in attendant.hotlines.items())
    terms = Terms(tuple(dict.fromkeys(others)), keys, balance="billing" in facility.plugins)
    targets = {key: hotline.target for key, hotline in attendant.hotlines.items()}
    return Attending(attendant.number or "", attendant.any_number, terms, targets, attendant.minutes)


def own_prompts(facility: schema.Facility) -> dict[str, str]:
    """A facility's own recordings: LANGUAGE/NAME.wav in its folder, by "LANGUAGE/NAME"."""
    folder = facility.prompts
    if folder is None:
        return {}
    return {f"{path.parent.name}/{path.stem}": str(path) for path in sorted(folder.glob("*/*.wav"))}


def target(facility: str, name: str, station: schema.Station) -> Target | None:
    """How a station is called."""
    if station.login is not None:
        return Registered(facility, name)
    if station.trunk is not None and station.number is not None:
        return Through(facility, station.trunk, station.number)
    return station.sip_address


def media_terms(station: schema.Station, trunk: schema.Trunk | None) -> MediaTerms:
    """How a station's media is spoken: as it says itself, else as its trunk does, else plain and from where it said."""
    srtp = station.srtp or (trunk.srtp if trunk else None) or "off"
    latch = station.latch if station.latch is not None else trunk is not None and bool(trunk.latch)
    return MediaTerms(Encryption(srtp), latch)


def trusted(config: Config) -> list[TrustedStation]:
    """The stations that are known by their address."""
    return [
        TrustedStation(id, name, Address(address.host, address.port), address.user)
        for id, facility in config.facilities.items()
        for name, station in facility.stations.items()
        if station.trust == "address" and (address := station.sip_address)
    ]


def language(tag: str) -> str:
    """The language that prompts are spoken in for this one."""
    language = tag.split("-")[0]
    return language if language in prompts.languages() else "en"


def ice_servers(config: Config) -> Callable[[str], tuple[IceServer, ...]]:
    """TURN servers for a page, with credentials of its own that expire."""
    turn = config.webrtc.turn

    def servers(visit: str) -> tuple[IceServer, ...]:
        if turn is None:
            return ()
        username, credential = credentials(turn.secret.get_secret_value(), visit, time(), turn.lifetime)
        return (IceServer(urls=tuple(turn.urls), username=username, credential=credential),)

    return servers


def node(config: Config) -> str:
    """The name of this gateway among those on its database."""
    return config.gateway.node or network.host_name()


def recordings(config: Config) -> Place | None:
    """Where recordings lie; None where none are made. Raises BadKeyFile."""
    if config.recording is None:
        return None
    folder = config.recording.folder or config.gateway.data_dir / "recordings"
    return Place(folder, Vault.open(config.recording.key_file, folder))
