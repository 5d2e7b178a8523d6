"""Who is read: known sources, phones that come to register, and how long who guesses is not heard."""

from parloir.sip.admission import MOST_BANS, MOST_SOURCES, Admission, AdmissionTerms, Verdict
from parloir.sip.digest import Login
from parloir.sip.logins import Logins, StationLogin

NOW = 1_800_000_000.0
REGISTER = b"REGISTER sip:10.0.0.5 SIP/2.0\r\nUser-Agent: Phone/1\r\n\r\n"
INVITE = b"INVITE sip:123456@10.0.0.5 SIP/2.0\r\n\r\n"
HOST = "198.51.100.7"


def test_only_what_registers_one_of_ours_is_read_from_a_stranger() -> None:
    door = Admission(AdmissionTerms())
    assert door.judge(HOST, False, True, REGISTER, NOW) is Verdict.IN
    assert door.judge(HOST, False, False, REGISTER, NOW) is Verdict.STRANGER
    assert door.judge(HOST, False, False, INVITE, NOW) is Verdict.STRANGER
    assert door.judge(HOST, True, False, INVITE, NOW) is Verdict.IN


def test_those_who_name_nobody_of_ours_do_not_crowd_the_door() -> None:
    door = Admission(AdmissionTerms(unknown=1, door=1))
    for _ in range(1000):
        assert door.judge(HOST, False, False, REGISTER, NOW) is Verdict.STRANGER
    assert door.judge(HOST, False, True, REGISTER, NOW) is Verdict.IN


def test_a_scanner_is_known_by_its_name() -> None:
    door = Admission(AdmissionTerms())
    for name in (b"friendly-scanner", b"SIPVicious/0.3", b"sipcli/v1.8", b"VaxSIPUserAgent/3.1", b"pplsip"):
        scan = REGISTER.replace(b"Phone/1", name)
        assert door.judge(HOST, False, True, scan, NOW) is Verdict.SCANNER
        assert door.judge(HOST, True, True, scan, NOW) is Verdict.IN


def test_strangers_knock_slowly_each_and_together() -> None:
    door = Admission(AdmissionTerms(unknown=5, door=50))
    assert [door.judge(HOST, False, True, REGISTER, NOW) for _ in range(25)].count(Verdict.IN) == 20
    assert [door.judge(HOST, False, True, REGISTER, NOW + 1) for _ in range(25)].count(Verdict.IN) == 5
    many = [door.judge(f"10.1.{n // 250}.{n % 250}", False, True, REGISTER, NOW + 1) for n in range(1000)]
    assert many.count(Verdict.IN) <= 200
    assert door.judge("10.2.0.1", False, True, REGISTER, NOW + 3) is Verdict.IN


def test_a_known_source_that_floods_is_cut_to_its_rate() -> None:
    door = Admission(AdmissionTerms(known=100))
    assert [door.judge(HOST, True, False, INVITE, NOW) for _ in range(500)].count(Verdict.IN) == 400
    assert door.judge("10.0.0.9", True, False, INVITE, NOW) is Verdict.IN
    assert door.judge(HOST, True, False, INVITE, NOW - 3600) is Verdict.FLOOD, "the clock was set back"
    assert door.judge(HOST, True, False, INVITE, NOW - 3599) is Verdict.IN


def test_wrong_passwords_bring_bans_that_grow() -> None:
    door, now, lengths = Admission(AdmissionTerms(failures=3, ban=60, longest=300)), NOW, []
    for _ in range(5):
        assert [door.failed(HOST, now) for _ in range(2)] == [None, None]
        ban = door.failed(HOST, now)
        assert ban is not None
        assert door.judge(HOST, True, True, REGISTER, ban.until - 0.1) is Verdict.BANNED
        assert door.banned(HOST, ban.until - 0.1)
        assert door.judge(HOST, True, True, REGISTER, ban.until) is Verdict.IN
        lengths.append(ban.until - ban.since)
        now = ban.until
    assert lengths == [60, 120, 240, 300, 300]
    assert door.forgive(now + 86_399) == ()
    assert door.forgive(now + 86_400) == (HOST,)


def test_a_right_password_forgives_slips() -> None:
    door = Admission(AdmissionTerms(failures=3))
    for _ in range(10):
        assert door.failed(HOST, NOW) is None
        assert door.failed(HOST, NOW) is None
        door.succeeded(HOST)
    assert door.bans(NOW) == []


def test_allowed_networks_are_never_banned_or_limited() -> None:
    door = Admission(AdmissionTerms(known=1, unknown=1, door=1, failures=1, allow=("198.51.100.0/24", "2001:db8::1")))
    for host in (HOST, "2001:db8::1"):
        assert all(door.failed(host, NOW) is None for _ in range(10))
        assert all(door.judge(host, known, True, REGISTER, NOW) is Verdict.IN for known in [True, False] * 50)
    assert door.failed("2001:db8::2", NOW) is not None


def test_bans_outlive_a_restart_and_are_lifted_by_hand() -> None:
    first = Admission(AdmissionTerms(failures=1))
    ban = first.failed(HOST, NOW)
    assert ban is not None
    second = Admission(AdmissionTerms(failures=1))
    second.restore([ban])
    assert second.bans(NOW) == [ban]
    assert second.lift(HOST)
    assert not second.lift(HOST)
    assert second.judge(HOST, False, True, REGISTER, NOW) is Verdict.IN
    third = Admission(AdmissionTerms(allow=(HOST,)))
    third.restore([ban])
    assert third.bans(NOW) == []


def test_memory_is_bounded_whoever_comes() -> None:
    door = Admission(AdmissionTerms(failures=1, door=1e9))
    for number in range(MOST_BANS + 200):
        host = f"10.1.{number // 250}.{number % 250}"
        door.judge(host, False, True, REGISTER, NOW)
        door.judge(host, True, True, REGISTER, NOW)
        door.failed(host, NOW)
    sizes = [len(value) for value in vars(door).values() if hasattr(value, "__len__")]
    assert max(sizes) <= MOST_BANS
    assert max(len(door._known._of), len(door._unknown._of), len(door._door._of)) <= MOST_SOURCES


def test_a_registration_of_ours_is_seen_before_it_is_read() -> None:
    logins = Logins([StationLogin("north", "pod-a-3", Login("1003", "x", "parloir"))])
    for to in (
        b"To: <sip:1003@10.0.0.5>",
        b't : "Pod: 3" <sips:1003@10.0.0.5>;x=y',
        b"TO:sip:1003@10.0.0.5",
        b"To: <sip:1003@[::1]:5060>",
    ):
        assert logins.are_meant(b"REGISTER sip:10.0.0.5 SIP/2.0\r\n" + to + b"\r\n\r\n")
    for other in (
        b"REGISTER sip:1003@10.0.0.5 SIP/2.0\r\nTo: <sip:10.0.0.5>\r\n\r\n",
        b"REGISTER sip:10.0.0.5 SIP/2.0\r\nTo: <sip:1004@10.0.0.5>\r\n\r\n",
        b"INVITE sip:10.0.0.5 SIP/2.0\r\nTo: <sip:1003@10.0.0.5>\r\n\r\n",
        b"REGISTER",
    ):
        assert not logins.are_meant(other)
