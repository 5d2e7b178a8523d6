"""The calls that were cut off when this gateway last went down: they end when it starts again."""

from sqlalchemy import Connection

from parloir.calls.timeline import Timelines
from parloir.store import calls, nodes
from parloir.store.calls import Call
from parloir.store.nodes import Standing


async def close(timelines: Timelines, node: str) -> None:
    """End the calls that this node left open; those of other nodes go on, and are only said in the log."""

    def look(connection: Connection) -> tuple[list[Call], list[Standing]]:
        return calls.left_open(connection, node), nodes.others(connection, node)

    mine, others = await timelines.database.run(look)
    for call in mine:
        timelines.event(call.id, "gateway_restarted")
        timelines.finished(call.id, "GatewayRestarted")
    for each in others:
        if each.calls:
            timelines.log("calls.elsewhere", node=each.node, calls=each.calls)
