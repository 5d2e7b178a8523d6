"""The tables of residents, visitors and what stands between them. A change here needs a migration."""

from sqlalchemy import JSON, Column, Date, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from parloir.store.tables import Utc, metadata

residents = Table(
    "residents",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("facility", String(64), nullable=False),
    Column("number", String(32), nullable=False),
    Column("name", String(200), nullable=False),
    Column("unit", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("language", String(16)),
    Column("accommodations", JSON, nullable=False),
    Column("pin_hash", String(200)),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("locked", Utc),
    UniqueConstraint("facility", "number", name="uq_residents_facility_number"),
)

visitors = Table(
    "visitors",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("facility", String(64), nullable=False),
    Column("reference", String(64), nullable=False),
    Column("name", String(200), nullable=False),
    Column("born", Date),
    Column("email", String(254)),
    Column("phone", String(32)),
    Column("language", String(16)),
    Column("status", String(16), nullable=False),
    UniqueConstraint("facility", "reference", name="uq_visitors_facility_reference"),
    Index("ix_visitors_email", "email"),
    Index("ix_visitors_phone", "phone"),
)

visitor_links = Table(
    "visitor_links",
    metadata,
    Column("visitor", String(32), ForeignKey("visitors.id"), primary_key=True),
    Column("token", String(64), nullable=False, unique=True),
    Column("made", Utc, nullable=False),
    Column("made_by", String(64), nullable=False),
)

relationships = Table(
    "relationships",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("resident", String(32), ForeignKey("residents.id"), nullable=False),
    Column("visitor", String(32), ForeignKey("visitors.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("bar_id", String(64)),
    Column("decided_by", String(64)),
    Column("decided", Utc),
    Column("expires", Utc),
    UniqueConstraint("resident", "visitor", "kind", name="uq_relationships_resident_visitor_kind"),
    Index("ix_relationships_visitor", "visitor"),
)

no_contact_orders = Table(
    "no_contact_orders",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("facility", String(64), nullable=False),
    Column("resident", String(32), ForeignKey("residents.id"), nullable=False),
    Column("visitor", String(32), ForeignKey("visitors.id")),
    Column("name", String(200)),
    Column("phone", String(32)),
    Column("docket", String(64)),
    Column("start", Utc, nullable=False),
    Column("finish", Utc),
    Column("entered_by", String(64), nullable=False),
    Column("lifted", Utc),
    Column("lifted_by", String(64)),
    Index("ix_no_contact_orders_resident", "resident"),
)

separations = Table(
    "separations",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("first", String(32), ForeignKey("residents.id"), nullable=False),
    Column("second", String(32), ForeignKey("residents.id"), nullable=False),
    Column("reason", String(200), nullable=False),
    Column("entered_by", String(64), nullable=False),
    Column("start", Utc, nullable=False),
    Column("finish", Utc),
    Index("ix_separations_first", "first"),
    Index("ix_separations_second", "second"),
)

suspensions = Table(
    "suspensions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("facility", String(64), nullable=False),
    Column("resident", String(32), ForeignKey("residents.id")),
    Column("visitor", String(32), ForeignKey("visitors.id")),
    Column("reason", String(200), nullable=False),
    Column("entered_by", String(64), nullable=False),
    Column("start", Utc, nullable=False),
    Column("finish", Utc),
    Index("ix_suspensions_resident", "resident"),
    Index("ix_suspensions_visitor", "visitor"),
)

visit_visitors = Table(
    "visit_visitors",
    metadata,
    Column("visit", String(32), ForeignKey("visits.id"), primary_key=True),
    Column("visitor", String(32), ForeignKey("visitors.id"), primary_key=True),
    Index("ix_visit_visitors_visitor", "visitor"),
)
