"""The tables of recordings. What is in the media is in journals beside the database; their keys are nowhere in it."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table

from parloir.store.tables import Utc, metadata

recordings = Table(
    "recordings",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("call", String(32), ForeignKey("calls.id"), nullable=False),
    Column("facility", String(64), nullable=False),
    Column("begun", Utc, nullable=False),
    Column("ended", Utc),
    Column("state", String(16), nullable=False),
    Column("chunks", Integer, nullable=False, server_default="0"),
    Column("octets", BigInteger, nullable=False, server_default="0"),
    Column("hash", String(64), nullable=False, server_default=""),
    Column("failure", String(500), nullable=False, server_default=""),
    Column("erased", Utc),
    Index("ix_recordings_call", "call"),
    Index("ix_recordings_facility_begun", "facility", "begun"),
)

recording_holds = Table(
    "recording_holds",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("recording", String(32), ForeignKey("recordings.id"), nullable=False, index=True),
    Column("reason", String(500), nullable=False),
    Column("placed", Utc, nullable=False),
    Column("placed_by", String(200), nullable=False),
    Column("lifted", Utc),
    Column("lifted_by", String(200)),
)

recording_marks = Table(
    "recording_marks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("recording", String(32), ForeignKey("recordings.id"), nullable=False, index=True),
    Column("at", Integer),
    Column("text", String(1000), nullable=False),
    Column("made", Utc, nullable=False),
    Column("made_by", String(200), nullable=False),
)
