"""Alerts of plugins and of the policies, into the store and back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from parloir.policy.values import Alert, Severity
from parloir.store import alerts

SEVERITIES = {
    Severity.NOTICE: alerts.Severity.INFO,
    Severity.WARNING: alerts.Severity.WARNING,
    Severity.URGENT: alerts.Severity.CRITICAL,
}


def put(connection: Connection, facility: str | None, alert: Alert, at: datetime) -> alerts.Alert:
    """Store an alert of a facility, or of the whole gateway: staff see it, and plugins are told."""
    return alerts.add(
        connection,
        at=at,
        facility=facility,
        severity=SEVERITIES[alert.severity],
        text=alert.text,
        code=alert.code,
        subject=alert.subject,
    )


def of(data: Mapping[str, Any]) -> Alert:
    """An alert from what its happening holds."""
    kinds = {stored.value: severity for severity, stored in SEVERITIES.items()}
    return Alert(
        severity=kinds[data["severity"]],
        code=data["code"],
        text=data["text"][:500],
        subject=data["subject"],
    )
