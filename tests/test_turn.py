"""TURN credentials as coturn verifies them."""

import pytest

from parloir.webrtc.turn import credentials


def test_credentials_are_what_coturn_computes() -> None:
    username, credential = credentials("north", "visit-7", now=1_000_000.9, lifetime=3600)
    assert username == "1003600:visit-7"
    assert credential == "Z2PK3PFWXEDTLOXCrik6g8ADUWY="


def test_another_secret_makes_another_credential() -> None:
    assert credentials("a", "visit", 0, 60) != credentials("b", "visit", 0, 60)


def test_a_name_that_would_hide_the_expiry_is_refused() -> None:
    with pytest.raises(ValueError, match="colon"):
        credentials("north", "9999999999:visit", 0, 60)
