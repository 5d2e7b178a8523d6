"""Where registered phones are, and which sources are banned."""

import sqlalchemy as sa
from alembic import op

from parloir.store.tables import Utc

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "bindings",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("station", sa.String(64), nullable=False),
        sa.Column("contact", sa.String(1024), nullable=False),
        sa.Column("flow", sa.String(256), nullable=False),
        sa.Column("path", sa.JSON, nullable=False),
        sa.Column("call_id", sa.String(512), nullable=False),
        sa.Column("cseq", sa.BigInteger, nullable=False),
        sa.Column("instance", sa.String(256), nullable=False),
        sa.Column("user_agent", sa.String(200), nullable=False),
        sa.Column("registered", Utc, nullable=False),
        sa.Column("seen", Utc, nullable=False),
        sa.Column("expires", Utc, nullable=False),
    )
    op.create_table(
        "bans",
        sa.Column("host", sa.String(64), primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("since", Utc, nullable=False),
        sa.Column("until", Utc, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("bans")
    op.drop_table("bindings")
