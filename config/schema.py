"""The configuration's shape: what each key holds, its unit and its default."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

from pydantic import Field, ValidationError, model_validator

from parloir.config.address import HostPort as HostPortValue
from parloir.config.address import PortRange as PortRangeValue
from parloir.config.address import SipAddress, is_ip
from parloir.config.address import listener as parse_listener
from parloir.config.errors import Unfit
from parloir.config.registration import Admission, Algorithms, Registrar
from parloir.config.values import (
    Count,
    Flag,
    HostPort,
    Ip,
    IpOrAuto,
    IpsOrAuto,
    Located,
    Name,
    Network,
    NodeName,
    PortRange,
    PublicUrl,
    Seconds,
    Secret,
    Section,
    SipUri,
    Text,
    Timezone,
    TurnUrls,
)

Srtp: TypeAlias = Literal["off", "optional", "required"]
"""Whether a phone's media is encrypted: never, where it can be, or else there is no call."""


class Tls(Section):
    """The certificate chain and its key, PEM files; reloaded when they change."""

    certificate: Located
    key: Located


class Gateway(Section):
    """The gateway process: its data, its web address and its patience (seconds)."""

    data_dir: Located = Field(default=Path("data"), validate_default=True)
    http: HostPort = HostPortValue("127.0.0.1", 8080)
    public_url: PublicUrl = Field(default_factory=lambda data: f"http://{data['http']}")
    tls: Tls | None = None
    trusted_proxies: tuple[Network, ...] = ()
    database: Text | None = None
    node: NodeName | None = None
    news_days: Count = Field(default=30, le=3650)
    drain: Seconds = 30.0
    rejoin_window: Seconds = 60.0
    plugin_deadline: Seconds = Field(default=0.25, ge=0.05, le=10)
    token_file: Located = Field(default_factory=lambda data: data["data_dir"] / "api.token")


class SipTls(Section):
    """The certificate chain and its key that phones are shown, PEM files, reloaded when they change.

    With `ca`, a PEM file of authorities, phones must show a certificate that one of these has signed.
    """

    certificate: Located
    key: Located
    ca: Located | None = None


class Connections(Section):
    """How many TCP and TLS connections phones may have, in all and from one address; after `idle` seconds one ends."""

    total: Count = Field(default=512, le=100_000)
    per_source: Count = Field(default=64, le=100_000)
    idle: Seconds = 7200.0


