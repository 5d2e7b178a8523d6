"""Who booked a visit and what staff said it is; a call's class, set once; what happened beside calls, for plugins."""

import sqlalchemy as sa
from alembic import op

from parloir.store.class_fixed import allow, forbid
from parloir.store.tables import Utc

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("visits", sa.Column("booked_by", sa.String(16), nullable=False, server_default="staff"))
    op.add_column("visits", sa.Column("call_class", sa.String(16)))
    op.create_table(
        "happenings",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("facility", sa.String(64)),
        sa.Column("hook", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("at", Utc, nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
        sa.Column("sequence", sa.BigInteger),
    )
    op.create_index("uq_happenings_sequence", "happenings", ["sequence"], unique=True)
    op.create_index("ix_calls_visit", "calls", ["visit"])
    op.create_index("ix_visits_resident", "visits", ["resident"])
    for statement in forbid(op.get_bind().dialect.name):
        op.execute(statement)


def downgrade() -> None:
    for statement in allow(op.get_bind().dialect.name):
        op.execute(statement)
    op.drop_index("ix_visits_resident", "visits")
    op.drop_index("ix_calls_visit", "calls")
    op.drop_table("happenings")
    op.drop_column("visits", "call_class")
    op.drop_column("visits", "booked_by")
    # The older version knows no unknown class: what was never connected is best protected.
    op.execute("UPDATE calls SET class = 'privileged' WHERE class = 'unknown'")
