"""Backup and restore, on both kinds of database."""

import json
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from parloir.cli import main
from parloir.config import loader
from parloir.offline import Store, bare
from parloir.store import audit, residents, schema, snapshot, timeline, visits
from parloir.store.errors import NoTool, SnapshotFailed
from tests.commands import configure, store

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def fill(configuration: Path) -> None:
    with store(configuration) as opened, opened.transaction() as connection:
        bob = residents.add(connection, facility="north", number="1", name="Bob")
        visits.add(connection, facility="north", station="a", visitor="Ann", start=NOW, minutes=10, resident=bob.id)
        audit.append(connection, "eve", "login", "staff eve")


def numbers(opened: Store) -> list[str]:
    with opened.reading() as connection:
        return [resident.number for resident in residents.list(connection, "north")]


def emptied(configuration: Path) -> None:
    """Lose everything but the configuration."""
    with without_schema(configuration) as opened:
        if opened.engine.dialect.name == "postgresql":
            with opened.engine.begin() as connection:
                connection.execute(text("DROP SCHEMA public CASCADE"))
                connection.execute(text("CREATE SCHEMA public"))
    for file in (configuration.parent / "data").iterdir():
        file.unlink()


def without_schema(configuration: Path) -> AbstractContextManager[Store]:
    return bare(loader.load(configuration).gateway)


