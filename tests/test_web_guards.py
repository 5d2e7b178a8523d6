"""Who is asking, how often, with which secret, over which certificate."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parloir.web.allowance import Allowance, Allowances
from parloir.web.bearer import Bearer
from parloir.web.errors import BadCertificate, BadToken, Refused
from parloir.web.origin import client_address, networks, origin_allowed
from parloir.web.tls import Certificate

from .certificates import write_certificate

PROXIES = networks(["10.0.0.0/8", "::1"])


@given(st.lists(st.floats(0, 10), max_size=200))
def test_an_allowance_is_never_exceeded_in_any_window(gaps: list[float]) -> None:
    allowance, now, taken = Allowance(5, 10.0), 0.0, []
    for gap in gaps:
        now += gap
        if allowance.take(now):
            taken.append(now)
    for start in taken:
        # What a full bucket gives at once, and what refills meanwhile.
        assert len([at for at in taken if start <= at < start + 10]) <= 10


def test_an_allowance_refills() -> None:
    allowance = Allowance(2, 10.0)
    assert [allowance.take(0), allowance.take(0), allowance.take(0)] == [True, True, False]
    assert allowance.take(5.01)


def test_each_address_has_its_own_allowance_and_memory_is_bounded() -> None:
    allowances = Allowances(1, 60.0, addresses=2)
    assert allowances.take("a", 0)
    assert not allowances.left("a", 0)
    assert allowances.left("b", 0)
    assert allowances.take("b", 0)
    assert allowances.take("c", 0)
    assert allowances.left("a", 0)
    assert not allowances.left("c", 0)


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("10.1.1.1", [], "10.1.1.1"),
        ("10.1.1.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.1.1.1", ["6.6.6.6, 198.51.100.1, 10.2.2.2"], "198.51.100.1"),
        ("10.1.1.1", ["6.6.6.6", "198.51.100.1"], "198.51.100.1"),
        ("::ffff:10.1.1.1", ["2001:db8::5"], "2001:db8::5"),
        ("10.1.1.1", ["6.6.6.6, nonsense"], "10.1.1.1"),
        ("::1", ["::ffff:198.51.100.1"], "198.51.100.1"),
    ],
)
def test_only_trusted_proxies_are_believed_about_the_client(peer: str, forwarded: list[str], client: str) -> None:
    assert client_address(peer, forwarded, PROXIES) == client


@given(st.lists(st.text(max_size=30), max_size=5))
def test_no_forwarded_header_can_break_the_address(forwarded: list[str]) -> None:
    assert client_address("10.0.0.1", forwarded, PROXIES)


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        ("https://visits.example", "visits.example", True),
        ("https://visits.example", "10.0.0.5:8080", True),
        ("http://10.0.0.5:8080", "10.0.0.5:8080", True),
        ("https://visits.example.evil", "visits.example", False),
        ("https://evil.example", "visits.example", False),
        ("null", "visits.example", False),
        (None, "visits.example", True),
    ],
)
def test_origins(origin: str | None, host: str, allowed: bool) -> None:
    assert origin_allowed(origin, host, "https://visits.example") is allowed


def test_a_replaced_token_counts_at_once(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first-token-of-all\n")
    bearer = Bearer(file)
    bearer.check("Bearer first-token-of-all", "a", 0)
    (tmp_path / "new").write_text("second-token-of-all\n")
    (tmp_path / "new").replace(file)
    bearer.check("bearer second-token-of-all", "a", 0)
    with pytest.raises(Refused):
        bearer.check("Bearer first-token-of-all", "a", 0)


@pytest.mark.parametrize("header", [None, "", "Basic abc", "Bearer", "Bearer wrong", "Bearer \xff"])
def test_anything_else_is_401(tmp_path: Path, header: str | None) -> None:
    (tmp_path / "token").write_text("first-token-of-all")
    with pytest.raises(Refused) as refused:
        Bearer(tmp_path / "token").check(header, "a", 0)
    assert refused.value.status == 401


def test_a_missing_or_short_token_is_refused_at_start(tmp_path: Path) -> None:
    with pytest.raises(BadToken, match="parloir init"):
        Bearer(tmp_path / "none")
    (tmp_path / "short").write_text("secret")
    with pytest.raises(BadToken, match="under 16"):
        Bearer(tmp_path / "short")


def test_a_renewed_certificate_is_used_and_a_broken_renewal_is_not(tmp_path: Path) -> None:
    files = write_certificate(tmp_path)
    certificate = Certificate(*files)
    first = certificate.getContext()
    assert certificate.getContext() is first
    write_certificate(tmp_path)
    second = certificate.getContext()
    assert second is not first
    files[0].write_text("half a certifica")
    assert certificate.getContext() is second


def test_a_certificate_and_the_key_of_another_are_refused(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    certificate, _ = write_certificate(one)
    _, key = write_certificate(other)
    with pytest.raises(BadCertificate, match="its key"):
        Certificate(certificate, key)
    with pytest.raises(BadCertificate, match="No such file"):
        Certificate(certificate, tmp_path / "none.pem")
