"""The description that lines are shown instead of the phones' own, which can abort them."""

SDP = (
    "v=0\r\n"
    "o=parloir 1 1 IN IP4 127.0.0.1\r\n"
    "s=-\r\n"
    "c=IN IP4 127.0.0.1\r\n"
    "t=0 0\r\n"
    "m=audio 9 RTP/AVP 0\r\n"
    "a=rtpmap:0 PCMU/8000\r\n"
    "a=sendrecv\r\n"
)
SESSION_HEADER = "X-Parloir-Session"
