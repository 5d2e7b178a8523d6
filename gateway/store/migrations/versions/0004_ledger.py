"""The ledger: accounts, entries and their postings (append-only), open holds, and checkpoints of balances."""

import sqlalchemy as sa
from alembic import op

from parloir.store.append_only import forbid
from parloir.store.tables import Utc

revision = "0004"
down_revision = "0003"

APPEND_ONLY = ("ledger_accounts", "ledger_entries", "ledger_postings", "ledger_checkpoints", "ledger_balances")
ACCOUNT = ["ledger_accounts.facility", "ledger_accounts.id"]


def upgrade() -> None:
    _accounts()
    _entries()
    _postings()
    _holds()
    _checkpoints()
    _balances()
    for table in APPEND_ONLY:
        for statement in forbid(op.get_bind().dialect.name, table):
            op.execute(statement)


def downgrade() -> None:
    for table in ("ledger_holds", *reversed(APPEND_ONLY)):
        op.drop_table(table)


def _accounts() -> None:
    op.create_table(
        "ledger_accounts",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("id", sa.String(100), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("owner", sa.String(80), nullable=False),
        sa.Column("opened", Utc, nullable=False),
        sa.PrimaryKeyConstraint("facility", "id", name="pk_ledger_accounts"),
    )


def _entries() -> None:
    op.create_table(
        "ledger_entries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("event", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("account", sa.String(100), nullable=False),
        sa.Column("call", sa.String(32), sa.ForeignKey("calls.id")),
        sa.Column("timeline_number", sa.Integer),
        sa.Column("audit_number", sa.BigInteger, sa.ForeignKey("audit.number")),
        sa.Column("at", Utc, nullable=False),
        sa.Column("by", sa.String(128), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("expires", Utc),
        sa.UniqueConstraint("facility", "event", name="uq_ledger_entries_facility_event"),
        sa.ForeignKeyConstraint(["facility", "account"], ACCOUNT, name="fk_ledger_entries_facility_ledger_accounts"),
        sa.ForeignKeyConstraint(
            ["call", "timeline_number"], ["events.call", "events.number"], name="fk_ledger_entries_timeline_events"
        ),
        sa.CheckConstraint("(timeline_number IS NULL) <> (audit_number IS NULL)", name="ck_ledger_entries_evidence"),
    )
    op.create_index("ix_ledger_entries_call", "ledger_entries", ["call"])
    op.create_index("ix_ledger_entries_facility_account", "ledger_entries", ["facility", "account", "id"])


def _postings() -> None:
    op.create_table(
        "ledger_postings",
        sa.Column("entry", sa.BigInteger, sa.ForeignKey("ledger_entries.id"), nullable=False),
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("account", sa.String(100), nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("entry", "account", name="pk_ledger_postings"),
        sa.ForeignKeyConstraint(["facility", "account"], ACCOUNT, name="fk_ledger_postings_facility_ledger_accounts"),
    )
    op.create_index("ix_ledger_postings_facility_account", "ledger_postings", ["facility", "account", "entry"])


def _holds() -> None:
    op.create_table(
        "ledger_holds",
        sa.Column("call", sa.String(32), sa.ForeignKey("calls.id"), primary_key=True),
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("payer", sa.String(100), nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("entry", sa.BigInteger, sa.ForeignKey("ledger_entries.id"), nullable=False),
        sa.Column("expires", Utc, nullable=False),
    )
    op.create_index("ix_ledger_holds_expires", "ledger_holds", ["expires"])
    op.create_index("ix_ledger_holds_facility_payer", "ledger_holds", ["facility", "payer"])


def _checkpoints() -> None:
    op.create_table(
        "ledger_checkpoints",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("through", sa.BigInteger, nullable=False),
        sa.Column("entries", sa.Integer, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("at", Utc, nullable=False),
        sa.Column("audit_number", sa.BigInteger, sa.ForeignKey("audit.number"), nullable=False),
    )


def _balances() -> None:
    op.create_table(
        "ledger_balances",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("account", sa.String(100), nullable=False),
        sa.Column("through", sa.BigInteger, nullable=False),
        sa.Column("checkpoint", sa.BigInteger, sa.ForeignKey("ledger_checkpoints.number"), nullable=False),
        sa.Column("balance", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("facility", "account", "through", name="pk_ledger_balances"),
        sa.ForeignKeyConstraint(["facility", "account"], ACCOUNT, name="fk_ledger_balances_facility_ledger_accounts"),
    )
