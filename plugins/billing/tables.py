"""The plugin's tables. Moments are seconds since 1970 UTC; amounts are micro-dollars."""

from datetime import UTC, datetime

from sqlalchemy import BigInteger, Boolean, Column, Index, MetaData, String, Table

metadata = MetaData()

payments = Table(
    "billing_payments",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("facility", String(64), nullable=False),
    Column("account", String(100), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("provider", String(32), nullable=False),
    Column("asked_by", String(64), nullable=False),
    Column("asked", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reference", String(100)),
    Column("settled", BigInteger),
    Index("ix_billing_payments_facility", "facility", "asked"),
)

requests = Table(
    "billing_refund_requests",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("facility", String(64), nullable=False),
    Column("call", String(64), nullable=False),
    Column("visitor", String(64), nullable=False),
    Column("words", String(500), nullable=False),
    Column("asked", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("answered", BigInteger),
    Column("answered_by", String(64)),
    Column("answer", String(500)),
    Index("ix_billing_refund_requests_facility", "facility", "asked"),
)

traffic = Table(
    "billing_traffic",
    metadata,
    Column("call", String(64), primary_key=True),
    Column("facility", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("seconds", BigInteger, nullable=False),
    Column("medium", String(16), nullable=False),
    Column("privileged", Boolean, nullable=False),
    Column("octets", BigInteger, nullable=False),
    Column("cpu_milliseconds", BigInteger),
    Index("ix_billing_traffic_facility", "facility", "at"),
)


def seconds(at: datetime) -> int:
    """A moment as the tables hold it."""
    return int(at.timestamp())


def moment(at: int) -> datetime:
    """A moment from the tables."""
    return datetime.fromtimestamp(at, UTC)
