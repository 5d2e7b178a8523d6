"""Two gateways on one database, each with calls of its own: one that starts anew leaves the other's alone."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pytest_twisted import ensureDeferred
from sqlalchemy import Connection
from twisted.internet import reactor

from parloir.calls.recording import Place, Recordings
from parloir.calls.timeline import Clock, Timelines
from parloir.store import calls, recordings
from parloir.store.calls import Call, CallClass, WayIn
from parloir.store.database import Database
from parloir.store.errors import CarriedElsewhere
from parloir.store.recordings import State, Wanted
from tests.databases import Server
from tests.live_scene import START, Scene, staged


@contextmanager
def node(where: str, name: str) -> Iterator[Scene]:
    yield from staged(where, name)


@pytest.fixture
def nodes(postgresql: Server) -> Iterator[tuple[Scene, Scene]]:
    """`gw-1` and `gw-2`, each with a call of its own in progress."""
    where = postgresql.fresh()
    with ExitStack() as stack:
        one, two = (stack.enter_context(node(where, name)) for name in ("gw-1", "gw-2"))
        one.talk()
        two.reactor.advance(3600)
        two.talk(start=two.now())
        yield one, two


def test_a_gateway_that_restarts_ends_its_own_calls_and_no_others(nodes: tuple[Scene, Scene]) -> None:
    one, two = nodes
    lost, alive = one.call.id, two.call.id
    one.desk.live.clear()
    one.do(one.desk.start())
    reasons = {view.call.id: view.call.reason for view in one.do(one.desk.list_calls())}
    assert reasons == {lost: "GatewayRestarted", alive: None}
    assert "calls.elsewhere" in one.lines
    assert two.do(two.desk.get_call(alive)).state == "active"
    assert "gateway_restarted" not in [entry.kind for entry in two.do(two.desk.timeline(alive))]


def test_a_call_of_another_gateway_is_shown_as_elsewhere_and_ended_only_there(nodes: tuple[Scene, Scene]) -> None:
    one, two = nodes
    view = one.do(one.desk.get_call(two.call.id))
    assert (view.state, view.call.node) == ("elsewhere", "gw-2")
    with pytest.raises(CarriedElsewhere, match="gw-2"):
        one.do(one.desk.end_call(two.call.id, "threats", "api"))
    assert two.desk.live
    two.do(two.desk.end_call(two.call.id, "threats", "api"))
    assert not two.desk.live
    assert one.do(one.desk.get_call(view.call.id)).state == "ended"


@ensureDeferred
async def test_a_gateway_that_restarts_closes_its_own_recordings_and_no_others(
    postgresql: Server, tmp_path: Path
) -> None:
    """Even where both see the same folder and keys."""

    def begin(connection: Connection) -> None:
        for name in ("gw-1", "gw-2"):
            call = Call(name, None, "north", "a", WayIn.INSIDE, CallClass.ORDINARY, START, node=name)
            calls.add(connection, call)
            recordings.add(connection, f"r-{name}", name, "north", START)

    database = Database.open(postgresql.fresh(), reactor)
    await database.run(begin)
    keys: Any = SimpleNamespace(has=lambda recording: True)
    timelines = Timelines(database, Clock(lambda: START, lambda: 0), lambda event, /, **fields: None)
    await Recordings(reactor, timelines, Place(tmp_path, keys), lambda facility: False).start("gw-1")
    found = await database.run(lambda connection: recordings.search(connection, Wanted()))
    assert {each.id: each.state for each in found} == {"r-gw-1": State.FAILED, "r-gw-2": State.RECORDING}
    await database.close()