def test_a_backup_brings_everything_back(configuration: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = configuration.parent / "backup"
    token = configuration.parent / "data" / "api.token"
    secret = token.read_text()
    fill(configuration)
    assert main(["backup", str(configuration), str(folder)]) == 0
    assert "4 files" not in capsys.readouterr().err
    assert {file.stat().st_mode & 0o077 for file in (folder, *folder.iterdir())} == {0}
    emptied(configuration)
    assert main(["restore", str(configuration), str(folder)]) == 0
    assert token.read_text() == secret
    assert main(["audit", "verify", str(configuration)]) == 0
    with store(configuration) as opened:
        assert numbers(opened) == ["1"]
        with opened.reading() as connection:
            assert len(visits.list(connection)) == 1
            actions = [record.action for record in audit.list(connection)]
    assert actions == ["login", "backup.begun", "backup.restored"]


def test_a_restored_database_is_append_only_as_before(configuration: Path) -> None:
    folder = configuration.parent / "backup"
    fill(configuration)
    main(["backup", str(configuration), str(folder)])
    assert main(["restore", str(configuration), str(folder), "--replace"]) == 0
    with pytest.raises(IntegrityError, match="append-only"), store(configuration) as opened, opened.transaction() as c:
        c.execute(text("DELETE FROM audit"))


def test_a_restore_replaces_only_when_told_and_says_what_was_lost(
    configuration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = configuration.parent / "backup"
    fill(configuration)
    main(["backup", str(configuration), str(folder)])
    with store(configuration) as opened, opened.transaction() as connection:
        residents.add(connection, facility="north", number="2", name="Cy")
        audit.append(connection, "eve", "login", "staff eve")
        audit.append(connection, "eve", "login", "staff eve")
    assert main(["restore", str(configuration), str(folder)]) == 1
    assert "give --replace" in capsys.readouterr().err
    with store(configuration) as opened:
        assert numbers(opened) == ["1", "2"]
    assert main(["restore", str(configuration), str(folder), "--replace"]) == 0
    assert main(["audit", "verify", str(configuration)]) == 0
    with store(configuration) as opened, opened.reading() as connection:
        assert [resident.number for resident in residents.list(connection, "north")] == ["1"]
        last = audit.list(connection)[-1]
    assert last.action == "backup.restored"
    assert last.facts["replaced"]["count"] == 4


def test_a_database_in_use_is_not_replaced(configuration: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = configuration.parent / "backup"
    fill(configuration)
    main(["backup", str(configuration), str(folder)])
    with store(configuration) as opened, opened.engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        connection.rollback()
        assert main(["restore", str(configuration), str(folder), "--replace"]) == 1
    assert "is in use: stop the gateway first" in capsys.readouterr().err
    assert main(["audit", "verify", str(configuration)]) == 0


def test_a_backup_goes_into_a_new_folder_only(configuration: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backup", str(configuration), str(configuration.parent)]) == 1
    assert "is not an empty folder" in capsys.readouterr().err
    assert configuration.exists()


@pytest.mark.parametrize("harm", ["changed", "missing", "unlisted", "manifest"])
def test_a_backup_that_is_not_whole_is_refused_before_anything_is_touched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], harm: str
) -> None:
    configuration = configure(tmp_path, None)
    fill(configuration)
    folder = tmp_path / "backup"
    main(["backup", str(configuration), str(folder)])
    match harm:
        case "changed":
            database = folder / "database"
            database.write_bytes(database.read_bytes()[:-1] + b"x")
        case "missing":
            (folder / "api.token").unlink()
        case "unlisted":
            manifest = json.loads((folder / "backup.json").read_text())
            manifest["files"]["../data/api.token"] = manifest["files"].pop("api.token")
            (folder / "backup.json").write_text(json.dumps(manifest))
        case "manifest":
            (folder / "backup.json").write_text("{}")
    assert main(["restore", str(configuration), str(folder), "--replace"]) == 1
    assert "is not a whole backup" in capsys.readouterr().err
    with store(configuration) as opened:
        assert numbers(opened) == ["1"]


def test_a_damaged_database_is_named_and_can_be_restored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configuration = configure(tmp_path, None)
    fill(configuration)
    folder = tmp_path / "backup"
    main(["backup", str(configuration), str(folder)])
    (tmp_path / "data" / "parloir.sqlite3").write_bytes(b"not a database" * 1000)
    assert main(["audit", "verify", str(configuration)]) == 1
    assert "is damaged" in capsys.readouterr().err
    assert main(["restore", str(configuration), str(folder), "--replace"]) == 0
    with store(configuration) as opened:
        assert numbers(opened) == ["1"]


def test_a_backup_of_another_kind_of_database_is_refused(
    where: str, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    one = configure(tmp_path / "one", where)
    assert main(["backup", str(one), str(tmp_path / "backup")]) == 0
    manifest = json.loads((tmp_path / "backup" / "backup.json").read_text())
    assert manifest["kind"] == kind
    manifest["kind"] = "other"
    (tmp_path / "backup" / "backup.json").write_text(json.dumps(manifest))
    assert main(["restore", str(one), str(tmp_path / "backup"), "--replace"]) == 1
    assert f"this is a backup of other, and gateway.database is {kind}" in capsys.readouterr().err


def test_db_upgrade_of_an_older_schema_backs_up_into_the_data_folder(
    kind: str, empty: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configuration = configure(tmp_path, empty)
    with without_schema(configuration) as opened:
        schema.migrate(opened.engine, "0001")
    assert main(["audit", "verify", str(configuration)]) == 1
    assert "parloir db upgrade" in capsys.readouterr().err
    assert main(["db", "upgrade", str(configuration)]) == 0
    (backup,) = (tmp_path / "data").glob("*.0001.bak")
    assert str(backup) in capsys.readouterr().out
    with store(configuration) as opened, opened.reading() as connection:
        assert timeline.after(connection, "north", 0) == []
    with without_schema(configuration) as opened:
        snapshot.bring_back(opened.engine, backup)
        with opened.engine.connect() as connection:
            assert schema.revision(connection) == "0001"


def test_postgresqls_programs_are_named_where_they_are_missing(
    postgresql: object, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = configure(tmp_path, request.getfixturevalue("postgresql").fresh())
    monkeypatch.setenv("PATH", str(tmp_path))
    with store(configuration) as opened, pytest.raises(NoTool, match="pg_dump is not on PATH: install"):
        snapshot.take(opened.engine, tmp_path / "dump")
    assert not (tmp_path / "dump").exists()


def test_an_archive_that_cannot_be_restored_leaves_the_database_as_it_was(
    postgresql: object, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    configuration = configure(tmp_path, request.getfixturevalue("postgresql").fresh())
    fill(configuration)
    archive = tmp_path / "dump"
    with store(configuration) as opened:
        snapshot.take(opened.engine, archive)
        archive.write_bytes(archive.read_bytes()[:-2000])
        with pytest.raises(SnapshotFailed, match="could not be restored"):
            snapshot.bring_back(opened.engine, archive)
        assert numbers(opened) == ["1"]
