"""The programs of others that the tests drive, each with the Debian package that brings it."""

import shutil

PACKAGES = {
    "baresip": "baresip",
    "chromium": "chromium",
    "sipp": "sip-tester",
    "turnserver": "coturn",
}


class MissingProgram(Exception):
    """A program that these tests drive is not installed; the message names the Debian package to install."""


def program(name: str) -> str:
    """The full path of a program; nothing is skipped for want of one. Raises MissingProgram."""
    found = shutil.which(name)
    if found is None:
        raise MissingProgram(f"{name} is not installed: apt-get install {PACKAGES[name]}")
    return found
