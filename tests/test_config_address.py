"""The addresses that a configuration is written with."""

import ipaddress
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parloir.config.address import HostPort, SipAddress, host_port, is_local, listener, overlap, port_range, public_url
from parloir.config.errors import Unfit

hosts = st.one_of(
    st.ip_addresses().map(str),
    st.from_regex(r"[a-z][a-z0-9]{0,10}(\.[a-z][a-z0-9]{0,10}){0,3}", fullmatch=True),
)
ports = st.integers(1, 65535)


@given(st.from_regex(r"[A-Za-z0-9*+_.-]{0,20}", fullmatch=True), hosts, ports)
def test_a_sip_address_is_written_as_it_is_read(user: str, host: str, port: int) -> None:
    address = SipAddress(user, host, port)
    assert SipAddress.parse(str(address)) == address


@given(hosts, ports)
def test_host_and_port_are_written_as_they_are_read(host: str, port: int) -> None:
    assert host_port(str(HostPort(host, port))) == HostPort(host, port)


def _read_or_remedy(read: Callable[[str], object], text: str) -> object:
    try:
        return read(text)
    except Unfit as unfit:
        return unfit.message and unfit.remedy


@given(st.text(alphabet="sip:@[]0159.-ab/ ", max_size=30))
def test_other_text_is_read_or_refused_with_a_remedy(text: str) -> None:
    for read in (SipAddress.parse, host_port, port_range, listener, public_url):
        assert _read_or_remedy(read, text)


def test_a_name_without_port_is_known_as_such_and_written_so() -> None:
    assert SipAddress.parse("sip:pbx.example;transport=tls") == SipAddress("", "pbx.example", 5061, "tls", True)
    assert not SipAddress.parse("sip:pbx.example:5060").portless
    for text in ("sip:pbx.example", "sip:1001@pbx.example;transport=tcp", "sip:pbx.example:5060"):
        assert str(SipAddress.parse(text)) == text


def test_a_sip_address_without_port_has_sips_own() -> None:
    assert SipAddress.parse("sip:1001@10.0.0.20") == SipAddress("1001", "10.0.0.20", 5060)
    assert SipAddress.parse("sip:[2001:db8::1]") == SipAddress("", "2001:db8::1", 5060)


@pytest.mark.parametrize("text", ["tel:1001", "sip:", "sip:1001@", "sip:a b@host", "sip:1@10.0.0.300", "sip:1@h:0"])
def test_what_is_no_sip_address_is_refused(text: str) -> None:
    with pytest.raises(Unfit) as raised:
        SipAddress.parse(text)
    assert raised.value.remedy == "write it like 'sip:1001@10.0.0.20:5060'"


def test_a_listener_has_its_transports_port() -> None:
    assert listener("tls://0.0.0.0") == ("tls", "0.0.0.0", 5061)
    assert listener("UDP://[::]:5070") == ("udp", "::", 5070)


@pytest.mark.parametrize("text", ["https://a/b", "https://a?b", "https://u@a", "ftp://a", "https://", "https://a:b"])
def test_a_public_url_is_scheme_host_and_port_only(text: str) -> None:
    with pytest.raises(Unfit):
        public_url(text)


@given(st.ip_addresses())
def test_only_loopback_is_local(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    assert is_local(str(address)) == address.is_loopback
    assert overlap(str(address), "::")
    assert overlap(str(address), "0.0.0.0") == (address.version == 4 or str(address) == "::")
