"""The tables of contacts and limits on both kinds of database."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection, MetaData

from parloir.api import Medium, WayIn
from parloir.plugins.contacts import blocklist, lists
from parloir.plugins.contacts.block import Block, SelfBlock
from parloir.plugins.contacts.listing import Change, Listed
from parloir.plugins.contacts.plugin import Contacts
from parloir.plugins.limits import tally
from parloir.plugins.limits.plugin import Limits
from parloir.plugins.limits.talk import Talk
from parloir.store import plugin_tables
from tests.plugin_facility import NOON

DAY = timedelta(days=1)


def prepare(connection: Connection) -> None:
    for name, plugin in (("contacts", Contacts), ("limits", Limits)):
        metadata = MetaData()
        plugin.register_tables(metadata)
        plugin_tables.prepare(connection, name, metadata)


def test_a_list_comes_back_in_its_order_with_its_history(connection: Connection) -> None:
    prepare(connection)
    first, second = Listed("v1", "Visitor One", "sister"), Listed("v2", "Visitor Two")
    added = lists.Entry(NOON, "jdoe", True, ("v2", "v1"), (), "")
    lists.put(connection, "north", "r1", Change((), (second, first)), added)
    assert lists.get(connection, "north", "r1") == (second, first)
    removed = lists.Entry(NOON + DAY, "boss", False, (), ("v2", "v1"), "on request")
    lists.put(connection, "north", "r1", Change((second, first), ()), removed)
    assert lists.get(connection, "north", "r1") == ()
    assert lists.history(connection, "north", "r1") == (removed, added)


def test_a_block_comes_back_as_it_was_entered_and_ends_once(connection: Connection) -> None:
    prepare(connection)
    block = Block("b1", "v1", None, "threats", "jdoe", NOON, NOON + DAY, frozenset({"r1", "r2"}))
    blocklist.add(connection, "north", block)
    blocklist.add(connection, "south", replace(block, id="b2", exceptions=frozenset()))
    assert blocklist.in_force(connection, "north") == (block,)
    assert blocklist.in_force(connection, "north", ["v1", "v2"]) == (block,)
    assert blocklist.in_force(connection, "north", ["v2"]) == ()
    assert blocklist.in_force(connection, "north", []) == ()
    assert blocklist.end_exception(connection, "b1", "r2", "boss", NOON)
    assert not blocklist.end_exception(connection, "b1", "r2", "boss", NOON)
    assert blocklist.in_force(connection, "north") == (replace(block, exceptions=frozenset({"r1"})),)
    assert not blocklist.lift(connection, "south", "b1", "boss", NOON)
    assert blocklist.lift(connection, "north", "b1", "boss", NOON)
    assert not blocklist.lift(connection, "north", "b1", "boss", NOON)
    assert blocklist.in_force(connection, "north") == ()


def test_a_visitors_own_block_ends_by_their_hand_alone(connection: Connection) -> None:
    prepare(connection)
    block = SelfBlock("s1", "v1", None, "jdoe", NOON)
    blocklist.add_own(connection, "north", block)
    assert blocklist.own(connection, "north", ["v1"]) == (block,)
    assert not blocklist.lift_own(connection, "north", "s1", "jdoe", NOON)
    assert not blocklist.lift_own(connection, "south", "s1", "v1", NOON)
    assert blocklist.lift_own(connection, "north", "s1", "v1", NOON)
    assert blocklist.own(connection, "north", ["v1"]) == ()


def test_talks_are_kept_once_and_forgotten_by_facility(connection: Connection) -> None:
    prepare(connection)
    talk = Talk("c1", "r1", NOON, NOON + timedelta(minutes=5), 290, Medium.VIDEO, WayIn.SCHEDULED)
    tally.put(connection, "north", talk)
    tally.put(connection, "north", replace(talk, seconds=100))
    longer = replace(talk, seconds=295, ended=NOON + timedelta(minutes=6))
    tally.put(connection, "north", longer)
    assert tally.since(connection, "north", "r1", NOON) == (longer,)
    assert tally.since(connection, "north", "r1", NOON + timedelta(seconds=1)) == ()
    assert tally.forget(connection, "south", NOON + DAY) == 0
    assert tally.forget(connection, "north", NOON + DAY) == 1
