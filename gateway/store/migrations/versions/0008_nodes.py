"""Which gateway of several carries a call, a dialog, and a phone's registration."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

TABLES = ("calls", "dialogs", "bindings")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("node", sa.String(64)))


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "node")
