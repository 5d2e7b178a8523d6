"""The command as an operator meets it."""

import stat
from pathlib import Path

import pytest

from parloir import __version__
from parloir.cli import main


def test_init_writes_a_configuration_that_check_accepts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "site" / "parloir.yaml"
    assert main(["init", str(file)]) == 0
    token = file.parent / "data" / "api.token"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert len(token.read_text().strip()) >= 40
    said = capsys.readouterr()
    assert token.read_text().strip() not in said.out + said.err
    assert f"parloir check {file}" in said.out
    assert main(["check", str(file)]) == 0
    assert capsys.readouterr() == (f"{file}: ok\n", "")


def test_init_overwrites_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "parloir.yaml"
    file.write_text("mine")
    assert main(["init", str(file)]) == 1
    assert file.read_text() == "mine"
    assert not (tmp_path / "data").exists()
    assert "already there" in capsys.readouterr().err


def test_init_keeps_a_token_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "api.token").write_text("in use")
    assert main(["init", str(tmp_path / "parloir.yaml")]) == 0
    assert (tmp_path / "data" / "api.token").read_text() == "in use"


def test_init_says_where_it_cannot_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["init", str(tmp_path / "file" / "parloir.yaml")]) == 1
    assert f"{tmp_path / 'file'}" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["check"], ["run"], ["db", "upgrade"]])
def test_every_problem_is_printed_and_the_status_is_1(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "parloir.yaml"
    main(["init", str(file)])
    capsys.readouterr()
    file.write_text("gatway: {}\nfacilities: {}\n")
    assert main([*command, str(file)]) == 1
    assert capsys.readouterr() == (
        "",
        f"{file}:1: gatway: unknown key, did you mean 'gateway'?\n"
        f"{file}:2: facilities: this is empty, name at least one\n"
        "parloir: 2 errors\n",
    )


def test_check_prints_warnings_and_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "parloir.yaml"
    file.write_text("facilities: {north: {name: N, timezone: UTC}}\n")
    assert main(["check", str(file)]) == 0
    out, err = capsys.readouterr()
    assert out == f"{file}: ok\n"
    assert f"warning: {file}:1: facilities.north.stations: no station, add the phones" in err


def test_db_upgrade_brings_a_database_to_this_version(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "parloir.yaml"
    assert main(["init", str(file)]) == 0
    assert main(["db", "upgrade", str(file)]) == 0
    assert "at this version's schema" in capsys.readouterr().out


def test_version_is_the_packages_own(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"parloir {__version__}\n"


@pytest.mark.parametrize("words", [[], ["nothing"], ["visits"], ["visits", "add"], ["check", "a", "b"]])
def test_what_is_wrongly_asked_has_status_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage: parloir" in capsys.readouterr().err
