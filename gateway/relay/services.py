"""What every bridge of a relay shares."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from parloir.relay.bodies import RelaySettings, Report
from parloir.relay.browsers import Browsers
from parloir.relay.party_clock import OwnClock
from parloir.relay.player import Player, Prompts
from parloir.relay.ports import Ports
from parloir.relay.recorder import Outcome, Recorder
from parloir.relay.switch import Switch


@dataclass(frozen=True)
class Services:
    """The relay's one switch, its ports, its prompts, its browsers' socket, and its clocks (`later` in seconds)."""

    settings: RelaySettings
    switch: Switch
    ports: Ports
    prompts: Prompts
    player: Player
    browsers: Browsers
    recorder: Recorder
    ntp: OwnClock
    clock: Callable[[], int]
    later: Callable[..., Any]


class News(Protocol):
    """What a bridge tells the gateway; legs are "phone" and "browser"."""

    def leg_up(self, bridge: str, leg: str) -> None: ...

    def leg_lost(self, bridge: str, leg: str, why: str) -> None: ...

    def leg_back(self, bridge: str, leg: str) -> None: ...

    def leg_silent(self, bridge: str, leg: str, silent: bool) -> None: ...

    def digit(self, bridge: str, digit: str) -> None: ...

    def keyframe_wanted(self, bridge: str) -> None: ...

    def phone_strays(self, bridge: str) -> None: ...

    def picture_rests(self, bridge: str, rests: bool) -> None: ...

    def quality(self, bridge: str, report: Report) -> None: ...

    def recording_over(self, outcome: Outcome) -> None: ...

    def listener_up(self, bridge: str, listener: str) -> None: ...

    def listener_gone(self, bridge: str, listener: str, why: str) -> None: ...

    def speaker_up(self, bridge: str, speaker: str) -> None: ...

    def speaker_gone(self, bridge: str, speaker: str, why: str) -> None: ...
