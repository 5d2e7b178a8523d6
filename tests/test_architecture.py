"""Who may import whom, and which files are pure, checked by reading the source."""

import ast
import configparser
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NAME = "parloir"
FOLDERS = ("gateway", "plugins", "sip", "webrtc", "config")

ANY_OF_GATEWAY = {"errors", "log", "steady", "__version__"}
MAY_IMPORT = {
    "config": set(),
    "rtp": set(),
    "sip": {"config", "rtp"},
    "webrtc": {"config", "rtp"},
    "plugins": {"api"},
    "relay": {"rtp", "webrtc", "config"} | ANY_OF_GATEWAY,
    "store": {"config", "sip.session", "sip.binding", "sip.ban"} | ANY_OF_GATEWAY,
    "export": {"rtp", "relay"} | ANY_OF_GATEWAY,
    "policy": {"config"} | ANY_OF_GATEWAY,
    "calls": {"policy", "store", "relay", "rtp", "sip", "webrtc", "config", "export"} | ANY_OF_GATEWAY,
    "web": {"calls", "policy", "store", "export", "webrtc", "config"} | ANY_OF_GATEWAY,
}
"""What each package may import of ours beside itself. The modules of gateway/ itself may import all but plugins."""

PURE = (
    "config/address.py",
    "config/at_start.py",
    "config/caps.py",
    "config/checks.py",
    "config/registration.py",
    "config/schema.py",
    "config/stations.py",
    "config/values.py",
    "gateway/api.py",
    "gateway/bench_result.py",
    "gateway/calls/call.py",
    "gateway/calls/codes.py",
    "gateway/calls/fare.py",
    "gateway/calls/keys.py",
    "gateway/calls/meter.py",
    "gateway/calls/menu.py",
    "gateway/calls/menu_effects.py",
    "gateway/calls/menu_speech.py",
    "gateway/calls/price_tag.py",
    "gateway/calls/quote.py",
    "gateway/calls/reason.py",
    "gateway/calls/spoken.py",
    "gateway/calls/trace.py",
    "gateway/calls/words.py",
    "gateway/policy/accounts.py",
    "gateway/export/frames.py",
    "gateway/export/matroska.py",
    "gateway/export/mixing.py",
    "gateway/export/runs.py",
    "gateway/export/sps.py",
    "gateway/export/timetable.py",
    "gateway/policy/answers.py",
    "gateway/policy/breaker.py",
    "gateway/policy/collections.py",
    "gateway/policy/combine.py",
    "gateway/policy/decision.py",
    "gateway/policy/explain.py",
    "gateway/policy/facility.py",
    "gateway/policy/hookspecs.py",
    "gateway/policy/notices.py",
    "gateway/policy/outside.py",
    "gateway/policy/participants.py",
    "gateway/policy/price.py",
    "gateway/policy/price_check.py",
    "gateway/policy/privilege.py",
    "gateway/policy/rates.py",
    "gateway/policy/reasons.py",
    "gateway/policy/spoken.py",
    "gateway/policy/trail.py",
    "gateway/policy/values.py",
    "gateway/relay/bandwidth.py",
    "gateway/relay/effort.py",
    "gateway/relay/entries.py",
    "gateway/relay/keyframes.py",
    "gateway/relay/numbering.py",
    "gateway/relay/party_clock.py",
    "gateway/relay/reception.py",
    "gateway/relay/reporter.py",
    "gateway/relay/send_time.py",
    "gateway/relay/table.py",
    "gateway/relay/tap.py",
    "gateway/relay/downlink.py",
    "gateway/relay/utterance.py",
    "gateway/relay/watch.py",
    "gateway/rtp/",
    "gateway/web/allowance.py",
    "gateway/web/metrics.py",
    "gateway/web/origin.py",
    "plugins/billing/bodies.py",
    "plugins/billing/clock_hours.py",
    "plugins/billing/cost.py",
    "plugins/billing/free.py",
    "plugins/billing/idle.py",
    "plugins/billing/indigence.py",
    "plugins/billing/money.py",
    "plugins/billing/payers.py",
    "plugins/billing/payment.py",
    "plugins/billing/report.py",
    "plugins/billing/settings.py",
    "plugins/billing/statement.py",
    "plugins/billing/statement_forms.py",
    "plugins/billing/statement_words.py",
    "plugins/billing/tariff.py",
    "plugins/billing/topup.py",
    "plugins/billing/traffic.py",
    "plugins/billing/which.py",
    "plugins/billing/words.py",
    "plugins/contacts/application.py",
    "plugins/contacts/block.py",
    "plugins/contacts/listing.py",
    "plugins/contacts/meeting.py",
    "plugins/contacts/rules.py",
    "plugins/contacts/settings.py",
    "plugins/contacts/words.py",
    "plugins/limits/allowance.py",
    "plugins/limits/settings.py",
    "plugins/limits/talk.py",
    "plugins/limits/words.py",
    "plugins/period.py",
    "plugins/monitoring/settings.py",
    "plugins/recording/settings.py",
    "plugins/scheduling/booking.py",
    "plugins/scheduling/closure.py",
    "plugins/scheduling/conflicts.py",
    "plugins/scheduling/hours.py",
    "plugins/scheduling/invitation.py",
    "plugins/scheduling/no_shows.py",
    "plugins/scheduling/party.py",
    "plugins/scheduling/quota.py",
    "plugins/scheduling/reasons.py",
    "plugins/scheduling/rules.py",
    "plugins/scheduling/settings.py",
    "plugins/scheduling/slots.py",
    "plugins/scheduling/span.py",
    "plugins/scheduling/timetable.py",
    "plugins/scheduling/wall.py",
    "plugins/scheduling/wanted.py",
    "sip/admission.py",
    "sip/authenticator.py",
    "sip/ban.py",
    "sip/binding.py",
    "sip/challenge.py",
    "sip/crowd.py",
    "sip/dialog.py",
    "sip/digest.py",
    "sip/dummy.py",
    "sip/ending.py",
    "sip/flow.py",
    "sip/framing.py",
    "sip/info.py",
    "sip/logins.py",
    "sip/message.py",
    "sip/peers.py",
    "sip/refresh.py",
    "sip/reception.py",
    "sip/refusal.py",
    "sip/registrar.py",
    "sip/response.py",
    "sip/sdp.py",
    "sip/session.py",
    "sip/sightings.py",
    "sip/settings.py",
    "sip/slots.py",
    "sip/stations.py",
    "sip/surroundings.py",
    "sip/target.py",
    "sip/transaction.py",
    "sip/transactions.py",
    "sip/trunk.py",
    "sip/trunk_registration.py",
    "sip/uri.py",
    "webrtc/addresses.py",
    "webrtc/allowance.py",
    "webrtc/ice_lite.py",
    "webrtc/nomination.py",
    "webrtc/signalling.py",
    "webrtc/stun.py",
    "webrtc/turn.py",
)
"""Input in, output out: no reactor, socket, thread or clock. A folder stands for all that is in it."""

