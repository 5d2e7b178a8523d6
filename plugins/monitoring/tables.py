"""The plugin's tables. Moments are seconds since 1970 UTC; what is over is marked as lifted and stays."""

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table

metadata = MetaData()

hot = Table(
    "monitoring_hot",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("facility", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("value", String(64), nullable=False),
    Column("why", String(200), nullable=False),
    Column("entered_by", String(64), nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("lifted", BigInteger),
    Column("lifted_by", String(64)),
    Index("ix_monitoring_hot_facility_value", "facility", "value"),
)

told = Table(
    "monitoring_told",
    metadata,
    Column("facility", String(64), primary_key=True),
    Column("call", String(64), primary_key=True),
    Column("at", BigInteger, nullable=False),
)

notes = Table(
    "monitoring_notes",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("facility", String(64), nullable=False),
    Column("call", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("entered_by", String(64), nullable=False),
    Column("text", String(1000), nullable=False),
    Index("ix_monitoring_notes_call", "facility", "call"),
)
