"""Answers in a form that aiortc takes: it knows no refused m-line (port 0, RFC 3264 section 6), only inactive ones."""

import re

SHARED = ("a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=setup:", "a=candidate:", "a=end-of-candidates", "c=")


def for_aiortc(answer: str, offer: str) -> str:
    """The answer with each refused line made an inactive one in the bundle, on the first line's transport."""
    head, *lines = re.split(r"(?=^m=)", answer, flags=re.MULTILINE)
    offered = re.split(r"(?=^m=)", offer, flags=re.MULTILINE)[1:]
    if not any(_refused(line) for line in lines):
        return answer
    accepted = next((line for line in lines if not _refused(line)), "")
    shared = "".join(f"{row}\r\n" for row in accepted.split("\r\n") if row.startswith(SHARED))
    lines = [_inactive(theirs, shared) if _refused(line) else line for line, theirs in zip(lines, offered, strict=True)]
    mids = " ".join(re.findall(r"^a=mid:(\S+)", offer, flags=re.MULTILINE))
    return re.sub(r"a=group:BUNDLE[^\r\n]*", f"a=group:BUNDLE {mids}", head) + "".join(lines)


def _refused(line: str) -> bool:
    return line.split(" ", 2)[1] == "0"


def _inactive(offered: str, shared: str) -> str:
    kept = ("m=", "a=rtpmap:", "a=fmtp:", "a=mid:", "a=rtcp-mux")
    rows = [row for row in offered.split("\r\n") if row.startswith(kept)]
    return "".join(f"{row}\r\n" for row in rows) + shared + "a=inactive\r\n"
