"""The ledger's tables: accounts, entries and what they move are only ever added to. A change here needs a migration."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
)

from parloir.store.staff_tables import audit
from parloir.store.tables import Utc, calls, events, metadata

ledger_accounts = Table(
    "ledger_accounts",
    metadata,
    Column("facility", String(64), nullable=False),
    Column("id", String(100), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("owner", String(80), nullable=False),
    Column("opened", Utc, nullable=False),
    PrimaryKeyConstraint("facility", "id", name="pk_ledger_accounts"),
)

ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("facility", String(64), nullable=False),
    Column("event", String(200), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("account", String(100), nullable=False),
    Column("call", String(32), ForeignKey(calls.c.id), index=True),
    Column("timeline_number", Integer),
    Column("audit_number", BigInteger, ForeignKey(audit.c.number)),
    Column("at", Utc, nullable=False),
    Column("by", String(128), nullable=False),
    Column("reason", String(200), nullable=False),
    Column("expires", Utc),
    UniqueConstraint("facility", "event", name="uq_ledger_entries_facility_event"),
    ForeignKeyConstraint(
        ["facility", "account"],
        [ledger_accounts.c.facility, ledger_accounts.c.id],
        name="fk_ledger_entries_facility_ledger_accounts",
    ),
    ForeignKeyConstraint(
        ["call", "timeline_number"], [events.c.call, events.c.number], name="fk_ledger_entries_timeline_events"
    ),
    CheckConstraint("(timeline_number IS NULL) <> (audit_number IS NULL)", name="ck_ledger_entries_evidence"),
    Index("ix_ledger_entries_facility_account", "facility", "account", "id"),
)

ledger_postings = Table(
    "ledger_postings",
    metadata,
    Column("entry", BigInteger, ForeignKey(ledger_entries.c.id), nullable=False),
    Column("facility", String(64), nullable=False),
    Column("account", String(100), nullable=False),
    Column("amount", BigInteger, nullable=False),
    PrimaryKeyConstraint("entry", "account", name="pk_ledger_postings"),
    ForeignKeyConstraint(
        ["facility", "account"],
        [ledger_accounts.c.facility, ledger_accounts.c.id],
        name="fk_ledger_postings_facility_ledger_accounts",
    ),
    Index("ix_ledger_postings_facility_account", "facility", "account", "entry"),
)

ledger_holds = Table(
    "ledger_holds",
    metadata,
    Column("call", String(32), ForeignKey(calls.c.id), primary_key=True),
    Column("facility", String(64), nullable=False),
    Column("payer", String(100), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("entry", BigInteger, ForeignKey(ledger_entries.c.id), nullable=False),
    Column("expires", Utc, nullable=False),
    Index("ix_ledger_holds_expires", "expires"),
    Index("ix_ledger_holds_facility_payer", "facility", "payer"),
)
"""The holds that are open, for finding them fast: derived from the entries, the only rows here that go away again."""

ledger_checkpoints = Table(
    "ledger_checkpoints",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("through", BigInteger, nullable=False),
    Column("entries", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("at", Utc, nullable=False),
    Column("audit_number", BigInteger, ForeignKey(audit.c.number), nullable=False),
)

ledger_balances = Table(
    "ledger_balances",
    metadata,
    Column("facility", String(64), nullable=False),
    Column("account", String(100), nullable=False),
    Column("through", BigInteger, nullable=False),
    Column("checkpoint", BigInteger, ForeignKey(ledger_checkpoints.c.number), nullable=False),
    Column("balance", BigInteger, nullable=False),
    PrimaryKeyConstraint("facility", "account", "through", name="pk_ledger_balances"),
    ForeignKeyConstraint(
        ["facility", "account"],
        [ledger_accounts.c.facility, ledger_accounts.c.id],
        name="fk_ledger_balances_facility_ledger_accounts",
    ),
)
