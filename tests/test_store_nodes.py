"""Several gateways on one database: each ends its own calls when it starts, and one that is lost is given up."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pytest_twisted import ensureDeferred
from sqlalchemy import Connection, Engine, update

from parloir.calls.talk import Talk
from parloir.cli import main
from parloir.sip.binding import Binding
from parloir.sip.session import Dialog
from parloir.store import audit, calls, nodes, recordings, tables, timeline
from parloir.store.calls import Call, CallClass, WayIn
from parloir.store.database import Database, connect
from parloir.store.dialogs import Dialogs
from parloir.store.errors import NodeRuns, NoSuchNode
from parloir.store.nodes import QUIET
from parloir.store.phone_tables import bindings
from parloir.store.phones import Bindings
from parloir.store.recordings import State, Wanted
from tests.commands import store
from tests.databases import Server

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CALL = Call("c1", None, "north", "pod-a-1", WayIn.SCHEDULED, CallClass.ORDINARY, NOW, node="gw-1")
DIALOG = Dialog("s1", "id@host", "sip:gw@a", "lt", "sip:1@b", "rt", 1, 2, "sip:1@127.0.0.9", ("<sip:p;lr>",), "udp")
PHONE = Binding("b1", "north", "pod-a-1", "sip:1@192.0.2.7", "udp", (), "id", 1, "", "a phone", 1.0, 1.0, 9.0)


@pytest.fixture
def engine(postgresql: Server) -> Iterator[Engine]:
    """PostgreSQL: SQLite has one gateway."""
    engine = connect(postgresql.fresh())
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        yield connection


def begin(connection: Connection, id: str, node: str | None) -> Call:
    call = replace(CALL, id=id, node=node)
    calls.add(connection, call)
    timeline.append(connection, id, "opened", {}, NOW, 1)
    return call


def test_a_starting_node_finds_its_own_open_calls_and_those_of_no_node(connection: Connection) -> None:
    mine, old = begin(connection, "c1", "gw-1"), begin(connection, "c2", None)
    theirs, over = begin(connection, "c3", "gw-2"), begin(connection, "c4", "gw-1")
    calls.finish(connection, over.id, NOW, "PhoneHungUp")
    assert calls.left_open(connection, "gw-1") == [mine, old]
    assert calls.left_open(connection, "gw-2") == [old, theirs]
    assert [each.node for each in nodes.others(connection, "gw-1")] == ["gw-2"]


def test_the_one_gateway_of_sqlite_finds_all_whatever_it_was_called(migrated: Path) -> None:
    engine = connect(f"sqlite:///{migrated}")
    with engine.connect() as connection:
        mine, before = begin(connection, "c1", "gw-1"), begin(connection, "c2", "an-older-name")
        assert calls.left_open(connection, "gw-1") == [mine, before]
        assert nodes.others(connection, "gw-1") == []
        connection.rollback()
    engine.dispose()


@ensureDeferred
async def test_each_node_keeps_the_dialogs_and_phones_that_are_its_own(postgresql: Server) -> None:
    database = Database.open(postgresql.fresh())
    one, two = Dialogs(database, "gw-1"), Dialogs(database, "gw-2")
    one.save(DIALOG)
    two.save(replace(DIALOG, session="s2"))
    two.forget("s1")
    assert [each.session for each in await one.left_over()] == ["s1"]
    assert [each.session for each in await two.left_over()] == ["s2"]
    first, second = Bindings(database, "gw-1"), Bindings(database, "gw-2")
    first.save(PHONE)
    assert await second.left_over() == []
    await first.left_over()
    second.save(PHONE)
    assert await second.left_over() == [PHONE]
    first.forget(PHONE.id)
    assert await first.left_over() == []
    assert await second.left_over() == [PHONE]
    await database.close()


@ensureDeferred
async def test_what_was_kept_before_there_were_names_is_taken_by_whoever_starts_first(postgresql: Server) -> None:
    database = Database.open(postgresql.fresh())
    earlier = Dialogs(database, "gw-1")
    earlier.save(DIALOG)
    await earlier.written()
    await database.run(lambda connection: connection.execute(update(tables.dialogs).values(node=None)))
    now = Dialogs(database, "gw-2")
    assert await now.left_over() == [DIALOG]
    now.forget(DIALOG.session)
    assert await earlier.left_over() == []
    await database.close()


def test_recordings_under_way_at_another_node_are_left_to_it_until_it_is_given_up(connection: Connection) -> None:
    for id, node in (("c1", "gw-1"), ("c2", "gw-2")):
        begin(connection, id, node)
        recordings.add(connection, f"r{id}", id, "north", NOW)

    def left(node: str) -> set[str]:
        return {each.id for each in recordings.search(connection, Wanted(state=State.RECORDING, left_by=node))}

    assert (left("gw-1"), left("gw-2")) == ({"rc1"}, {"rc2"})
    nodes.release(connection, "gw-2", NOW + QUIET, 2)
    assert left("gw-1") == {"rc1", "rc2"}


def test_a_node_that_is_given_up_leaves_no_call_alive_and_no_phone_registered(postgresql: Server) -> None:
    engine = connect(postgresql.fresh())
    later = NOW + QUIET
    with engine.begin() as connection:
        lost, alive = begin(connection, "c1", "gw-1"), begin(connection, "c2", "gw-2")
        timeline.append(connection, lost.id, "quality", {"flowing": 9_200}, NOW, 2)
        for table, thing in ((tables.dialogs, DIALOG), (bindings, PHONE)):
            row = {**vars(thing), "node": "gw-1"}
            times = {name: NOW for name in ("registered", "seen", "expires") if name in row}
            connection.execute(table.insert().values(row | times))
        with pytest.raises(NodeRuns, match="gw-1 told something of a call 59 s ago"):
            nodes.release(connection, "gw-1", later - timedelta(seconds=1), 5)
        assert calls.left_open(connection, "gw-1") == [lost]
        given_up = nodes.release(connection, "gw-1", later, 5)
        assert (given_up.calls, given_up.dialogs, given_up.phones, given_up.heard) == (1, 1, 1, NOW)
        ended = calls.get(connection, lost.id)
        assert (ended.ended, ended.reason, ended.node) == (later, "GatewayLost", "gw-1")
        talk = Talk.of(timeline.of(connection, lost.id))
        assert (talk.seconds, talk.state, talk.end) == (9, "ended", "GatewayLost")
        assert calls.list(connection, live=True) == [alive]
        assert [each.node for each in nodes.standing(connection)] == ["gw-2"]
        with pytest.raises(NoSuchNode):
            nodes.release(connection, "gw-1", later, 5)
    engine.dispose()


@ensureDeferred
async def test_the_phones_of_a_node_given_up_are_hung_up_on_by_the_next_that_starts(postgresql: Server) -> None:
    database = Database.open(postgresql.fresh())
    lost = Dialogs(database, "gw-1")
    lost.save(DIALOG)
    await lost.written()
    other = Dialogs(database, "gw-2")
    assert await other.left_over() == []
    await database.run(lambda connection: nodes.release(connection, "gw-1", NOW, 1))
    assert await other.left_over() == [DIALOG]
    await database.close()


def test_the_operator_lists_nodes_and_gives_one_up_on_record(
    configuration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--config", str(configuration)]
    assert main(["nodes", "list", *words]) == 0
    assert capsys.readouterr().out == "nothing is in the name of any gateway\n"
    with store(configuration) as opened, opened.transaction() as connection:
        begin(connection, "c1", "gw-1")
    assert main(["nodes", "list", *words]) == 0
    standing = "1 live call, 0 SIP dialogs, 0 registered phones"
    assert capsys.readouterr().out == f"gw-1: {standing}; heard at 2026-03-01 12:00:00 UTC\n"
    assert main(["nodes", "release", "gw-1", *words]) == 0
    assert capsys.readouterr().out == f"gw-1: released {standing}\n"
    assert main(["nodes", "release", "gw-1", *words]) == 1
    assert "parloir nodes list" in capsys.readouterr().err
    with store(configuration) as opened, opened.reading() as connection:
        assert calls.get(connection, "c1").reason == "GatewayLost"
        (record,) = audit.list(connection)
    assert (record.action, record.subject, record.facts["calls"]) == ("node.released", "node gw-1", 1)
