"""The types that configuration values are read as: strict about kind, forgiving about nothing but a bare number."""

from pathlib import Path
from typing import Annotated, Any, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, SecretStr, Strict
from pydantic import ValidationInfo as Info

from parloir.config import address
from parloir.config.errors import Unfit


class Section(BaseModel):
    """Base of every part of the configuration: frozen, and no unknown key."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _text(value: object) -> object:
    """Text as written; a bare whole number is text too (an extension is often one)."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, bool | float):
        raise Unfit("this reads as something other than text", "put it in quotes")
    return value


def _parsed(parse: Any) -> Any:
    """A validator that gives text to `parse` and lets values already parsed pass."""

    def read(value: object) -> object:
        if isinstance(value, str):
            return parse(value)
        if isinstance(value, address.HostPort | address.PortRange):
            return value
        raise Unfit("this should be text", "put it in quotes")

    return read


def _located(value: Path, info: Info) -> Path:
    """A relative path starts at the configuration's own folder (validation context `base`)."""
    base = info.context.get("base") if info.context else None
    return (base or Path.cwd()) / value.expanduser()


def _one_or_many(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise Unfit(f"unknown timezone {value!r}", "write one like America/Chicago") from None
    return value


def _sip(value: str) -> str:
    return str(address.SipAddress.parse(value))


def _turn(value: str) -> str:
    scheme, _, place = value.partition(":")
    if scheme not in ("turn", "turns"):
        raise Unfit(f"{value!r} is not a TURN URL", "write it like turn:turn.example.org:3478?transport=udp")
    host = place.partition("?")[0]
    if not address.is_host(host.strip("[]") if host.startswith("[") else host.partition(":")[0]):
        raise Unfit(f"{value!r} names no host", "write it like turn:turn.example.org:3478?transport=udp")
    return value


def _ip_or_auto(value: str) -> str:
    return value if value == "auto" else address.ip(value)


Text: TypeAlias = Annotated[str, BeforeValidator(_text), Field(min_length=1, max_length=200)]
Name: TypeAlias = Annotated[str, BeforeValidator(_text), Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$")]
NodeName: TypeAlias = Annotated[
    str, BeforeValidator(_text), Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$", max_length=63)
]
Secret: TypeAlias = Annotated[SecretStr, BeforeValidator(_text), Field(min_length=1, max_length=1000)]
Count: TypeAlias = Annotated[int, Strict(), Field(ge=1)]
Seconds: TypeAlias = Annotated[float, Strict(), Field(gt=0, le=86_400)]
Flag: TypeAlias = Annotated[bool, Strict()]
Located: TypeAlias = Annotated[Path, AfterValidator(_located)]
HostPort: TypeAlias = Annotated[address.HostPort, PlainValidator(_parsed(address.host_port))]
PortRange: TypeAlias = Annotated[address.PortRange, PlainValidator(_parsed(address.port_range))]
Ip: TypeAlias = Annotated[str, AfterValidator(address.ip)]
IpOrAuto: TypeAlias = Annotated[str, AfterValidator(_ip_or_auto)]
IpsOrAuto: TypeAlias = Annotated[tuple[IpOrAuto, ...], BeforeValidator(_one_or_many), Field(min_length=1)]
Network: TypeAlias = Annotated[str, AfterValidator(address.network)]
PublicUrl: TypeAlias = Annotated[str, AfterValidator(address.public_url)]
SipUri: TypeAlias = Annotated[str, AfterValidator(_sip)]
TurnUrl: TypeAlias = Annotated[str, AfterValidator(_turn)]
TurnUrls: TypeAlias = Annotated[tuple[TurnUrl, ...], BeforeValidator(_one_or_many), Field(min_length=1)]
Timezone: TypeAlias = Annotated[str, AfterValidator(_zone)]
