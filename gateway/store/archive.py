"""PostgreSQL's own archive of a whole database: pg_dump writes it, pg_restore and psql bring it back."""

import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from sqlalchemy import URL

from parloir.store.errors import NoTool, SnapshotFailed

BLOCK = 1 << 20
OPTIONS = ("--no-owner", "--no-privileges")
EMPTY = """
SET client_min_messages = warning;
BEGIN;
DO $$
DECLARE each record;
BEGIN
    FOR each IN SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('DROP TABLE public.%I CASCADE', each.name);
    END LOOP;
    FOR each IN
        SELECT oid::regprocedure AS name FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'
        AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
    LOOP
        EXECUTE format('DROP FUNCTION %s CASCADE', each.name);
    END LOOP;
END $$;
"""
"""Empties the database whatever its schema, which pg_restore's own --clean cannot; nothing is lost before COMMIT."""


def dump(url: URL, file: Path) -> None:
    """Write the archive; raises NoTool and SnapshotFailed."""
    words = [_program("pg_dump"), *_where(url), "--format=custom", *OPTIONS, f"--file={file}"]
    done = subprocess.run(words, env=_environment(url), capture_output=True)
    if done.returncode:
        raise SnapshotFailed(f"pg_dump failed on {url.database}", _said(done.stderr))


def restore(url: URL, file: Path) -> None:
    """Put the database back as the archive has it, in one transaction; raises NoTool and SnapshotFailed."""
    reader = [_program("pg_restore"), *OPTIONS, "--file=-", str(file)]
    writer = [_program("psql"), *_where(url), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    with tempfile.TemporaryFile() as complaints:
        psql = subprocess.Popen(
            writer, env=_environment(url), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=complaints
        )
        whole = _pour(reader, psql, complaints.fileno())
        failed = psql.wait() or not whole
        complaints.seek(0)
        if failed:
            raise SnapshotFailed(f"{file} could not be restored into {url.database}", _said(complaints.read()))


def _pour(reader: list[str], psql: "subprocess.Popen[bytes]", complaints: int) -> bool:
    """Give psql the archive as SQL, and COMMIT only when all of it came."""
    assert psql.stdin is not None
    source = subprocess.Popen(reader, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints)
    assert source.stdout is not None
    with suppress(BrokenPipeError), source.stdout, psql.stdin:
        psql.stdin.write(EMPTY.encode())
        shutil.copyfileobj(source.stdout, psql.stdin, BLOCK)
        if source.wait() == 0:
            psql.stdin.write(b"\nCOMMIT;\n")
    return source.wait() == 0


def _program(name: str) -> str:
    program = shutil.which(name)
    if program is None:
        raise NoTool(name)
    return program


def _where(url: URL) -> tuple[str, str]:
    return f"--dbname={url.set(drivername='postgresql', password=None).render_as_string()}", "--no-password"


def _environment(url: URL) -> dict[str, str]:
    """The password goes by the environment: everyone on the machine can read a program's arguments."""
    return dict(os.environ) | ({"PGPASSWORD": str(url.password)} if url.password else {})


def _said(output: bytes) -> str:
    return output.decode(errors="replace")[-2000:]
