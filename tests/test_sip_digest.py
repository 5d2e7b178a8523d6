"""Digest on both sides: the RFCs' own examples, and a server that is lied to."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parloir.sip.authenticator import MOST_NONCES, Authenticator, Verdict
from parloir.sip.digest import Algorithm, Challenge, Credentials, Login, answer
from parloir.sip.errors import MalformedMessage

LOGIN = Login("1003", "open sesame", "parloir")
HERE, URI = "10.0.0.21", "sip:10.0.0.5"

RFC7616 = (
    'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm={algorithm}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, '
    'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, response="{response}", '
    'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)


def authenticator(**terms: object) -> Authenticator:
    salts = itertools.count(0x10000000)
    return Authenticator(b"secret", lambda: f"{next(salts):08x}", **terms)  # type: ignore[arg-type]


def shown(
    challenge: str, login: Login = LOGIN, method: str = "REGISTER", uri: str = URI, count: int = 1
) -> Credentials:
    made = answer([challenge], login, method, uri, "cnonce", count=count)
    assert made is not None
    read = Credentials.parse(str(made))
    assert read == made
    return read


# RFC 7616 section 3.9.1.
@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_responses_are_those_of_the_rfc(algorithm: str, response: str) -> None:
    read = Credentials.parse(RFC7616.format(algorithm=algorithm, response=response))
    assert read is not None
    assert read.computed("Circle of Life", "GET") == response
    assert read.computed("Circle of life", "GET") != response


# RFC 2617 section 3.5 and RFC 2069 section 2.4, the latter as corrected by its erratum 749.
@pytest.mark.parametrize(
    ("more", "password", "response"),
    [
        (', qop=auth, nc=00000001, cnonce="0a4f113b"', "Circle Of Life", "6629fae49393a05397450978507c4ef1"),
        ("", "CircleOfLife", "1949323746fe6a43ef61f9606e7febea"),
    ],
)
def test_older_clients_are_understood(more: str, password: str, response: str) -> None:
    realm = "testrealm@host.com"
    text = (
        f'Digest username="Mufasa", realm="{realm}", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
        f'uri="/dir/index.html", response="{response}"{more}'
    )
    read = Credentials.parse(text)
    assert read is not None
    assert read.computed(password, "GET") == response


def test_the_servers_first_known_algorithm_is_answered() -> None:
    challenges = authenticator().challenges(LOGIN, HERE, 0)
    assert [Challenge.parse(text).algorithm for text in challenges] == [Algorithm.SHA_256, Algorithm.MD5]  # type: ignore[union-attr]
    unknown = 'Digest realm="parloir", nonce="n", algorithm=SHA-512-256, qop="auth"'
    made = answer([unknown, "Basic realm=x", "Digest realm", *challenges], LOGIN, "REGISTER", URI, "c")
    assert made is not None
    assert made.algorithm is Algorithm.SHA_256
    assert answer([unknown], LOGIN, "REGISTER", URI, "c") is None
    assert answer(challenges, replace(LOGIN, realm="other"), "REGISTER", URI, "c") is None
    anywhere = answer(challenges, replace(LOGIN, realm=""), "REGISTER", URI, "c")
    assert anywhere is not None
    assert anywhere.realm == "parloir"


def test_a_challenge_may_ask_for_a_session_or_for_integrity() -> None:
    text = 'Digest realm="pbx", nonce="n", algorithm=MD5-sess, qop="auth-int", opaque="o"'
    made = answer([text], Login("gw", "pw"), "INVITE", URI, "c", b"v=0\r\n")
    assert made is not None
    assert (made.qop, made.session, made.opaque) == ("auth-int", True, "o")
    assert made.response == made.computed("pw", "INVITE", b"v=0\r\n") != made.computed("pw", "INVITE", b"v=1\r\n")
    assert "algorithm=MD5-sess" in str(made)
    assert answer(['Digest realm="pbx", nonce="n", qop="other"'], Login("gw", "pw"), "INVITE", URI, "c") is None


def test_each_count_of_a_nonce_is_taken_once() -> None:
    server = authenticator()
    [_, challenge] = server.challenges(LOGIN, HERE, 100)
    first, second = shown(challenge), shown(challenge, count=2)
    assert server.judge(first, LOGIN, "REGISTER", URI, HERE, 101) is Verdict.RIGHT
    assert server.judge(second, LOGIN, "REGISTER", URI, HERE, 102) is Verdict.RIGHT
    assert server.judge(first, LOGIN, "REGISTER", URI, HERE, 103) is Verdict.STALE
    assert server.judge(second, LOGIN, "REGISTER", URI, HERE, 103) is Verdict.STALE
    old = authenticator(lifetime=300.0)
    assert old.judge(shown(old.challenges(LOGIN, HERE, 0)[0]), LOGIN, "REGISTER", URI, HERE, 300.5) is Verdict.STALE


def test_a_nonce_without_counts_serves_once() -> None:
    server = authenticator()
    bare = server.challenges(LOGIN, HERE, 0)[1].replace(', qop="auth"', "")
    made = shown(bare)
    assert (made.qop, made.count) == ("", 0)
    assert server.judge(made, LOGIN, "REGISTER", URI, HERE, 1) is Verdict.RIGHT
    assert server.judge(made, LOGIN, "REGISTER", URI, HERE, 2) is Verdict.STALE


def test_what_is_not_the_password_is_wrong() -> None:
    server = authenticator()
    challenge = server.challenges(LOGIN, HERE, 0)[0]
    made = shown(challenge)
    for login, method, uri in (
        (replace(LOGIN, password="other"), "REGISTER", URI),
        (replace(LOGIN, user="1004"), "REGISTER", URI),
        (replace(LOGIN, realm="other"), "REGISTER", URI),
        (LOGIN, "INVITE", URI),
        (LOGIN, "REGISTER", "sip:elsewhere"),
    ):
        assert server.judge(made, login, method, uri, HERE, 1) is Verdict.WRONG
    assert server.judge(made, LOGIN, "REGISTER", "sip:10.0.0.5:5060;transport=udp", HERE, 1) is Verdict.RIGHT


def test_a_nonce_of_another_hosts_proves_nothing_against_this_one() -> None:
    server = authenticator()
    challenge = server.challenges(LOGIN, "10.0.0.99", 0)[0]
    wrong = shown(challenge, replace(LOGIN, password="guess"))
    assert server.judge(wrong, LOGIN, "REGISTER", URI, HERE, 1) is Verdict.UNPROVEN
    assert server.judge(shown(challenge), LOGIN, "REGISTER", URI, HERE, 1) is Verdict.STALE
    assert server.judge(wrong, LOGIN, "REGISTER", URI, "10.0.0.99", 1) is Verdict.WRONG
    before = authenticator()
    after = Authenticator(b"of the next run", lambda: "0" * 8)
    kept = shown(before.challenges(LOGIN, HERE, 0)[0])
    assert after.judge(kept, LOGIN, "REGISTER", URI, HERE, 1) is Verdict.STALE


def test_a_nonce_forgotten_for_want_of_room_is_not_taken_again() -> None:
    server = authenticator()
    first = shown(server.challenges(LOGIN, HERE, 0)[0])
    assert server.judge(first, LOGIN, "REGISTER", URI, HERE, 1) is Verdict.RIGHT
    for number in range(MOST_NONCES):
        made = shown(server.challenges(LOGIN, HERE, 2 + number / MOST_NONCES)[0])
        assert server.judge(made, LOGIN, "REGISTER", URI, HERE, 3) is Verdict.RIGHT
    assert server.judge(first, LOGIN, "REGISTER", URI, HERE, 4) is Verdict.STALE
    assert server.judge(replace(first, count=2), LOGIN, "REGISTER", URI, HERE, 4) is not Verdict.RIGHT


def test_an_algorithm_that_is_not_offered_is_not_taken() -> None:
    server = authenticator(algorithms=(Algorithm.SHA_256,))
    [challenge] = server.challenges(LOGIN, HERE, 0)
    weaker = shown(challenge.replace("SHA-256", "MD5"))
    assert server.judge(weaker, LOGIN, "REGISTER", URI, HERE, 1) is Verdict.WRONG


def test_a_login_may_have_algorithms_of_its_own() -> None:
    server = authenticator()
    old = replace(LOGIN, algorithms=(Algorithm.MD5,))
    [challenge] = server.challenges(old, HERE, 0)
    assert server.judge(shown(challenge), old, "REGISTER", URI, HERE, 1) is Verdict.RIGHT
    stronger = shown(challenge.replace("MD5", "SHA-256"), count=2)
    assert server.judge(stronger, old, "REGISTER", URI, HERE, 1) is Verdict.WRONG


def test_a_password_is_in_no_representation() -> None:
    assert "sesame" not in repr(LOGIN)


@given(st.text(max_size=80))
def test_strange_values_raise_nothing_else(text: str) -> None:
    for prefix in ("", "Digest ", 'Digest username="a", realm="b", nonce="c", uri="d", response="e", '):
        for parse in (Credentials.parse, Challenge.parse):
            try:
                parse(prefix + text)
            except MalformedMessage:
                continue


WORDS = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_categories=("C", "Z")), max_size=20)


@given(WORDS, WORDS, WORDS, st.sampled_from(Algorithm), st.booleans())
def test_what_is_written_is_read_again(user: str, realm: str, password: str, algorithm: Algorithm, qop: bool) -> None:
    challenge = Challenge(realm, "nonce", algorithm, frozenset({"auth"}) if qop else frozenset())
    assert Challenge.parse(str(challenge)) == challenge
    made = answer([str(challenge)], Login(user, password), "REGISTER", URI, "cnonce")
    assert made is not None
    assert Credentials.parse(str(made)) == made
