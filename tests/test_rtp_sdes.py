"""Keys in session descriptions (RFC 4568): which lines can be used, and how one is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parloir.rtp.errors import UnusableKey
from parloir.rtp.sdes import Key, Suite, parse

MASTER = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
"""RFC 4568 section 9.1's own."""


def keys() -> st.SearchStrategy[Key]:
    return st.sampled_from(Suite).flatmap(
        lambda suite: st.builds(
            Key,
            st.integers(0, 999_999_999),
            st.just(suite),
            st.binary(min_size=suite.octets, max_size=suite.octets),
            st.none() | st.integers(1, 1 << 48),
            st.none() | st.binary(min_size=1, max_size=128),
        )
    )


def test_the_examples_of_the_rfc_are_read() -> None:
    """RFC 4568 sections 4, 6.1 and 9.1."""
    found = parse(f"1 AES_CM_128_HMAC_SHA1_80 inline:{MASTER}|2^20|1:4")
    assert (found.tag, found.suite, len(found.master)) == (1, Suite.AES_128_CM_80, 30)
    assert (found.lifetime, found.identifier) == (1 << 20, b"\x00\x00\x00\x01")
    assert parse("2 AES_CM_128_HMAC_SHA1_32 inline:" + MASTER).lifetime is None
    assert parse("1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|1066:4").identifier == (
        (1066).to_bytes(4, "big")
    )


def test_a_gcm_key_is_read_with_its_padding_or_without() -> None:
    for octets, suite in ((28, Suite.AES_128_GCM), (44, Suite.AES_256_GCM)):
        written = str(Key(1, suite, bytes(range(octets))))
        assert parse(written).master == bytes(range(octets))
        assert parse(written.rstrip("=")).master == bytes(range(octets))


@pytest.mark.parametrize("parameter", ["WSH=64", "KDR=0", "FEC_ORDER=FEC_SRTP", "-WSH=64", "-unknown", "WSH=128 -x=1"])
def test_parameters_that_change_nothing_for_us_are_passed_over(parameter: str) -> None:
    assert parse(f"1 AES_CM_128_HMAC_SHA1_80 inline:{MASTER} {parameter}").tag == 1


@pytest.mark.parametrize(
    "value",
    [
        "",
        "1",
        f"x AES_CM_128_HMAC_SHA1_80 inline:{MASTER}",
        f"1 F8_128_HMAC_SHA1_80 inline:{MASTER}",
        f"1 AES_CM_128_HMAC_SHA1_80 uri:{MASTER}",
        "1 AES_CM_128_HMAC_SHA1_80 inline:",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{MASTER[:-4]}",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{MASTER[:-1]}*",
        f"1 AEAD_AES_256_GCM inline:{MASTER}",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{MASTER}|2^20|1:4;inline:{MASTER}|2^20|2:4",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{MASTER}|2^49",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{MASTER}|0",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{MASTER}|2^20|256:1",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{MASTER}|2^20|1:129",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{MASTER}|2^20|1:4|more",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{MASTER} KDR=1",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{MASTER} UNENCRYPTED_SRTP",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{MASTER} UNENCRYPTED_SRTCP",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{MASTER} UNAUTHENTICATED_SRTP",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{MASTER} FEC_ORDER=SRTP_FEC",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{MASTER} unknown",
    ],
)
def test_a_line_that_cannot_be_used_is_refused_without_showing_its_key(value: str) -> None:
    with pytest.raises(UnusableKey) as refused:
        parse(value)
    assert MASTER[:8] not in str(refused.value)


def test_a_key_is_not_shown() -> None:
    key = parse(f"1 AES_CM_128_HMAC_SHA1_80 inline:{MASTER}")
    assert MASTER[:8] not in repr(key)
    assert "semctl" not in repr(key)


@given(keys())
def test_a_key_is_read_as_it_was_written(key: Key) -> None:
    assert parse(str(key)) == key


@given(st.text(max_size=120) | st.builds("1 AES_CM_128_HMAC_SHA1_80 inline:{}".format, st.text(max_size=80)))
def test_any_text_is_a_key_or_refused(text: str) -> None:
    try:
        parse(text)
    except UnusableKey:
        return
    assert "inline:" in text.lower()
