"""One call's media: the two descriptions, what was agreed, and the relay that carries it."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from twisted.internet.error import ConnectionClosed

from parloir.calls import leg, words
from parloir.calls.own_keys import OwnKeys
from parloir.calls.relays import BridgeEvents, Relay, Relays
from parloir.calls.stations import MediaTerms
from parloir.config import prompts
from parloir.policy.answers import Announcement
from parloir.relay import commands
from parloir.relay.bodies import BrowserTerms, PhonePorts, Report
from parloir.rtp import sdp as grammar
from parloir.rtp.agreement import Agreement, agree, offer_for_phone
from parloir.rtp.codecs import is_event
from parloir.rtp.description import Description, Direction, Kind
from parloir.rtp.errors import RtpError
from parloir.rtp.sdes import Encryption
from parloir.sip import sdp as phone_sdp
from parloir.sip.session import NotAcceptable
from parloir.webrtc import sdp as browser_sdp
from parloir.webrtc import signalling
from parloir.webrtc.sdp import BrowserOffer, Chosen

OVER = frozenset(
    {
        prompts.ONE_MINUTE,
        prompts.TEN_SECONDS,
        prompts.BALANCE_LOW,
        prompts.CLOSING,
        prompts.NOT_RECORDED,
        prompts.TONE,
        *prompts.WARNINGS,
    }
)
"""What is said over the parties while they talk; any other prompt is heard in place of them."""
HELD = (Direction.SENDONLY, Direction.INACTIVE)


@dataclass
class Bridge:
    """A call's bridge on one relay. Its class is fixed here, when it is made (invariant 1).

    `advertise` says which address a phone at a given host is told to send to; `terms` are the station's. `own` are the
    facility's own recordings by the prompts whose place they take. `before` is a bridge whose phone this one goes on
    with; `differs` says that the browser there is now made for another codec than the phone was answered with there.
    `signalled_from` is the host that the phone's SIP comes from, once it is known.
    """

    call: str
    privileged: bool
    relays: Relays
    events: BridgeEvents
    advertise: Callable[[str], str]
    language: str
    browser: BrowserOffer
    terms: MediaTerms = field(default_factory=MediaTerms)
    own: Mapping[str, str] = field(default_factory=dict)
    before: "Bridge | None" = None
    differs: bool = False
    signalled_from: str = ""
    keys: OwnKeys = field(default_factory=OwnKeys)
    encrypted: bool = field(init=False)
    relay: Relay | None = None
    ports: PhonePorts | None = None
    address: str = ""
    phone: Description | None = None
    ours: Description | None = None
    agreement: Agreement | None = None
    settled: Description | None = None
    version: int = 0
    said: str = field(default="", repr=False)
    session_id: str = field(default_factory=lambda: str(secrets.randbits(62)))

    def __post_init__(self) -> None:
        self.encrypted = self.terms.encryption is not Encryption.OFF

    async def do(self, command: type, **arguments: Any) -> Any:
        """One command to this bridge; raises the command's errors, NoSuchBridge once it is closed."""
        if self.relay is None:
            raise commands.NoSuchBridge(self.call)
        return await self.relay.do(command, bridge=self.call, **arguments)

    async def open(self, phone_host: str, video: bool) -> None:
        """Make the bridge and the phone's sockets, or go on with the phone of another; raises NoRelay, NoPorts."""
        if self.before is not None:
            await self._take_over(self.before)
            return
        self.relay = self.relays.place(self.call, self.events)
        self.address = self.advertise(phone_host)
        await self.do(commands.OpenBridge, privileged=self.privileged)
        self.ports = await self.do(commands.OpenPhone, video=video)

    async def _take_over(self, other: "Bridge") -> None:
        """Go on with another bridge's phone, on its relay: with all that was said to it."""
        if other.relay is None:
            raise commands.NoSuchBridge(other.call)
        self.relay = other.relay
        self.relay.bridges[self.call] = self.events
        await self.do(commands.OpenBridge, privileged=self.privileged)
        await self.do(commands.TakePhone, source=other.call)
        self.ports, self.address, self.signalled_from = other.ports, other.address, other.signalled_from
        self.phone, self.ours, self.agreement = other.phone, other.ours, other.agreement
        self.keys, self.encrypted = other.keys, other.encrypted
        self.version, self.said, self.session_id = other.version, other.said, other.session_id
        await other.close()

    def _place(self, keys: phone_sdp.Keys) -> phone_sdp.Place:
        assert self.ports is not None
        return phone_sdp.Place(self.address, self.ports.audio, self.ports.video, self.session_id, self.version, keys)

    def _say(self, write: Callable[[phone_sdp.Place], str], keys: phone_sdp.Keys) -> str:
        """A description for the phone; it keeps the version of the last while all else is the same, so that the phone
        can tell a mere refresh (RFC 4028 section 7.4)."""
        body = write(self._place(keys))
        if body != self.said:
            self.version += 1
            body = write(self._place(keys))
        self.said = body
        return body

    def offer_to_phone(self) -> str:
        """Our offer to the phone; raises NothingInCommon where the browser has no sound that a phone knows."""
        assert self.ports is not None
        media = offer_for_phone(self.browser.description, self.ports.video is not None)
        keys = self.keys.offer() if self.encrypted else {}
        body = self._say(lambda place: phone_sdp.offer(media, place), keys)
        self.ours = grammar.parse(body)
        return body

    def fall_back(self) -> bool:
        """Whether a phone that refused our encrypted offer may be made a plain one; the next is plain then."""
        may = self.encrypted and self.terms.encryption is Encryption.OPTIONAL
        self.encrypted = self.encrypted and not may
        return may

    def answer_to_phone(self, offer: str) -> str:
        """Our answer to the phone's offer; raises NotAcceptable (488) for one that cannot be carried.

        In mid-call the codecs stay those that the browser was answered with, whatever the phone now likes best.
        """
        try:
            theirs = grammar.parse(offer)
            agreement = agree(theirs, self.settled or self.browser.description, None, self.terms.encryption)
        except RtpError as error:
            raise NotAcceptable(str(error)) from error
        self.phone, self.agreement, self.ours = kept(theirs, agreement), agreement, None
        self.keys.answer(agreement)
        return self._say(lambda place: phone_sdp.answer(theirs, agreement, place), self.keys.said)

    def take_answer(self, answer: str) -> None:
        """The phone's answer to our offer; raises NotAcceptable where nothing is left in common."""
        assert self.ours is not None
        try:
            theirs = grammar.parse(answer)
            self.agreement = agree(theirs, self.browser.description, self.ours, self.terms.encryption)
        except RtpError as error:
            raise NotAcceptable(str(error)) from error
        self.phone = kept(theirs, self.agreement)
        self.keys.take(self.agreement, self.ours)

    @property
    def on_hold(self) -> bool:
        """Whether the phone says that it does not want to hear."""
        return self.phone is not None and phone_sdp.hold_state(self.phone) in HELD

    @property
    def open_ended(self) -> bool:
        """Whether we offered several formats for one medium, so that the phone may send another than it named first."""
        lines = self.ours.media if self.ours is not None else ()
        return any(sum(not is_event(form) for form in line.formats) > 1 for line in lines)

    def restate(self) -> str:
        """What is in use, as an offer, for a re-INVITE that brought none."""
        phone, agreement = self.phone, self.agreement
        assert phone is not None
        assert agreement is not None
        body = self._say(lambda place: phone_sdp.restate(phone, agreement, place), self.keys.said)
        self.ours = grammar.parse(body)
        return body

    async def set_phone(self) -> None:
        """Tell the relay what the phone agreed to."""
        assert self.agreement is not None
        latch = self.signalled_from if self.terms.latch else ""
        await self.do(commands.SetPhone, side=leg.phone_side(self.agreement, self.keys.used, latch))

    async def connect_browser(self) -> signalling.Answer:
        """Fresh credentials and DTLS for the browser's latest offer, and our answer to it."""
        assert self.phone is not None
        said = self.agreement
        self.agreement = agree(self.phone, self.browser.description, self.ours, self.terms.encryption)
        taken_over = self.before is not None and said is not None
        self.differs = taken_over and said is not None and said.audio.phone != self.agreement.audio.phone
        self.settled = narrowed(self.browser.description, self.agreement)
        await self.set_phone()
        terms = await self.do(commands.OpenBrowser)
        side = leg.browser_side(self.agreement, self.browser)
        await self.do(commands.SetBrowser, side=side)
        return self._answer(terms)

    async def restart(self, offer: BrowserOffer) -> signalling.Answer:
        """New ICE credentials for the connection that exists."""
        terms = await self.do(commands.RestartIce)
        self.browser = offer
        return self._answer(terms)

    def _answer(self, terms: BrowserTerms) -> signalling.Answer:
        assert self.agreement is not None
        audio, video = self.agreement.audio, self.agreement.video
        width, height = video.size if video and video.size else (None, None)
        why = self.agreement.why_no_video
        return signalling.Answer(
            sdp=browser_sdp.answer(self.browser, Chosen.of(audio), Chosen.of(video) if video else None, terms),
            video=video is not None,
            why_no_video=words.pick(words.NO_VIDEO[why.value], self.language) if why else "",
            width=width,
            height=height,
            frame_rate=video.frame_rate if video else None,
            bitrate=video.bitrate if video else None,
        )

    async def play(self, prompt: str, to: str, times: int = 1, interrupt: bool = False) -> None:
        """Play a prompt, in the facility's language, to "phone", "browser" or "both"; returns at its end.

        It waits for prompts that they hear and are to hear, or silences those.
        """
        name, over = self._named(f"{self.language}/{prompt}"), prompt in OVER and times == 1
        await self.do(commands.Play, prompt=name, to=to, times=times, interrupt=interrupt, over=over)

    async def say(self, names: Sequence[str], endless: bool = False) -> None:
        """Play prompts ("language/name") in a row to the phone, in place of what it hears; returns at their end."""
        lines = "\n".join(map(self._named, names))
        await self.do(commands.Play, prompt=lines, to="phone", times=0 if endless else 1, interrupt=True)

    def _named(self, name: str) -> str:
        return self.own.get(name, name)

    async def play_announcement(self, announcement: Announcement, to: str) -> None:
        """Say what a policy announces; one without a sound of its own or of ours is only shown."""
        if name := self._sound(announcement):
            await self.do(commands.Play, prompt=name, to=to, times=1)

    async def announce(self, notice: Announcement, told: frozenset[str] = frozenset()) -> None:
        """Play the gateway's notice to both to its end, which lets media be joined; raises Interrupted.

        `told` is what both have been told by then may be done to their call (policy.notices).
        """
        prompt = self._sound(notice) or self._named(f"{self.language}/{prompts.NOTICE}")
        await self.do(commands.Announce, prompt=prompt, told=" ".join(sorted(told)))

    def _sound(self, announcement: Announcement) -> str | None:
        if announcement.sound:
            return announcement.sound
        name = announcement.code.replace("_", "-")
        return self._named(f"{self.language}/{name}") if name in prompts.NAMES else None

    async def close(self) -> Report | None:
        """End the bridge; None where there was none, or its relay is gone."""
        relay, self.relay = self.relay, None
        if relay is None or relay.bridges.pop(self.call, None) is None:
            return None
        try:
            report: Report = await relay.do(commands.CloseBridge, bridge=self.call)
        except (commands.NoSuchBridge, ConnectionClosed):
            return None
        return report


def kept(phone: Description, agreement: Agreement) -> Description:
    """The phone's description with the lines that are not used as refused as they are answered."""
    used = {stream.line for stream in agreement.streams}
    lines = (line if index in used else replace(line, rtp=None) for index, line in enumerate(phone.media))
    return replace(phone, media=tuple(lines))


def narrowed(browser: Description, agreement: Agreement) -> Description:
    """The browser's description with no more than what it was answered with."""
    formats = {stream.kind: stream.browser for stream in agreement.streams}
    return replace(
        browser,
        media=tuple(replace(m, formats=(formats[Kind(m.kind)],)) for m in browser.media if m.kind in formats),
    )
