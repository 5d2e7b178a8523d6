"""What a gateway takes from its configuration only when it starts. Pure."""

from parloir.config.schema import Config

AT_ONCE = {
    "gateway": {"plugin_deadline"},
    "sip": {"reserved", "session_expires", "ring_timeout", "registrar", "admission"},
}
"""The keys of each part that a reload takes as well. All others of these parts hold from the start."""


def left_until_restart(before: Config, after: Config) -> list[str]:
    """The keys that are other now and wait for a restart, as paths into the file."""
    old, new = _standing(before), _standing(after)
    return sorted(key for key in old | new if new.get(key) != old.get(key))


def _standing(config: Config) -> dict[str, object]:
    """All that holds from the start, by path."""
    found: dict[str, object] = {"webrtc": config.webrtc, "recording": config.recording}
    for name, section in (("gateway", config.gateway), ("sip", config.sip)):
        found |= {f"{name}.{key}": value for key, value in section if key not in AT_ONCE[name]}
    for id, facility in config.facilities.items():
        for name, trunk in facility.trunks.items():
            if trunk.rtp_address is not None:
                found[f"facilities.{id}.trunks.{name}.rtp_address"] = trunk.rtp_address
    return found
