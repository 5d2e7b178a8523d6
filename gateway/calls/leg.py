"""What the two parties agreed, in the words of the relay. Pure."""

from collections.abc import Mapping

from parloir.relay.bodies import BrowserSide, BrowserStream, PhoneSide, PhoneStream, Secrets
from parloir.rtp.agreement import Agreed, Agreement
from parloir.rtp.description import Kind
from parloir.rtp.sdes import Key
from parloir.webrtc.sdp import BrowserOffer


def phone_side(agreement: Agreement, keys: Mapping[Kind, Key], signalled_from: str = "") -> PhoneSide:
    """The relay's view of the phone's leg.

    `keys` are ours, of each kind that is encrypted. With `signalled_from`, the host that the phone's SIP comes from,
    its media may come from another port of the host that its SDP names, or of that one.
    """
    return PhoneSide(streams=tuple(_phone_stream(s, keys.get(s.kind), signalled_from) for s in agreement.streams))


def _phone_stream(agreed: Agreed, ours: Key | None, signalled_from: str) -> PhoneStream:
    codec, remote = agreed.phone.codec, agreed.address
    return PhoneStream(
        kind=agreed.kind,
        remote=remote,
        rtcp=agreed.media.rtcp,
        codec=codec.name,
        clock=codec.clock,
        channels=codec.channels,
        ptime=agreed.ptime,
        send_type=agreed.phone.payload_type,
        receive_type=agreed.receive_type,
        events=tuple((event.payload_type, event.codec.clock) for event in agreed.events),
        packetization_mode=agreed.packetization_mode,
        parameter_sets=agreed.parameter_sets,
        bitrate=agreed.bitrate,
        feedback=agreed.phone.feedback,
        multiplexed=agreed.media.rtcp_mux,
        latch=tuple(dict.fromkeys((remote.host, signalled_from))) if signalled_from else (),
        secrets=_secrets(agreed.key, ours),
    )


def _secrets(theirs: Key | None, ours: Key | None) -> Secrets | None:
    """Both directions' keys; None for plain RTP."""
    if theirs is None:
        return None
    assert ours is not None, "an encrypted stream has a key of ours"
    identifier = len(theirs.identifier or b"")
    return Secrets(profile=theirs.suite, receive=theirs.master, send=ours.master, identifier=identifier)


def browser_side(agreement: Agreement, offer: BrowserOffer) -> BrowserSide:
    """The relay's view of the browser's leg: its offer under what was agreed."""
    return BrowserSide(
        fingerprints=offer.fingerprints,
        streams=tuple(_browser_stream(s, offer) for s in agreement.streams),
    )


def _browser_stream(agreed: Agreed, offer: BrowserOffer) -> BrowserStream:
    codec = agreed.browser.codec
    return BrowserStream(
        kind=agreed.kind,
        codec=codec.name,
        clock=codec.clock,
        channels=codec.channels,
        ptime=agreed.ptime,
        payload_type=agreed.browser.payload_type,
        ssrcs=offer.ssrcs(agreed.kind),
        abs_send_time=offer.abs_send_time(agreed.kind),
        bitrate=agreed.bitrate,
    )
