"""Visitors' own links, at which they wait for calls."""

import sqlalchemy as sa
from alembic import op

from parloir.store.tables import Utc

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "visitor_links",
        sa.Column("visitor", sa.String(32), sa.ForeignKey("visitors.id"), primary_key=True),
        sa.Column("token", sa.String(64), nullable=False, unique=True),
        sa.Column("made", Utc, nullable=False),
        sa.Column("made_by", sa.String(64), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("visitor_links")
