"""A decision's trail as text for staff: who was asked what, who answered what, and how it was combined. Pure."""

from collections.abc import Sequence

from parloir.policy.trail import Asked, Outcome, Reply


def explain(trail: Sequence[Asked]) -> str:
    """The whole trail, a paragraph for each question."""
    return "\n\n".join(map(_paragraph, trail))


def _paragraph(asked: Asked) -> str:
    lines = [f"{asked.question}: {asked.result}"]
    width = max((len(reply.plugin) for reply in asked.replies), default=0)
    lines += [f"  {reply.plugin:{width}}  {_reply(reply)}" for reply in asked.replies]
    lines += [f"  note: {note}" for note in asked.notes]
    lines.append(f"  rule: {asked.rule}")
    return "\n".join(lines)


def _reply(reply: Reply) -> str:
    match reply.outcome:
        case Outcome.ANSWERED:
            return f"{reply.said or 'nothing'} ({reply.milliseconds} ms)"
        case Outcome.SILENT:
            return f"had nothing to say ({reply.milliseconds} ms)"
    return f"FAILED, {reply.outcome}: {reply.error} ({reply.milliseconds} ms)"
