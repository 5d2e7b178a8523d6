"""The programs of others that the tests drive, each with the Debian package that brings it."""

import shutil
from pathlib import Path

PACKAGES = {
    "baresip": "baresip-core",
    "chromium": "chromium",
    "ip": "iproute2",
    "kamailio": "kamailio",
    "sipp": "sip-tester",
    "turnserver": "coturn",
    "twinkle-console": "twinkle-console",
}

BARESIP_MODULES = Path("/usr/lib/baresip/modules")
H264 = BARESIP_MODULES / "avcodec.so"


class MissingProgram(Exception):
    """A program that these tests drive is not installed; the message names the Debian package to install."""


def program(name: str) -> str:
    """The full path of a program; nothing is skipped for want of one. Raises MissingProgram."""
    found = shutil.which(name)
    if found is None:
        raise MissingProgram(f"{name} is not installed: apt-get install {PACKAGES[name]}")
    return found


def baresip() -> str:
    """The full path of baresip, which without its H.264 would be a phone without a picture. Raises MissingProgram."""
    path = program("baresip")
    if not H264.exists():
        raise MissingProgram(f"{H264} is not installed: apt-get install baresip-ffmpeg")
    return path
