"""The class of a call, which the database itself lets be set only once: from unknown."""

from collections.abc import Iterator

FUNCTION = "refuse_class"
SAID = "the class of a call is set once"


def forbid(dialect: str) -> Iterator[str]:
    """The statements that hold it, for `sqlite` or `postgresql`."""
    change = "OLD.class <> 'unknown' AND NEW.class <> OLD.class"
    if dialect == "sqlite":
        yield (
            f"CREATE TRIGGER calls_class_fixed BEFORE UPDATE OF class ON calls WHEN {change} "
            f"BEGIN SELECT RAISE(ABORT, '{SAID}'); END"
        )
        return
    yield (
        f"CREATE OR REPLACE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"RAISE EXCEPTION '{SAID}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    yield (
        f"CREATE TRIGGER calls_class_fixed BEFORE UPDATE ON calls "
        f"FOR EACH ROW WHEN ({change}) EXECUTE FUNCTION {FUNCTION}()"
    )


def allow(dialect: str) -> Iterator[str]:
    """The statements that undo `forbid`."""
    if dialect == "sqlite":
        yield "DROP TRIGGER IF EXISTS calls_class_fixed"
        return
    yield "DROP TRIGGER IF EXISTS calls_class_fixed ON calls"
    yield f"DROP FUNCTION IF EXISTS {FUNCTION}()"
