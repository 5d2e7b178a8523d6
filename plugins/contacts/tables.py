"""The plugin's tables. Moments are seconds since 1970 UTC; what is over is marked as lifted and stays."""

from datetime import UTC, datetime

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, MetaData, String, Table

metadata = MetaData()

listed = Table(
    "contacts_listed",
    metadata,
    Column("facility", String(64), primary_key=True),
    Column("resident", String(64), primary_key=True),
    Column("visitor", String(64), primary_key=True),
    Column("place", Integer, nullable=False),
    Column("name", String(200), nullable=False),
    Column("label", String(200), nullable=False),
)

changes = Table(
    "contacts_changes",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("facility", String(64), nullable=False),
    Column("resident", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("entered_by", String(64), nullable=False),
    Column("counts", Integer, nullable=False),
    Column("added", JSON, nullable=False),
    Column("removed", JSON, nullable=False),
    Column("why", String(200), nullable=False),
    Index("ix_contacts_changes_resident_at", "resident", "at"),
)

blocks = Table(
    "contacts_blocks",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("facility", String(64), nullable=False),
    Column("visitor", String(64), nullable=False),
    Column("resident", String(64)),
    Column("reason", String(200), nullable=False),
    Column("entered_by", String(64), nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("finish", BigInteger),
    Column("lifted", BigInteger),
    Column("lifted_by", String(64)),
    Index("ix_contacts_blocks_visitor", "visitor"),
)

exceptions = Table(
    "contacts_exceptions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("block", String(32), nullable=False),
    Column("resident", String(64), nullable=False),
    Column("entered_by", String(64), nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("lifted", BigInteger),
    Column("lifted_by", String(64)),
    Index("ix_contacts_exceptions_block", "block"),
)

self_blocks = Table(
    "contacts_self_blocks",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("facility", String(64), nullable=False),
    Column("visitor", String(64), nullable=False),
    Column("resident", String(64)),
    Column("entered_by", String(64), nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("lifted", BigInteger),
    Column("lifted_by", String(64)),
    Index("ix_contacts_self_blocks_visitor", "visitor"),
)


def seconds(at: datetime) -> int:
    """A moment as the tables hold it."""
    return int(at.timestamp())


def moment(at: int) -> datetime:
    """A moment from the tables."""
    return datetime.fromtimestamp(at, UTC)
