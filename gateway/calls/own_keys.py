"""The keys under which we send to one phone (RFC 4568): made here, said in our descriptions, given to the relay."""

import secrets
from collections.abc import Mapping

from parloir.rtp.agreement import Agreed, Agreement
from parloir.rtp.description import Description, Kind
from parloir.rtp.sdes import Key, Suite


class OwnKeys:
    """One call's own keys. A phone that changes its key leaves ours alone; another suite makes a new one."""

    def __init__(self) -> None:
        self._used: dict[Kind, Key] = {}

    @property
    def used(self) -> Mapping[Kind, Key]:
        """What each encrypted kind of media is sent under now."""
        return dict(self._used)

    @property
    def said(self) -> dict[Kind, tuple[Key, ...]]:
        """The same as a description says it."""
        return {kind: (key,) for kind, key in self._used.items()}

    def offer(self) -> dict[Kind, tuple[Key, ...]]:
        """A new key of every suite for every kind, best first."""
        return {kind: tuple(_new(tag, suite) for tag, suite in enumerate(Suite, 1)) for kind in Kind}

    def answer(self, agreement: Agreement) -> None:
        """The phone has offered: one key of ours for each of its own, under its tag and suite."""
        self._used = {s.kind: self._for(s.kind, s.key) for s in agreement.streams if s.key}

    def take(self, agreement: Agreement, ours: Description) -> None:
        """The phone has answered our offer `ours`: the key of ours that it chose."""
        chosen = {stream.kind: _chosen(stream, ours) for stream in agreement.streams}
        self._used = {kind: key for kind, key in chosen.items() if key is not None}

    def _for(self, kind: Kind, theirs: Key) -> Key:
        known = self._used.get(kind)
        if known is not None and known.suite is theirs.suite:
            return Key(theirs.tag, known.suite, known.master)
        return _new(theirs.tag, theirs.suite)


def _new(tag: int, suite: Suite) -> Key:
    return Key(tag, suite, secrets.token_bytes(suite.octets))


def _chosen(stream: Agreed, ours: Description) -> Key | None:
    line, theirs = ours.first(stream.kind), stream.key
    if line is None or theirs is None:
        return None
    return next((key for key in line.keys if (key.tag, key.suite) == (theirs.tag, theirs.suite)), None)
