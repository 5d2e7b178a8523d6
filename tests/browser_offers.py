"""Offers as browsers make them, in their parts, so that a test can change one."""

FINGERPRINT = ":".join(["AB"] * 32)
TRANSPORT = (
    "c=IN IP4 0.0.0.0",
    "a=rtcp:9 IN IP4 0.0.0.0",
    "a=ice-ufrag:Vq3x",
    "a=ice-pwd:0123456789abcdefghijklmn",
    "a=ice-options:trickle",
    f"a=fingerprint:sha-256 {FINGERPRINT}",
    "a=setup:actpass",
)
SESSION = ("v=0", "o=- 4611731400430051336 2 IN IP4 127.0.0.1", "s=-", "t=0 0")
AUDIO = (
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126",
    *TRANSPORT,
    "a=mid:0",
    "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    "a=sendrecv",
    "a=rtcp-mux",
    "a=rtcp-rsize",
    "a=rtpmap:111 opus/48000/2",
    "a=rtcp-fb:111 transport-cc",
    "a=fmtp:111 minptime=10;useinbandfec=1",
    "a=rtpmap:63 red/48000/2",
    "a=rtpmap:9 G722/8000",
    "a=rtpmap:0 PCMU/8000",
    "a=rtpmap:8 PCMA/8000",
    "a=rtpmap:13 CN/8000",
    "a=rtpmap:110 telephone-event/48000",
    "a=rtpmap:126 telephone-event/8000",
    "a=ssrc:752722301 cname:W1qgOaogOImn1AhB",
)
VIDEO = (
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97 108 109",
    *TRANSPORT,
    "a=mid:1",
    "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    "a=sendrecv",
    "a=rtcp-mux",
    "a=rtpmap:96 VP8/90000",
    "a=rtcp-fb:96 nack pli",
    "a=rtpmap:97 rtx/90000",
    "a=fmtp:97 apt=96",
    "a=rtpmap:108 H264/90000",
    "a=rtcp-fb:108 goog-remb",
    "a=rtcp-fb:108 transport-cc",
    "a=rtcp-fb:108 ccm fir",
    "a=rtcp-fb:108 nack",
    "a=rtcp-fb:108 nack pli",
    "a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
    "a=rtpmap:109 rtx/90000",
    "a=fmtp:109 apt=108",
    "a=ssrc-group:FID 2229783904 367293402",
    "a=ssrc:2229783904 cname:W1qgOaogOImn1AhB",
    "a=ssrc:367293402 cname:W1qgOaogOImn1AhB",
)
DATA = (
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
    *TRANSPORT,
    "a=mid:2",
    "a=sctp-port:5000",
)


def offer(*sections: tuple[str, ...], bundle: str = "0 1 2") -> str:
    """A whole offer of these media sections."""
    lines = [*SESSION, f"a=group:BUNDLE {bundle}", *(line for section in sections for line in section)]
    return "\r\n".join(lines) + "\r\n"


def changed(section: tuple[str, ...], old: str, new: str) -> tuple[str, ...]:
    """The section with a text replaced wherever it occurs; an empty `new` leaves those lines out."""
    assert any(old in line for line in section), old
    return tuple(line.replace(old, new) for line in section if new or old not in line)
