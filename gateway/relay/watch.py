"""What is observed of a bridge's parties once a second: do they send, and does media flow both ways. Pure."""

from dataclasses import dataclass

from parloir.rtp.flow import Flow, Leg


@dataclass(frozen=True)
class Sight:
    """One party at one time: its media packets so far, and whether RTCP has come from it since the last sight."""

    packets: int
    rtcp_alive: bool


@dataclass
class _Party:
    packets: int = 0
    since: float | None = None
    silent: bool = False


class Watch:
    """Times in seconds; a party that sends nothing for `timeout` is silent, be it muted, lost or dead."""

    def __init__(self, timeout: float) -> None:
        self.flow = Flow()
        self._timeout = timeout
        self._parties = {leg: _Party() for leg in Leg}

    def see(self, leg: Leg, sight: Sight, now: float) -> bool | None:
        """Note a sight; True when the party has just become silent, False when it is heard again, None otherwise.

        A party's silence counts from when it was first seen here, so call this only while its leg is up.
        """
        self.flow.observe(int(now * 1000), leg, sight.packets, sight.rtcp_alive)
        party = self._parties[leg]
        if party.since is None or sight.packets != party.packets:
            party.packets, party.since = sight.packets, now
        silent = now - party.since >= self._timeout
        if silent == party.silent:
            return None
        party.silent = silent
        return silent
