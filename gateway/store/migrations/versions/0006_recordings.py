"""Recordings, what holds them, and what was noted of them."""

import sqlalchemy as sa
from alembic import op

from parloir.store.tables import Utc

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "recordings",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("call", sa.String(32), sa.ForeignKey("calls.id"), nullable=False),
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("begun", Utc, nullable=False),
        sa.Column("ended", Utc),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("chunks", sa.Integer, nullable=False, server_default="0"),
        sa.Column("octets", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("hash", sa.String(64), nullable=False, server_default=""),
        sa.Column("failure", sa.String(500), nullable=False, server_default=""),
        sa.Column("erased", Utc),
    )
    op.create_index("ix_recordings_call", "recordings", ["call"])
    op.create_index("ix_recordings_facility_begun", "recordings", ["facility", "begun"])
    op.create_table(
        "recording_holds",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("recording", sa.String(32), sa.ForeignKey("recordings.id"), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("placed", Utc, nullable=False),
        sa.Column("placed_by", sa.String(200), nullable=False),
        sa.Column("lifted", Utc),
        sa.Column("lifted_by", sa.String(200)),
    )
    op.create_index("ix_recording_holds_recording", "recording_holds", ["recording"])
    op.create_table(
        "recording_marks",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("recording", sa.String(32), sa.ForeignKey("recordings.id"), nullable=False),
        sa.Column("at", sa.Integer),
        sa.Column("text", sa.String(1000), nullable=False),
        sa.Column("made", Utc, nullable=False),
        sa.Column("made_by", sa.String(200), nullable=False),
    )
    op.create_index("ix_recording_marks_recording", "recording_marks", ["recording"])


def downgrade() -> None:
    op.drop_table("recording_marks")
    op.drop_table("recording_holds")
    op.drop_table("recordings")
