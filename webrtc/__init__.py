"""ICE-lite, DTLS and the SDP of browsers."""
