"""Tables whose rows, once committed, the database itself refuses to change or remove."""

from collections.abc import Iterator

FUNCTION = "refuse_change"


def forbid(dialect: str, table: str) -> Iterator[str]:
    """The statements that make a table append-only, for `sqlite` or `postgresql`."""
    if dialect == "sqlite":
        for change in ("update", "delete"):
            yield (
                f"CREATE TRIGGER {table}_refuse_{change} BEFORE {change.upper()} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} are append-only'); END"
            )
        return
    yield (
        f"CREATE OR REPLACE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION '% are append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; "
        "END $$"
    )
    yield (
        f"CREATE TRIGGER {table}_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {FUNCTION}()"
    )


def allow(dialect: str, table: str) -> Iterator[str]:
    """The statements that undo `forbid`, for a migration that has to change old rows."""
    if dialect == "sqlite":
        for change in ("update", "delete"):
            yield f"DROP TRIGGER IF EXISTS {table}_refuse_{change}"
        return
    yield f"DROP TRIGGER IF EXISTS {table}_refuse_change ON {table}"
