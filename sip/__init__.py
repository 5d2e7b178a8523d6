"""The SIP edge, the pjsua2 lines behind it and the SDP of phones."""
