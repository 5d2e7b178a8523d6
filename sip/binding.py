"""Where a registered phone is to be reached (RFC 3261 section 10), and what keeps that across a restart."""

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Binding:
    """One contact of one station. Times are seconds since 1970; `flow` is the way its registration came (RFC 5626),
    `path` the proxies between (RFC 3327), `instance` the device's own name (RFC 5626), "" where it gives none."""

    id: str
    facility: str
    station: str
    contact: str
    flow: str
    path: tuple[str, ...]
    call_id: str
    cseq: int
    instance: str
    user_agent: str
    registered: float
    seen: float
    expires: float

    @property
    def owner(self) -> tuple[str, str]:
        """The facility and the station."""
        return self.facility, self.station


class BindingStore(Protocol):
    """Where bindings outlive the process; save and forget return at once and write behind, in order.

    `written` waits until all that was saved or forgotten before has been written, or failed to be.
    """

    def save(self, binding: Binding) -> None: ...

    def forget(self, binding: str) -> None:
        """That binding's id is gone."""

    async def written(self) -> None: ...

    async def left_over(self) -> list[Binding]:
        """Those of the previous run, expired ones among them."""


class Nowhere:
    """Keeps nothing: for those who need no memory across a restart. It serves for bans as well."""

    def save(self, thing: object) -> None:
        """Nothing is kept."""

    def forget(self, key: str) -> None:
        """Nothing was kept."""

    async def written(self) -> None:
        """Nothing has to be."""

    async def left_over(self) -> list[Any]:
        """Nothing."""
        return []
