"""What the two parties agreed, in the words of the relay. Pure."""

from parloir.relay.commands import BrowserSide, BrowserStream, PhoneSide, PhoneStream
from parloir.rtp.agreement import Agreed, Agreement
from parloir.webrtc.sdp import BrowserOffer


def phone_side(agreement: Agreement) -> PhoneSide:
    """The relay's view of the phone's leg."""
    return PhoneSide(streams=tuple(_phone_stream(s) for s in agreement.streams))


def _phone_stream(agreed: Agreed) -> PhoneStream:
    codec = agreed.phone.codec
    return PhoneStream(
        kind=agreed.kind,
        remote=agreed.address,
        rtcp=agreed.media.rtcp,
        codec=codec.name,
        clock=codec.clock,
        channels=codec.channels,
        ptime=agreed.ptime,
        send_type=agreed.phone.payload_type,
        receive_type=agreed.receive_type,
        event_type=agreed.event.payload_type if agreed.event else None,
        packetization_mode=agreed.packetization_mode,
        parameter_sets=agreed.parameter_sets,
        bitrate=agreed.bitrate,
        feedback=agreed.phone.feedback,
    )


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
