"""DTLS with a browser: keys that fit, certificates that do not, and nothing left behind."""

import asyncio
import gc
import os

import pytest
from aiortc import RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport, rtcdtlstransport
from OpenSSL import SSL

from parloir.webrtc import dtls
from parloir.webrtc.dtls import DtlsMisuse, DtlsSession, Keys, Profile, fingerprint, new_certificate
from parloir.webrtc.hashes import HASHES

from .browser_port import receiver, sender
from .dtls_peer import Meeting, on_loop

RTP = bytes.fromhex("8000000100000000deadbeef") + bytes(1200)
BROWSERS = {
    Profile.AES_128_GCM: rtcdtlstransport.SRTP_AEAD_AES_128_GCM,
    Profile.AES_128_CM: rtcdtlstransport.SRTP_AES128_CM_SHA1_80,
    Profile.AES_256_GCM: rtcdtlstransport.SRTP_AEAD_AES_256_GCM,
}


@on_loop
async def test_keys_of_both_sides_fit_each_other() -> None:
    meeting = Meeting()
    await meeting.shake_hands()
    keys = await meeting.keys
    assert receiver(keys).unprotect(meeting.browser._tx_srtp.protect(RTP)) == RTP
    assert meeting.browser._rx_srtp.unprotect(sender(keys).protect(RTP)) == RTP
    meeting.session.stop()
    await meeting.browser.stop()


@on_loop
async def test_of_all_that_a_browser_offers_aes_128_gcm_is_taken() -> None:
    meeting = Meeting()
    await meeting.shake_hands()
    keys = await meeting.keys
    assert keys.profile == "AEAD_AES_128_GCM"
    assert [len(keys.receive_key), len(keys.receive_salt), len(keys.send_key), len(keys.send_salt)] == [16, 12, 16, 12]
    meeting.session.stop()
    await meeting.browser.stop()


@pytest.mark.parametrize("profile", list(Profile))
@on_loop
async def test_a_browser_with_one_profile_gets_that_one(profile: Profile) -> None:
    meeting = Meeting()
    meeting.browser._srtp_profiles = [BROWSERS[profile]]
    await meeting.shake_hands()
    keys = await meeting.keys
    assert keys.profile is profile
    assert receiver(keys).unprotect(meeting.browser._tx_srtp.protect(RTP)) == RTP
    meeting.session.stop()
    await meeting.browser.stop()


@on_loop
async def test_another_certificate_than_the_signalled_one_is_not_connected() -> None:
    meeting = Meeting()
    await meeting.shake_hands(fingerprint(new_certificate()))
    await asyncio.wait((meeting.keys, meeting.ended), return_when=asyncio.FIRST_COMPLETED)
    assert not meeting.keys.done()
    assert meeting.ended.result().startswith("fingerprint")
    await meeting.browser.stop()


@on_loop
async def test_fingerprints_of_unknown_hashes_only_are_refused() -> None:
    meeting = Meeting()
    meeting.session.start((("md5", "00:11"),))
    assert (await meeting.ended).startswith("fingerprint")


@on_loop
async def test_a_browser_that_closes_is_reported_once() -> None:
    meeting = Meeting()
    await meeting.shake_hands()
    await meeting.keys
    await meeting.browser.stop()
    assert await meeting.ended == "closed by the browser"
    meeting.session.stop()


@on_loop
async def test_stopping_tells_the_browser_and_reports_nothing() -> None:
    meeting = Meeting()
    await meeting.shake_hands()
    await meeting.keys
    meeting.session.stop()
    meeting.session.stop()
    data = await meeting.wire.inbox.get()
    assert data[0] == 21
    await asyncio.sleep(0)
    assert not meeting.ended.done()
    await meeting.browser.stop()


@on_loop
async def test_a_lost_first_flight_is_sent_again() -> None:
    meeting = Meeting(lose=lambda count: count == 1)
    await meeting.shake_hands()
    await meeting.keys
    meeting.session.stop()
    await meeting.browser.stop()


@on_loop
async def test_a_browser_that_stops_answering_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    async def expired(association: RTCDtlsTransport) -> None:
        raise SSL.Error([("SSL routines", "", "read timeout expired")])

    meeting = Meeting()
    monkeypatch.setattr(dtls._Association, "_recv_next", expired)
    meeting.session.start((fingerprint(meeting.theirs),))
    assert await meeting.ended == "the browser stopped answering the DTLS handshake"


