"""How far each plugin has heard the timeline, kept so that it goes on there after a crash."""

from sqlalchemy import Connection, insert, select, update

from parloir.store.staff_tables import plugin_cursors


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