HARMLESS = {"__init__.py", "errors.py"}
"""Files that only name things."""

SIDE_EFFECTS = {
    "asyncio",
    "concurrent",
    "multiprocessing",
    "select",
    "selectors",
    "signal",
    "socket",
    "subprocess",
    "threading",
    "time",
    "twisted",
    "urllib.request",
    "uvloop",
}
CLOCKS = {"now", "today", "utcnow"}

SOURCES = sorted(path.relative_to(ROOT) for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def module(path: Path) -> str:
    """The name that a source file is imported by."""
    folder, *rest = path.with_suffix("").parts
    parts = [NAME, *([] if folder == "gateway" else [folder]), *rest]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module(path): path for path in SOURCES}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


@cache
def imports(path: Path) -> frozenset[str]:
    """Full names a file imports, each with what is taken from it; relative ones resolved."""
    return frozenset(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    package = module(path) if path.name == "__init__.py" else module(path).rpartition(".")[0]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            outer = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = [*outer, *([node.module] if node.module else [])]
            yield from (".".join([*base, alias.name]) for alias in node.names)


def within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}.")


def package(path: Path) -> str | None:
    """The layer a file belongs to; None for the modules of gateway/ itself."""
    parts = module(path).split(".")
    return parts[1] if len(parts) > 1 and parts[1] in MAY_IMPORT else None


def is_pure(path: Path) -> bool:
    return any(str(path) == pure or (pure.endswith("/") and str(path).startswith(pure)) for pure in PURE)


def clock_readings(path: Path) -> Iterator[str]:
    """Where a file asks what time it is."""
    for node in ast.walk(tree(path)):
        match node:
            case ast.Attribute(value=ast.Name(id="date" | "datetime"), attr=attr) if attr in CLOCKS:
                yield f"{path}:{node.lineno}"


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_imports_follow_the_layers(path: Path) -> None:
    layer = package(path)
    for name in imports(path):
        assert name.split(".")[0] not in FOLDERS, f"{path}: write {NAME}.{name}"
        if not within(name, NAME):
            continue
        if layer is None:
            assert not within(name, f"{NAME}.plugins"), f"{path} imports {name}: entry points load plugins"
        else:
            allowed = MAY_IMPORT[layer] | {layer}
            assert any(within(name, f"{NAME}.{each}") for each in allowed), f"{path} may not import {name}"


@pytest.mark.parametrize("path", [path for path in SOURCES if is_pure(path)], ids=str)
def test_pure_files_touch_no_reactor_socket_or_clock(path: Path) -> None:
    for name in imports(path):
        assert not any(within(name, effect) for effect in SIDE_EFFECTS), f"{path} is pure and imports {name}"
        ours = MODULES.get(name) or MODULES.get(name.rpartition(".")[0])
        harmless = ours is None or ours.name in HARMLESS or is_pure(ours)
        assert harmless, f"{path} is pure and imports {ours}"
    assert list(clock_readings(path)) == []


def test_every_pure_file_is_there() -> None:
    assert [pure for pure in PURE if not (ROOT / pure).exists()] == []


def test_every_package_is_listed_in_setup_cfg() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    found = {module(path) for path in SOURCES if path.name == "__init__.py"}
    assert set(setup["options"]["packages"].split()) == found


def test_every_package_has_its_layer() -> None:
    packages = {name for name, path in MODULES.items() if path.name == "__init__.py" and name != NAME}
    layered = {f"{NAME}.{layer}" for layer in MAY_IMPORT}
    beneath = {name for name in packages if any(within(name, layer) for layer in layered)}
    assert packages == beneath