class Listener(Section):
    """A socket that phones send SIP to; `advertise` is the address they are told where it differs."""

    transport: Literal["udp", "tcp", "tls"]
    host: Ip
    port: int = Field(ge=0, le=65535, strict=True)
    advertise: Ip | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_url(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        transport, host, port = parse_listener(value)
        return {"transport": transport, "host": host, "port": port}


class Reserved(Section):
    """Call slots kept for emergency and hotline routes: how many of sip.calls, and the numbers that may have them."""

    calls: int = Field(default=0, ge=0, le=999, strict=True)
    numbers: tuple[Text, ...] = ()


class Sip(Section):
    """The side of the phones. Times in seconds; `rtp_ports` are UDP, four to a call: RTP and RTCP, audio and video.

    `session_expires` is how often a call wants to be refreshed (RFC 4028), 0 for never.
    """

    listen: tuple[Listener, ...] = Field(default=(Listener(transport="udp", host="0.0.0.0", port=5060),), min_length=1)
    tls: SipTls | None = None
    connections: Connections = Connections()
    rtp_address: IpOrAuto = "auto"
    rtp_ports: PortRange = PortRangeValue(30000, 31999)
    calls: Count = Field(default=16, le=1000)
    calls_per_line: Count = Field(default=4, le=1000)
    reserved: Reserved = Reserved()
    session_expires: int = Field(default=1800, ge=0, le=86_400, strict=True)
    ring_timeout: Seconds = 45.0
    media_timeout: Seconds = 10.0
    port_rest: Seconds = 30.0
    registrar: Registrar = Registrar()
    admission: Admission = Admission()


class Turn(Section):
    """TURN servers for visitors behind hostile firewalls, and the secret shared with them (coturn's use-auth-secret).

    `lifetime` is how long the credentials given to a page hold, in seconds.
    """

    urls: TurnUrls
    secret: Secret
    lifetime: Count = Field(default=3600, le=86_400)


class Webrtc(Section):
    """The side of the browsers. Relay number i (from 0) listens on the port of `listen` plus i."""

    listen: HostPort = HostPortValue("0.0.0.0", 20000)
    public_address: IpsOrAuto = ("auto",)
    relays: Count = Field(default=1, le=256)
    turn: Turn | None = None
    relay_only: Flag = False


class Login(Section):
    """A SIP user and password (RFC 3261 section 22). Without `realm` a station's is the registrar's, and a trunk's
    login holds for whatever realm the PBX names. `algorithms` are a station's where it cannot do with the registrar's.
    """

    user: Text
    password: Secret | None = None
    realm: Text | None = None
    algorithms: Algorithms | None = None


class Trunk(Section):
    """A PBX through which stations are reached; `register` makes the gateway log in to it, for `expires` seconds.

    `backup` is where it is when it is not at `address`; it is asked every `options` seconds whether it is there (0:
    never). Whose call it brings is read from the headers in `identity`, in their order: the caller's user without a
    leading `strip`, and of that the last `digits`, is a station's number.
    """

    address: SipUri
    backup: SipUri | None = None
    register_: Flag = Field(default=False, alias="register")
    login: Login | None = None
    expires: Count = Field(default=600, ge=60, le=86_400)
    options: float = Field(default=30.0, ge=0, le=3600, strict=True)
    identity: tuple[Literal["asserted", "from"], ...] = Field(default=("asserted", "from"), min_length=1, max_length=2)
    strip: Text | None = None
    digits: Count | None = Field(default=None, le=32)
    rtp_address: Ip | None = None
    srtp: Srtp | None = None
    latch: Flag | None = None

    @property
    def sip_address(self) -> SipAddress:
        """The PBX's address, parsed."""
        return SipAddress.parse(self.address)

    @property
    def places(self) -> tuple[SipAddress, ...]:
        """Where the PBX is, and where else."""
        return tuple(SipAddress.parse(each) for each in (self.address, self.backup) if each is not None)


class StationDefaults(Section):
    """What a facility's stations are unless they say otherwise."""

    unit: Text | None = None
    kind: Literal["video", "audio"] | None = None
    trust: Literal["address"] | None = None
    trunk: Text | None = None
    srtp: Srtp | None = None
    latch: Flag | None = None


class Station(Section):
    """A phone inside, reached in exactly one way: its own address, a number on a trunk, or a login it registers with.

    `trust: address` takes calls from that address as coming from this station.
    """

    unit: Text = ""
    kind: Literal["video", "audio"] = "video"
    address: SipUri | None = None
    trust: Literal["address"] | None = None
    trunk: Text | None = None
    number: Text | None = None
    login: Login | None = None
    srtp: Srtp | None = None
    latch: Flag | None = None

    @property
    def sip_address(self) -> SipAddress | None:
        """The station's own address, parsed."""
        return SipAddress.parse(self.address) if self.address else None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [way for way in ("address", "trunk", "login") if getattr(self, way) is not None]
        one = "give either address, or trunk and number, or login"
        if not ways:
            raise Unfit("no way to reach this station", one)
        if len(ways) > 1:
            raise Unfit(f"reached by {' and '.join(ways)} at once", one)
        if (self.trunk is None) != (self.number is None):
            raise Unfit(f"{'number' if self.number else 'trunk'} without {'trunk' if self.number else 'number'}", one)
        if self.trust and self.address is None:
            raise Unfit("trust: address without an address", "remove trust or give the address")
        if self.trust and (at := self.sip_address) and not is_ip(at.host):
            raise Unfit(
                f"trust: address needs an IP address, and {at.host!r} is a name", "write the phone's IP address"
            )
        return self


class Rates(Section):
    """What calls may cost: the regulated tier of the facility."""

    tier: Text | None = None


class Recording(Section):
    """Where recordings lie, and the file of their master keys: outside `gateway.data_dir`, and of every backup."""

    key_file: Located
    folder: Located | None = None


class FacilityRecording(Section):
    """What becomes of a call whose recording fails: it ends, or goes on unrecorded. Staff and both parties are told.

    Where a plugin may record there is no default: the facility chooses (policy.check). While a call is recorded, both
    hear a short tone every `tone` seconds, if that is given.
    """

    on_failure: Literal["end", "go_on"] | None = None
    tone: Seconds | None = None


class Hotline(Section):
    """Where a key of the attendant leads: the phone itself is told to call `target`, so that nothing of it is here.

    `prompt` is what is said before the key, from the facility's own `prompts` or those that are shipped.
    """

    target: SipUri
    prompt: Text = "hotline"


class Attendant(Section):
    """Who takes calls from inside: at `number`, and with `any_number` at each that is no code of a visit.

    `languages` are those it offers, the facility's own and then all others if not given. `minutes` is how long a call
    may last to a visitor who waits at a link of their own, without a visit.
    """

    number: Text | None = None
    any_number: Flag = False
    languages: tuple[Text, ...] = ()
    hotlines: dict[Text, Hotline] = Field(default_factory=dict)
    minutes: Count = Field(default=15, le=1440)


class Facility(Section):
    """One institution: its name, its clock, its phones and the plugins that make its rules."""

    name: Text
    timezone: Timezone
    language: Text = "en"
    rates: Rates = Rates()
    trunks: dict[Name, Trunk] = Field(default_factory=dict)
    station_defaults: StationDefaults = StationDefaults()
    stations: dict[Name, Station] = Field(default_factory=dict)
    plugins: dict[Name, dict[str, Any]] = Field(default_factory=dict)
    recording: FacilityRecording = FacilityRecording()
    attendant: Attendant | None = None
    prompts: Located | None = None

    @model_validator(mode="before")
    @classmethod
    def _filled(cls, value: Any) -> Any:
        """Give each station the defaults it does not set, and each plugin without settings an empty set of them."""
        if not isinstance(value, Mapping):
            return value
        filled = dict(value)
        if isinstance(plugins := value.get("plugins"), Mapping):
            filled["plugins"] = {name: {} if given is None else given for name, given in plugins.items()}
        stations, defaults = value.get("stations"), value.get("station_defaults")
        if isinstance(stations, Mapping) and isinstance(defaults, Mapping):
            invalid = _invalid_keys(defaults)
            filled["stations"] = {name: _with_defaults(given, defaults, invalid) for name, given in stations.items()}
        return filled


def _invalid_keys(defaults: Mapping[str, Any]) -> set[str]:
    try:
        StationDefaults.model_validate(defaults)
    except ValidationError as error:
        return {str(fault["loc"][0]) for fault in error.errors() if fault["loc"]}
    return set()


def _with_defaults(station: Any, defaults: Mapping[str, Any], invalid: set[str]) -> Any:
    """A station with the defaults that fit the way it is reached; invalid ones are reported at their own key."""
    if not isinstance(station, Mapping):
        return station
    fitting = {"unit", "kind", "srtp", "latch"}
    if "address" in station:
        fitting.add("trust")
    if "number" in station and "login" not in station:
        fitting.add("trunk")
    valid = {key: given for key, given in defaults.items() if key in fitting and key not in invalid}
    return valid | dict(station)


class Config(Section):
    """The whole configuration."""

    gateway: Gateway = Field(default_factory=Gateway)
    sip: Sip = Field(default_factory=Sip)
    webrtc: Webrtc = Field(default_factory=Webrtc)
    recording: Recording | None = None
    facilities: dict[Name, Facility] = Field(min_length=1)
