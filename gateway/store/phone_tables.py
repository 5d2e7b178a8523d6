"""The tables of phones that register here, and of sources that are banned. A change here needs a migration."""

from sqlalchemy import JSON, BigInteger, Column, Integer, String, Table

from parloir.store.tables import Utc, metadata

bindings = Table(
    "bindings",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("facility", String(64), nullable=False),
    Column("station", String(64), nullable=False),
    Column("contact", String(1024), nullable=False),
    Column("flow", String(256), nullable=False),
    Column("path", JSON, nullable=False),
    Column("call_id", String(512), nullable=False),
    Column("cseq", BigInteger, nullable=False),
    Column("instance", String(256), nullable=False),
    Column("user_agent", String(200), nullable=False),
    Column("registered", Utc, nullable=False),
    Column("seen", Utc, nullable=False),
    Column("expires", Utc, nullable=False),
    Column("node", String(64)),
)

bans = Table(
    "bans",
    metadata,
    Column("host", String(64), primary_key=True),
    Column("count", Integer, nullable=False),
    Column("since", Utc, nullable=False),
    Column("until", Utc, nullable=False),
)
