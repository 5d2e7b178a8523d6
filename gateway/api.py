"""All that a plugin may import of Parloir. Version 1: names are added here, never taken away.

A plugin is a class named by an entry point of the group `parloir.plugins`. It says `api = 1`, may have a `Settings`
class (a subclass of the one here) that its part of the configuration is read into, is made once for each facility that
names it as `Class(settings, facility)`, and marks its hooks with `@hookimpl`. `parloir.policy.hookspecs` lists them.
"""

from parloir.config.errors import Unfit
from parloir.config.values import Section as Settings
from parloir.policy.answers import (
    Allow,
    Announcement,
    CallClass,
    Cap,
    CapKind,
    DenialKind,
    Deny,
    Discount,
    Extend,
    Identity,
    Keep,
    LegalHold,
    No,
    Payer,
    PayerKind,
    RateStep,
    Slot,
    Tariff,
    Words,
    Yes,
)
from parloir.policy.collections import Commands, Page, Reply, Request, Task
from parloir.policy.collections import Route as HttpRoute
from parloir.policy.facility import Actions, Facility, Records, Store
from parloir.policy.hookspecs import hookimpl
from parloir.policy.participants import (
    Contact,
    Relationship,
    RelationshipKind,
    RelationshipState,
    Resident,
    Visitor,
)
from parloir.policy.values import (
    Action,
    Actor,
    Alert,
    Application,
    BookedBy,
    Call,
    Decided,
    Happening,
    Medium,
    Recording,
    Route,
    Severity,
    SlotSearch,
    Suspension,
    Visit,
    WayIn,
    to_json,
)

API = 1

__all__ = [
    "API",
    "Action",
    "Actions",
    "Actor",
    "Alert",
    "Allow",
    "Announcement",
    "Application",
    "BookedBy",
    "Call",
    "CallClass",
    "Cap",
    "CapKind",
    "Commands",
    "Contact",
    "Decided",
    "DenialKind",
    "Deny",
    "Discount",
    "Extend",
    "Facility",
    "Happening",
    "HttpRoute",
    "Identity",
    "Keep",
    "LegalHold",
    "Medium",
    "No",
    "Page",
    "Payer",
    "PayerKind",
    "RateStep",
    "Recording",
    "Records",
    "Relationship",
    "RelationshipKind",
    "RelationshipState",
    "Reply",
    "Request",
    "Resident",
    "Route",
    "Settings",
    "Severity",
    "Slot",
    "SlotSearch",
    "Store",
    "Suspension",
    "Tariff",
    "Task",
    "Unfit",
    "Visit",
    "Visitor",
    "WayIn",
    "Words",
    "Yes",
    "hookimpl",
    "to_json",
]
