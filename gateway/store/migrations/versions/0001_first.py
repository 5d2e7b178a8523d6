"""The first tables: visits, calls, their timeline (append-only), and dialogs."""

import sqlalchemy as sa
from alembic import op

from parloir.store.append_only import forbid
from parloir.store.tables import Utc

revision = "0001"
down_revision = None

OPEN = sa.text("state IN ('scheduled', 'active')")


def upgrade() -> None:
    _visits()
    _calls()
    _events()
    _dialogs()


def _visits() -> None:
    op.create_table(
        "visits",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("station", sa.String(64), nullable=False),
        sa.Column("visitor", sa.String(200), nullable=False),
        sa.Column("start", Utc, nullable=False),
        sa.Column("finish", Utc, nullable=False),
        sa.Column("minutes", sa.Integer, nullable=False),
        sa.Column("code", sa.String(6), nullable=False),
        sa.Column("token", sa.String(64), nullable=False, unique=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("rings", sa.Boolean, nullable=False),
    )
    op.create_index("ix_visits_station_start", "visits", ["facility", "station", "start"])
    op.create_index(
        "uq_visits_open_code",
        "visits",
        ["facility", "station", "code"],
        unique=True,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )


def _calls() -> None:
    op.create_table(
        "calls",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("visit", sa.String(32), sa.ForeignKey("visits.id")),
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("station", sa.String(64), nullable=False),
        sa.Column("way_in", sa.String(16), nullable=False),
        sa.Column("class", sa.String(16), nullable=False),
        sa.Column("opened", Utc, nullable=False),
        sa.Column("ended", Utc),
        sa.Column("reason", sa.String(64)),
    )
    op.create_index("ix_calls_opened", "calls", ["opened"])
    op.create_index("ix_calls_ended", "calls", ["ended"])


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("call", sa.String(32), sa.ForeignKey("calls.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("wall", Utc, nullable=False),
        sa.Column("monotonic", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
    )
    for statement in forbid(op.get_bind().dialect.name, "events"):
        op.execute(statement)


def _dialogs() -> None:
    op.create_table(
        "dialogs",
        sa.Column("session", sa.String(64), primary_key=True),
        sa.Column("call_id", sa.String(512), nullable=False),
        sa.Column("local_uri", sa.String(1024), nullable=False),
        sa.Column("local_tag", sa.String(256), nullable=False),
        sa.Column("remote_uri", sa.String(1024), nullable=False),
        sa.Column("remote_tag", sa.String(256), nullable=False),
        sa.Column("local_cseq", sa.BigInteger, nullable=False),
        sa.Column("remote_cseq", sa.BigInteger, nullable=False),
        sa.Column("target", sa.String(1024), nullable=False),
        sa.Column("route", sa.JSON, nullable=False),
        sa.Column("flow", sa.String(256), nullable=False),
    )
