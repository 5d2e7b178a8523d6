"""`parloir plugins new`: what it writes is built, installed, found and passes its own tests."""

import os
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import parloir
from parloir.cli import main
from parloir.config.first import AlreadyThere, CannotWrite
from parloir.policy.discovery import Installed
from parloir.vendor_new import LONGEST, NameTaken, NameUnfit, write

from .policy_plugins import ClassItself

CONFIG = """
gateway: {http: "127.0.0.1:1", token_file: api.token}
facilities:
  north: {name: North, timezone: UTC, plugins: {quiet-hours: {closes: 21}}}
  south: {name: South, timezone: UTC}
"""


def test_the_package_bears_the_plugins_name_throughout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "new", "quiet-hours", "--dir", str(tmp_path / "work")]) == 0
    folder = tmp_path / "work" / "parloir-quiet-hours"
    assert capsys.readouterr().out.startswith(f"{folder}: written\nNext: cd {folder}")
    project = tomllib.loads((folder / "pyproject.toml").read_text())
    assert project["project"]["entry-points"]["parloir.plugins"] == {
        "quiet-hours": "parloir_quiet_hours.plugin:QuietHoursPlugin"
    }
    assert project["project"]["dependencies"] == [f"parloir>={parloir.__version__}"]
    assert (folder / ".github" / "workflows" / "ci.yml").is_file()
    for file in folder.rglob("*.*"):
        if file.is_file() and file.name != "ci.yml":
            assert "@name@" not in file.read_text()


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "parloir-mine").mkdir()
    with pytest.raises(AlreadyThere, match="parloir-mine"):
        write("mine", tmp_path, {})
    assert list((tmp_path / "parloir-mine").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotWrite, match="file"):
        write("mine", tmp_path / "file", {})


@pytest.mark.parametrize(
    "name", ["", "Mine", "my_plugin", "2nd", "-x", "x-", "a--b", "a b", "ñ", "../x", "x\n", "a" * (LONGEST + 1)]
)
def test_a_name_that_would_not_do_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(NameUnfit):
        write(name, tmp_path, {})
    assert list(tmp_path.iterdir()) == []


@example("none")
@example("facility")
@settings(max_examples=40)
@given(st.from_regex(r"[a-z0-9-]{1,33}", fullmatch=True) | st.text(max_size=40))
def test_any_name_makes_a_whole_package_or_nothing(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    parent = tmp_path_factory.mktemp("any")
    try:
        folder = write(name, parent, {})
    except (NameUnfit, NameTaken):
        assert list(parent.iterdir()) == []
    else:
        assert folder.parent == parent
        compile((next(folder.glob("src/*/plugin.py"))).read_text(), "plugin.py", "exec")


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    acme = {"voice": (Installed("voice", "acme-voice", "1", ClassItself(object)),)}
    with pytest.raises(NameTaken, match="acme-voice"):
        write("voice", tmp_path, acme)
    with pytest.raises(NameTaken, match="Parloir's own"):
        write("billing", tmp_path, {})


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new plugin as its vendor first sees it."""
    return write("quiet-hours", tmp_path_factory.mktemp("vendor"), {})


@pytest.fixture(scope="module")
def python(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with Parloir, into which the plugin's wheel was installed; its interpreter."""
    home, built = tmp_path_factory.mktemp("environment"), tmp_path_factory.mktemp("built")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(built), str(package)]
    subprocess.run(build, check=True, capture_output=True, text=True)
    venv.create(home, with_pip=False, symlinks=True)
    (packages,) = home.glob("lib/python3.*/site-packages")
    (packages / "parloir.pth").write_text(f"{Path(parloir.__file__).parents[1]}\n{sysconfig.get_path('purelib')}\n")
    python = home / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    (wheel,) = built.glob("*.whl")
    subprocess.run([*install, str(wheel)], check=True, capture_output=True, text=True)
    return python


def run(folder: Path, *words: str | Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PY")}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_installed_distribution_is_found_and_where_it_is_enabled(python: Path, tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(CONFIG)
    (tmp_path / "api.token").write_text("no gateway runs here\n")
    listed = run(tmp_path, python, "-m", "parloir.cli", "plugins", "list", "--config", "site.yaml")
    [row] = [line.split() for line in listed.splitlines() if line.startswith("quiet-hours")]
    assert row == ["quiet-hours", "0.1.0", "parloir-quiet-hours", "north", "unknown"]


def test_the_installed_plugin_passes_its_own_tests(package: Path, python: Path) -> None:
    assert "10 passed" in run(package, python, "-m", "pytest", "-q", "-p", "no:cacheprovider")


def test_what_is_written_keeps_its_own_style(package: Path) -> None:
    long = write("a" * (LONGEST - 2) + "-b", package.parent, {})
    for folder in (package, long):
        run(folder, sys.executable, "-m", "ruff", "check", "--no-cache", ".")
        run(folder, sys.executable, "-m", "ruff", "format", "--no-cache", "--check", ".")
