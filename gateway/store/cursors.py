"""How far each plugin has heard the timeline, kept so that it goes on there after a crash."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, func, insert, select, update

from parloir.store import happenings, locks
from parloir.store.staff_tables import plugin_cursors


def begin(connection: Connection, plugins: Mapping[str, Sequence[str]]) -> None:
    """Give those plugins (by facility) that have no place yet one behind all that has happened until now."""
    locks.hold(connection, locks.TIMELINE)
    happenings.number(connection)
    now = happenings.last(connection)
    for facility, names in plugins.items():
        for name in names:
            if position(connection, facility, name) is None:
                connection.execute(insert(plugin_cursors).values(facility=facility, plugin=name, position=now))


def slowest(connection: Connection, facility: str, plugins: Sequence[str]) -> int | None:
    """The place up to which all of these plugins have heard, 0 where one has heard nothing; None: there are none."""
    if not plugins:
        return None
    here = (plugin_cursors.c.facility == facility) & plugin_cursors.c.plugin.in_(plugins)
    count, least = connection.execute(select(func.count(), func.min(plugin_cursors.c.position)).where(here)).one()
    return least if count == len(plugins) else 0


def position(connection: Connection, facility: str, plugin: str) -> int | None:
    """The sequence of the last event this plugin has heard there; None for one that never heard any."""
    here = (plugin_cursors.c.facility == facility) & (plugin_cursors.c.plugin == plugin)
    return connection.execute(select(plugin_cursors.c.position).where(here).with_for_update()).scalar()


def move(connection: Connection, facility: str, plugin: str, to: int) -> None:
    """Remember that this plugin has heard everything up to the event of that sequence; it never goes back."""
    known = position(connection, facility, plugin)
    if known is None:
        connection.execute(insert(plugin_cursors).values(facility=facility, plugin=plugin, position=to))
    elif known < to:
        here = (plugin_cursors.c.facility == facility) & (plugin_cursors.c.plugin == plugin)
        connection.execute(update(plugin_cursors).where(here).values(position=to))
