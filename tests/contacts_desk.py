"""The contacts plugin with people on record, for the tests of its rules."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from parloir.api import (
    Allow,
    BookedBy,
    Deny,
    Relationship,
    RelationshipKind,
    RelationshipState,
    Resident,
    Visit,
    Visitor,
)
from parloir.plugins.contacts import blocklist, lists
from parloir.plugins.contacts.block import Block, SelfBlock
from parloir.plugins.contacts.listing import Change, Listed
from parloir.plugins.contacts.plugin import Contacts
from tests.plugin_facility import NOON, Institution, TablesInMemory, a_call, a_visitor, answer

ONE = Resident(id="r1", name="Resident One", unit="A")
DAY = timedelta(days=1)


@pytest.fixture
def north() -> Iterator[Institution]:
    store = TablesInMemory(Contacts)
    yield Institution(store)
    store.close()


def contacts(north: Institution, **settings: Any) -> Contacts:
    return Contacts(Contacts.Settings.model_validate(settings), north.facility)


def tie(kind: str = "family", state: str = "approved", resident: str | None = "r1", **facts: Any) -> Relationship:
    return Relationship(kind=RelationshipKind(kind), state=RelationshipState(state), resident=resident, **facts)


MOTHER = a_visitor("mother", tie())
COUNSEL = a_visitor("counsel", tie("attorney"))


def enlist(north: Institution, *visitors: str) -> None:
    people = tuple(Listed(each, f"Visitor {each}", f"my {each}") for each in visitors)
    entry = lists.Entry(NOON, "jdoe", True, visitors, (), "")
    north.store.run_now(lambda connection: lists.put(connection, "north", "r1", Change((), people), entry))


def block(north: Institution, visitor: str, resident: str | None = None, **facts: Any) -> None:
    made = Block(f"b-{visitor}", visitor, resident, "threats", "jdoe", NOON - DAY, **facts)
    north.store.run_now(lambda connection: blocklist.add(connection, "north", made))


def self_block(north: Institution, visitor: str, resident: str | None = None) -> None:
    made = SelfBlock(f"s-{visitor}", visitor, resident, visitor, NOON - DAY)
    north.store.run_now(lambda connection: blocklist.add_own(connection, "north", made))


def called(plugin: Contacts, *visitors: Visitor, **facts: Any) -> str:
    """What a call of resident r1 to these visitors comes to: the code."""
    return coded(answer(plugin.authorize_call(a_call(visitors=visitors, **facts))))


def coded(found: Allow | Deny | None) -> str:
    assert found is not None
    return found.code


def a_visit(*visitors: Visitor, start: datetime = NOON, by: BookedBy = BookedBy.VISITOR) -> Visit:
    return Visit(
        facility="north",
        station="pod-a-1",
        resident=ONE,
        visitors=visitors,
        start=start,
        end=start + timedelta(minutes=30),
        asked_at=NOON - DAY,
        booked_by=by,
    )
