"""People, staff, orders, alerts, the audit chain and plugins' own; events numbered across calls."""

from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op

from parloir.store.append_only import allow, forbid
from parloir.store.tables import Utc

revision = "0002"
down_revision = "0001"

TABLES = (
    "plugin_tables",
    "plugin_cursors",
    "audit",
    "alerts",
    "calendar_entries",
    "staff_sessions",
    "staff",
    "visit_visitors",
    "suspensions",
    "separations",
    "no_contact_orders",
    "relationships",
    "visitors",
)


def upgrade() -> None:
    _residents()
    _visitors()
    _relationships()
    _no_contact_orders()
    _separations()
    _suspensions()
    _participants()
    _staff()
    _calendar()
    _alerts()
    _audit()
    _plugins()
    _number_events()


def downgrade() -> None:
    _run(allow(_dialect(), "events"))
    op.drop_index("uq_events_sequence", "events")
    op.drop_column("events", "sequence")
    _run(forbid(_dialect(), "events"))
    for table in TABLES:
        op.drop_table(table)
    op.drop_column("visits", "resident")
    op.drop_table("residents")


def _dialect() -> str:
    return op.get_bind().dialect.name


def _run(statements: Iterable[str]) -> None:
    for statement in statements:
        op.execute(statement)


def _residents() -> None:
    op.create_table(
        "residents",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("number", sa.String(32), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("unit", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("language", sa.String(16)),
        sa.Column("accommodations", sa.JSON, nullable=False),
        sa.Column("pin_hash", sa.String(200)),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("locked", Utc),
        sa.UniqueConstraint("facility", "number", name="uq_residents_facility_number"),
    )


def _visitors() -> None:
    op.create_table(
        "visitors",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("reference", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("born", sa.Date),
        sa.Column("email", sa.String(254)),
        sa.Column("phone", sa.String(32)),
        sa.Column("language", sa.String(16)),
        sa.Column("status", sa.String(16), nullable=False),
        sa.UniqueConstraint("facility", "reference", name="uq_visitors_facility_reference"),
    )
    op.create_index("ix_visitors_email", "visitors", ["email"])
    op.create_index("ix_visitors_phone", "visitors", ["phone"])


def _relationships() -> None:
    op.create_table(
        "relationships",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("resident", sa.String(32), sa.ForeignKey("residents.id"), nullable=False),
        sa.Column("visitor", sa.String(32), sa.ForeignKey("visitors.id"), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("bar_id", sa.String(64)),
        sa.Column("decided_by", sa.String(64)),
        sa.Column("decided", Utc),
        sa.Column("expires", Utc),
        sa.UniqueConstraint("resident", "visitor", "kind", name="uq_relationships_resident_visitor_kind"),
    )
    op.create_index("ix_relationships_visitor", "relationships", ["visitor"])


def _no_contact_orders() -> None:
    op.create_table(
        "no_contact_orders",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("resident", sa.String(32), sa.ForeignKey("residents.id"), nullable=False),
        sa.Column("visitor", sa.String(32), sa.ForeignKey("visitors.id")),
        sa.Column("name", sa.String(200)),
        sa.Column("phone", sa.String(32)),
        sa.Column("docket", sa.String(64)),
        sa.Column("start", Utc, nullable=False),
        sa.Column("finish", Utc),
        sa.Column("entered_by", sa.String(64), nullable=False),
        sa.Column("lifted", Utc),
        sa.Column("lifted_by", sa.String(64)),
    )
    op.create_index("ix_no_contact_orders_resident", "no_contact_orders", ["resident"])


def _separations() -> None:
    op.create_table(
        "separations",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("first", sa.String(32), sa.ForeignKey("residents.id"), nullable=False),
        sa.Column("second", sa.String(32), sa.ForeignKey("residents.id"), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("entered_by", sa.String(64), nullable=False),
        sa.Column("start", Utc, nullable=False),
        sa.Column("finish", Utc),
    )
    for column in ("first", "second"):
        op.create_index(f"ix_separations_{column}", "separations", [column])


def _suspensions() -> None:
    op.create_table(
        "suspensions",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("resident", sa.String(32), sa.ForeignKey("residents.id")),
        sa.Column("visitor", sa.String(32), sa.ForeignKey("visitors.id")),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("entered_by", sa.String(64), nullable=False),
        sa.Column("start", Utc, nullable=False),
        sa.Column("finish", Utc),
    )
    for column in ("resident", "visitor"):
        op.create_index(f"ix_suspensions_{column}", "suspensions", [column])


def _participants() -> None:
    # In one statement: Alembic adds a foreign key in a second one, which SQLite does not have.
    op.execute(
        "ALTER TABLE visits ADD COLUMN resident VARCHAR(32) "
        "CONSTRAINT fk_visits_resident_residents REFERENCES residents (id)"
    )
    op.create_table(
        "visit_visitors",
        sa.Column("visit", sa.String(32), sa.ForeignKey("visits.id"), primary_key=True),
        sa.Column("visitor", sa.String(32), sa.ForeignKey("visitors.id"), primary_key=True),
    )
    op.create_index("ix_visit_visitors_visitor", "visit_visitors", ["visitor"])


def _staff() -> None:
    op.create_table(
        "staff",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("user", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("roles", sa.JSON, nullable=False),
        sa.Column("facilities", sa.JSON, nullable=False),
        sa.Column("password_hash", sa.String(200), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("locked", Utc),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.UniqueConstraint("user", name="uq_staff_user"),
    )
    op.create_table(
        "staff_sessions",
        sa.Column("token_hash", sa.String(64), primary_key=True),
        sa.Column("staff", sa.String(32), sa.ForeignKey("staff.id"), nullable=False),
        sa.Column("ip", sa.String(45), nullable=False),
        sa.Column("opened", Utc, nullable=False),
        sa.Column("seen", Utc, nullable=False),
        sa.Column("expires", Utc, nullable=False),
    )
    op.create_index("ix_staff_sessions_staff", "staff_sessions", ["staff"])


def _calendar() -> None:
    op.create_table(
        "calendar_entries",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("unit", sa.String(64)),
        sa.Column("station", sa.String(64)),
        sa.Column("resident", sa.String(32), sa.ForeignKey("residents.id")),
        sa.Column("start", Utc, nullable=False),
        sa.Column("finish", Utc),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
        sa.Column("entered_by", sa.String(64), nullable=False),
    )
    op.create_index("ix_calendar_entries_facility_start", "calendar_entries", ["facility", "start"])


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", Utc, nullable=False),
        sa.Column("facility", sa.String(64)),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("text", sa.String(1000), nullable=False),
        sa.Column("acknowledged", Utc),
        sa.Column("acknowledged_by", sa.String(64)),
    )
    op.create_index("ix_alerts_at", "alerts", ["at"])


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_index("ix_audit_subject", "audit", ["subject"])
    _run(forbid(_dialect(), "audit"))


def _plugins() -> None:
    op.create_table(
        "plugin_cursors",
        sa.Column("facility", sa.String(64), primary_key=True),
        sa.Column("plugin", sa.String(64), primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "plugin_tables",
        sa.Column("name", sa.String(63), primary_key=True),
        sa.Column("plugin", sa.String(64), nullable=False),
    )


def _number_events() -> None:
    _run(allow(_dialect(), "events"))
    op.add_column("events", sa.Column("sequence", sa.BigInteger))
    op.execute(
        "UPDATE events SET sequence = ordered.place FROM ("
        "SELECT call, number, ROW_NUMBER() OVER (ORDER BY wall, call, number) AS place FROM events"
        ") AS ordered WHERE ordered.call = events.call AND ordered.number = events.number"
    )
    with op.batch_alter_table("events") as events:
        events.alter_column("sequence", nullable=False, existing_type=sa.BigInteger)
    op.create_index("uq_events_sequence", "events", ["sequence"], unique=True)
    _run(forbid(_dialect(), "events"))
