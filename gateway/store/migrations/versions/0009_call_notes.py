"""What staff wrote about calls, which is never changed or removed."""

import sqlalchemy as sa
from alembic import op

from parloir.store.append_only import forbid
from parloir.store.tables import Utc

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "call_notes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("call", sa.String(32), sa.ForeignKey("calls.id"), nullable=False),
        sa.Column("text", sa.String(1000), nullable=False),
        sa.Column("made", Utc, nullable=False),
        sa.Column("made_by", sa.String(200), nullable=False),
    )
    op.create_index("ix_call_notes_call", "call_notes", ["call"])
    for statement in forbid(op.get_bind().dialect.name, "call_notes"):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("call_notes")
