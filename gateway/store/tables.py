"""The tables of calls and visits (SQLAlchemy Core), and what all tables share. A change here needs a migration."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


class Utc(TypeDecorator[datetime]):
    """A moment: aware in Python, UTC without a zone in the database. A naive datetime is a ValueError."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

visits = Table(
    "visits",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("facility", String(64), nullable=False),
    Column("station", String(64), nullable=False),
    Column("visitor", String(200), nullable=False),
    Column("start", Utc, nullable=False),
    Column("finish", Utc, nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("code", String(6), nullable=False),
    Column("token", String(64), nullable=False, unique=True),
    Column("state", String(16), nullable=False),
    Column("rings", Boolean, nullable=False),
    Column("resident", String(32), ForeignKey("residents.id"), index=True),
    Column("booked_by", String(16), nullable=False, server_default="staff"),
    Column("call_class", String(16)),
    Index("ix_visits_station_start", "facility", "station", "start"),
    Index(
        "uq_visits_open_code",
        "facility",
        "station",
        "code",
        unique=True,
        sqlite_where=text("state IN ('scheduled', 'active')"),
        postgresql_where=text("state IN ('scheduled', 'active')"),
    ),
)

calls = Table(
    "calls",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("visit", String(32), ForeignKey("visits.id"), index=True),
    Column("facility", String(64), nullable=False),
    Column("station", String(64), nullable=False),
    Column("way_in", String(16), nullable=False),
    Column("class", String(16), nullable=False),
    Column("opened", Utc, nullable=False, index=True),
    Column("ended", Utc, index=True),
    Column("reason", String(64)),
    Column("node", String(64)),
)

events = Table(
    "events",
    metadata,
    Column("call", String(32), ForeignKey("calls.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("wall", Utc, nullable=False),
    Column("monotonic", BigInteger, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("data", JSON, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Index("uq_events_sequence", "sequence", unique=True),
)

happenings = Table(
    "happenings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("facility", String(64)),
    Column("hook", String(32), nullable=False),
    Column("subject", String(32), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("at", Utc, nullable=False),
    Column("data", JSON, nullable=False),
    Column("sequence", BigInteger),
    Index("uq_happenings_sequence", "sequence", unique=True),
)

call_notes = Table(
    "call_notes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("call", String(32), ForeignKey("calls.id"), nullable=False, index=True),
    Column("text", String(1000), nullable=False),
    Column("made", Utc, nullable=False),
    Column("made_by", String(200), nullable=False),
)

dialogs = Table(
    "dialogs",
    metadata,
    Column("session", String(64), primary_key=True),
    Column("call_id", String(512), nullable=False),
    Column("local_uri", String(1024), nullable=False),
    Column("local_tag", String(256), nullable=False),
    Column("remote_uri", String(1024), nullable=False),
    Column("remote_tag", String(256), nullable=False),
    Column("local_cseq", BigInteger, nullable=False),
    Column("remote_cseq", BigInteger, nullable=False),
    Column("target", String(1024), nullable=False),
    Column("route", JSON, nullable=False),
    Column("flow", String(256), nullable=False),
    Column("node", String(64)),
)
