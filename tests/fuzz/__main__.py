"""Coverage-guided fuzzing of the parsers: `python -m tests.fuzz message --seconds 600`. Needs the package atheris."""

import argparse
import sys
import tempfile
from pathlib import Path

import atheris  # type: ignore[import-untyped]

WORDS = {
    "message": (
        "SIP/2.0", "INVITE", "REGISTER", "Via:", "v:", "From:", "To:", "Call-ID:", "CSeq:", "Contact:", "Require:",
        "Session-Expires:", "Min-SE:", "RAck:", "Replaces:", "Refer-To:", "Content-Length:", "Content-Type:", "\r\n",
        "\r\n\r\n", "\r\n ", ";branch=z9hG4bK", ";tag=", ";rport", ";lr", "<sip:", "sips:", "refresher=uac", "\\\"",
        "application/sdp", "application/dtmf-relay", "Signal=", "[::1]", "%00",
    ),
    "description": (
        "v=0", "o=", "s=", "c=IN IP4 ", "c=IN IP6 ", "t=0 0", "m=audio ", "m=video ", " RTP/AVP ", " RTP/SAVPF ",
        "a=rtpmap:", "a=fmtp:", "a=crypto:", "a=rtcp:", "a=rtcp-fb:", "a=rtcp-mux", "a=ptime:", "a=mid:", "a=ssrc:",
        "a=sendonly", "a=inactive", "b=AS:", "b=TIAS:", "H264/90000", "opus/48000/2", "telephone-event/8000",
        "profile-level-id=", "packetization-mode=", "sprop-parameter-sets=", "inline:", "AES_CM_128_HMAC_SHA1_80",
        "0.0.0.0", "\r\n",
    ),
}  # fmt: skip
"""What is worth trying anywhere."""


def main() -> None:
    """Fuzz one target until the time is over, or until there is a finding, which is then printed and kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=sorted(WORDS))
    parser.add_argument("--seconds", type=int, default=600, help="how long (default: 600)")
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"), help="where findings are kept")
    options = parser.parse_args()
    atheris.enabled_hooks.add("RegEx")
    with atheris.instrument_imports(include=["parloir.sip", "parloir.rtp"]):
        from tests.fuzz.targets import TARGETS
    run, seeds = TARGETS[options.target]
    options.findings.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(seeds()):
            (Path(corpus) / str(number)).write_bytes(seed)
        words = Path(corpus) / "words"
        words.write_text("".join(f'"{_escaped(word)}"\n' for word in WORDS[options.target]))
        arguments = [f"-max_total_time={options.seconds}", "-max_len=8192", "-timeout=10", f"-dict={words}"]
        atheris.Setup([sys.argv[0], *arguments, f"-artifact_prefix={options.findings}/", corpus], run)
        atheris.Fuzz()


def _escaped(word: str) -> str:
    return "".join(c if c.isalnum() else f"\\x{ord(c):02x}" for c in word)


main()
