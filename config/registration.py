"""How phones may register here, and who is read at all: the keys `sip.registrar` and `sip.admission`."""

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, Strict, model_validator

from parloir.config.errors import Unfit
from parloir.config.values import Count, Network, Seconds, Section, Text

Rate: TypeAlias = Annotated[float, Strict(), Field(gt=0, le=1_000_000)]
Algorithms: TypeAlias = Annotated[tuple[Literal["sha-256", "md5"], ...], Field(min_length=1, max_length=2)]


class Registrar(Section):
    """What phones that register here are told; seconds. `contacts` is how many phones may be one station at once.

    `policy` says what becomes of one more: it takes the oldest one's place, or is refused.
    """

    realm: Text = "parloir"
    algorithms: Algorithms = ("sha-256", "md5")
    min_expires: Count = Field(default=60, le=86_400)
    max_expires: Count = Field(default=3600, le=604_800)
    contacts: Count = Field(default=1, le=16)
    policy: Literal["replace", "refuse"] = "replace"

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min_expires > self.max_expires:
            raise Unfit("min_expires is above max_expires", "write the lower one first")
        return self


class Admission(Section):
    """How much is read of whom: messages a second from each source that is known, from each that is not and comes to
    register, and from all of the latter together. `failures` wrong passwords bring a ban of `ban` seconds, twice as
    long each further time, `longest_ban` at most. Nobody in `allow` is limited or banned."""

    rate: Rate = 500.0
    unknown_rate: Rate = 5.0
    unknown_total: Rate = 50.0
    failures: Count = Field(default=5, le=1000)
    ban: Seconds = 60.0
    longest_ban: Seconds = 86_400.0
    allow: tuple[Network, ...] = ()
