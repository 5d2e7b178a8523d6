"""The tables of staff, of what they are told and what they did, and of plugins. A change here needs a migration."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from parloir.store.people_tables import residents
from parloir.store.tables import Utc, metadata

staff = Table(
    "staff",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("user", String(64), nullable=False),
    Column("name", String(200), nullable=False),
    Column("roles", JSON, nullable=False),
    Column("facilities", JSON, nullable=False),
    Column("password_hash", String(200), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("locked", Utc),
    Column("disabled", Boolean, nullable=False),
    UniqueConstraint("user", name="uq_staff_user"),
)

staff_sessions = Table(
    "staff_sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("staff", String(32), ForeignKey("staff.id"), nullable=False),
    Column("ip", String(45), nullable=False),
    Column("opened", Utc, nullable=False),
    Column("seen", Utc, nullable=False),
    Column("expires", Utc, nullable=False),
    Index("ix_staff_sessions_staff", "staff"),
)

calendar_entries = Table(
    "calendar_entries",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("facility", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("unit", String(64)),
    Column("station", String(64)),
    Column("resident", String(32), ForeignKey(residents.c.id)),
    Column("start", Utc, nullable=False),
    Column("finish", Utc),
    Column("title", String(200), nullable=False),
    Column("data", JSON, nullable=False),
    Column("entered_by", String(64), nullable=False),
    Index("ix_calendar_entries_facility_start", "facility", "start"),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Utc, nullable=False),
    Column("facility", String(64)),
    Column("severity", String(16), nullable=False),
    Column("text", String(1000), nullable=False),
    Column("acknowledged", Utc),
    Column("acknowledged_by", String(64)),
    Index("ix_alerts_at", "at"),
)

audit = Table(
    "audit",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),
    Column("actor", String(128), nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("facts", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("ix_audit_subject", "subject"),
)

plugin_cursors = Table(
    "plugin_cursors",
    metadata,
    Column("facility", String(64), nullable=False),
    Column("plugin", String(64), nullable=False),
    Column("position", BigInteger, nullable=False),
    PrimaryKeyConstraint("facility", "plugin", name="pk_plugin_cursors"),
)

plugin_tables = Table(
    "plugin_tables",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("plugin", String(64), nullable=False),
)
