"""A gateway's configuration on either kind of database, for tests of commands."""

from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from parloir.cli import main
from parloir.config import loader
from parloir.offline import Store, opened
from tests.databases import furnished


def configure(folder: Path, database: str | None) -> Path:
    """Write a configuration, and the secrets it needs, that names this database (None: SQLite in data_dir)."""
    file = folder / "parloir.yaml"
    assert main(["init", str(file)]) == 0
    key = f"  database: '{database}'\n" if database else ""
    if database is None:
        furnished(folder / "data")
    north = "north: {name: North, timezone: America/Chicago}"
    file.write_text(f"gateway:\n  data_dir: ./data\n{key}facilities: {{{north}}}\n")
    return file


@pytest.fixture
def configuration(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Path:
    """A configuration whose database has the newest schema, before any command said anything."""
    file = configure(tmp_path, None if kind == "sqlite" else request.getfixturevalue("where"))
    capsys.readouterr()
    return file


def store(configuration: Path) -> AbstractContextManager[Store]:
    """The store that a configuration names."""
    return opened(loader.load(configuration).gateway)
