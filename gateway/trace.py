"""`parloir trace STATION`: the ladder of a phone's SIP messages, from the running gateway, without secrets."""

import argparse
import re
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from parloir.config import loader
from parloir.config.schema import Config
from parloir.errors import ParloirError
from parloir.verbs import take_config
from parloir.web.connection import Connection

PAUSE = 1.0
_MEDIA = re.compile(r"(?m)^m=(\S+ \d+ \S+ [^\r\n]{0,40})")
_HOLD = re.compile(r"(?m)^a=(sendonly|recvonly|inactive)\r?$")
_NOTED = ("reason", "warning", "retry-after", "unsupported", "min-se", "session-expires", "rack", "refer-to")


class NoOneStation(ParloirError):
    """No station, or more than one, is called so; `--facility` says which."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `parloir trace`."""
    parser.add_argument("station", metavar="STATION", help="the phone, by its name in the configuration")
    parser.add_argument("--facility", help="its facility, where several have a station of that name")
    parser.add_argument("--follow", action="store_true", help="go on with what is said from now on, until Ctrl-C")
    parser.add_argument("--full", action="store_true", help="print whole messages")
    take_config(parser)


def main(options: argparse.Namespace) -> int:
    """Print what was said, and what is being said; 0, or 1 where nothing was."""
    config = loader.load(options.config)
    facility = facility_of(config, options.station, options.facility)
    gateway = Connection.to(config.gateway)
    path, last, shown = f"/api/v1/stations/{facility}/{options.station}/trace", 0, False
    while True:
        messages = gateway.ask("GET", path, query={"after": str(last)})["messages"]
        for line in ladder(messages, full=options.full):
            print(line, flush=True)
        last = messages[-1]["number"] if messages else last
        shown = shown or bool(messages)
        if not options.follow:
            break
        time.sleep(PAUSE)
    if not shown:
        print(f"nothing was said with {facility}/{options.station} since the gateway started", file=sys.stderr)
    return 0 if shown else 1


def facility_of(config: Config, station: str, given: str | None) -> str:
    """The facility that has that station; raises NoOneStation where none has, or several and none is given."""
    known = [id for id, facility in config.facilities.items() if station in facility.stations]
    if given is not None and given in known:
        return given
    if given is not None or not known:
        raise NoOneStation(f"no station {station!r}{f' in facility {given!r}' if given else ''} is configured")
    if len(known) > 1:
        raise NoOneStation(f"station {station!r} is in {', '.join(known)}: say which with --facility")
    return known[0]


def ladder(messages: Sequence[dict[str, Any]], *, full: bool = False) -> Iterator[str]:
    """The lines for these messages: a heading where another call goes on, repeats as such."""
    call, before = None, ("", "")
    for message in messages:
        if message["call"] != call:
            call = message["call"]
            yield f"-- {message['peer']}, Call-ID {call or 'none'}"
        same = (message["way"], message["text"]) == before
        before = (message["way"], message["text"])
        yield f"{_clock(message['at'])}  {_step(message, again=same)}"
        if full and not same:
            yield from (f"    {line}" for line in message["text"].splitlines())


def _clock(at: str) -> str:
    return datetime.fromisoformat(at).astimezone().strftime("%H:%M:%S.%f")[:-3]


def _step(message: dict[str, Any], *, again: bool) -> str:
    arrow = "phone ---> gateway" if message["way"] == "in" else "phone <--- gateway"
    first, *lines = message["text"].splitlines() or [""]
    said = first.removeprefix("SIP/2.0 ").removesuffix(" SIP/2.0")
    headers = dict(_header(line) for line in lines if ":" in line)
    method = headers.get("cseq", "").partition(" ")[2]
    about = f"  ({method})" if first.startswith("SIP/2.0 ") and method else ""
    return f"{arrow}  {said}{about}{'  (again)' if again else _noted(headers, message['text'])}"


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()


def _noted(headers: dict[str, str], text: str) -> str:
    media = [found.strip() for found in _MEDIA.findall(text)]
    hold = _HOLD.search(text)
    words = [f"{name}: {headers[name]}" for name in _NOTED if name in headers]
    words += [f"media: {', '.join(media)}{f' {hold[1]}' if hold else ''}"] if media else []
    return "".join(f"  {word}" for word in words)