@on_loop
async def test_a_datagram_that_cannot_be_sent_is_only_lost() -> None:
    meeting = Meeting()
    deliver, failures = meeting.wire.inbox.put_nowait, [OSError("unreachable")]

    def send(data: bytes) -> None:
        if failures:
            raise failures.pop()
        deliver(data)

    meeting.session._pipe.send = send
    await meeting.shake_hands()
    assert (await meeting.keys).profile is Profile.AES_128_GCM
    meeting.session.stop()
    await meeting.browser.stop()


@on_loop
async def test_a_hello_that_comes_before_the_answer_is_kept() -> None:
    meeting = Meeting()
    own = RTCDtlsParameters([RTCDtlsFingerprint(*fingerprint(meeting.own))])
    browser = asyncio.ensure_future(meeting.browser.start(own))
    await asyncio.sleep(0)
    meeting.session.start((fingerprint(meeting.theirs),))
    await meeting.keys
    await browser
    meeting.session.stop()
    await meeting.browser.stop()


@on_loop
async def test_garbage_changes_nothing() -> None:
    meeting = Meeting()
    for size in (0, 1, 12, 13, 1400, 3000):
        meeting.session.receive(bytes([22]) * size)
        meeting.session.receive(bytes([128]) * size)
        meeting.session.receive(os.urandom(size))
    await meeting.shake_hands()
    keys = await meeting.keys
    for size in (13, 100, 1400):
        meeting.session.receive(bytes([23]) + os.urandom(size))
    await asyncio.sleep(0)
    assert receiver(keys).unprotect(meeting.browser._tx_srtp.protect(RTP)) == RTP
    assert not meeting.ended.done()
    meeting.session.stop()
    await meeting.browser.stop()


@on_loop
async def test_a_flood_before_the_handshake_is_bounded() -> None:
    session = DtlsSession(new_certificate(), lambda data: None, lambda keys: None, lambda why: None)
    for _ in range(1000):
        session.receive(bytes([22]) * 100)
    assert len(session._pipe._waiting) == dtls._MOST_WAITING
    session.stop()


@on_loop
async def test_a_session_starts_once() -> None:
    meeting = Meeting()
    await meeting.shake_hands()
    with pytest.raises(DtlsMisuse):
        meeting.session.start((fingerprint(meeting.theirs),))
    meeting.session.stop()
    with pytest.raises(DtlsMisuse):
        meeting.session.start((fingerprint(meeting.theirs),))
    await meeting.browser.stop()


@on_loop
async def test_two_hundred_sessions_leave_nothing() -> None:
    certificate = new_certificate()
    tasks, descriptors = len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))
    for count in range(200):
        session = DtlsSession(certificate, lambda data: None, lambda keys: None, lambda why: None)
        session.start((fingerprint(certificate),))
        if count % 2:
            await asyncio.sleep(0)
        session.stop()
    meetings = [Meeting(certificate) for _ in range(4)]
    for meeting in meetings:
        await meeting.shake_hands()
        meeting.session.stop()
        await meeting.browser.stop()
    del session, meeting, meetings
    for _ in range(5):
        await asyncio.sleep(0)
    gc.collect()
    assert len(asyncio.all_tasks()) == tasks
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert not [each for each in gc.get_objects() if isinstance(each, (SSL.Connection, dtls._Association))]


def test_secrets_are_not_shown() -> None:
    keys = Keys(Profile.AES_128_GCM, b"secret-key", b"secret-salt", b"other-key", b"other-salt")
    assert "secret" not in repr(keys)
    assert "other" not in repr(keys)


@pytest.mark.parametrize(
    "name",
    ["_do_handshake", "_recv_next", "_set_role", "_set_state", "_setup_srtp", "_validate_peer_identity", "start"],
)
def test_aiortc_still_has_what_dtls_overrides(name: str) -> None:
    assert callable(getattr(RTCDtlsTransport, name)), f"aiortc moved RTCDtlsTransport.{name}: adapt webrtc/dtls.py"


@on_loop
async def test_aiortc_keeps_no_keys_of_its_own() -> None:
    meeting = Meeting()
    await meeting.shake_hands()
    await meeting.keys
    association = meeting.session._association
    assert association._rx_srtp is None, "aiortc sets up SRTP by another name: adapt webrtc/dtls.py"
    assert association._tx_srtp is None
    assert association.keys is None
    assert set(rtcdtlstransport.X509_DIGEST_ALGORITHMS) == HASHES
    assert set(dtls._PROFILES.values()) == set(rtcdtlstransport.SRTP_PROFILES)
    meeting.session.stop()
    await meeting.browser.stop()
