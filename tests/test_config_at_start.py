"""A configuration read again: which of its keys wait for a restart."""

from typing import Any

import pytest

from parloir.config.at_start import AT_ONCE, left_until_restart
from parloir.config.schema import Config, Gateway, Sip

PBX = {"address": "sip:10.0.0.10"}
WITH_RTP = PBX | {"rtp_address": "192.0.2.1"}
FACILITY = {"name": "North", "timezone": "America/Chicago", "stations": {}, "trunks": {"pbx": PBX}}


def config(**parts: Any) -> Config:
    return Config.model_validate({"facilities": {"north": FACILITY}} | parts)


@pytest.mark.parametrize(
    ("parts", "keys"),
    [
        ({}, []),
        ({"sip": {"calls": 32, "ring_timeout": 20}}, ["sip.calls"]),
        ({"sip": {"registrar": {"contacts": 2}, "admission": {"failures": 9}}}, []),
        ({"gateway": {"drain": 5}, "webrtc": {"relays": 2}}, ["gateway.drain", "webrtc"]),
        ({"facilities": {"north": FACILITY | {"trunks": {}}, "south": FACILITY}}, []),
        (
            {"facilities": {"north": FACILITY | {"trunks": {"pbx": WITH_RTP}}}},
            ["facilities.north.trunks.pbx.rtp_address"],
        ),
    ],
)
def test_only_what_holds_from_the_start_waits_for_a_restart(parts: dict[str, Any], keys: list[str]) -> None:
    assert left_until_restart(config(), config(**parts)) == keys


def test_what_is_taken_at_once_is_there() -> None:
    assert set(Gateway.model_fields) > AT_ONCE["gateway"]
    assert set(Sip.model_fields) > AT_ONCE["sip"]
