"""The wheel holds all that the gateway needs, and runs from where it is installed."""

import os
import shutil
import subprocess
import sys
import sysconfig
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = ("config", "gateway", "plugins", "sip", "webrtc", "README.md", "pyproject.toml", "setup.cfg")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing of an earlier build gets in."""
    copy, target = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, copy / name)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(target), str(copy)]
    subprocess.run(build, check=True, capture_output=True, text=True)
    (made,) = target.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel in an environment of its own, with the dependencies of the one that runs the tests; its bin folder."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True, text=True)
    (packages,) = home.glob("lib/python3.*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home / "bin"


def clean() -> dict[str, str]:
    """The environment, without what would lead Python back to the sources."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def run(command: Path, *words: str, folder: Path) -> str:
    done = subprocess.run([command, *words], cwd=folder, env=clean(), check=True, capture_output=True, text=True)
    return done.stdout


def kept(*patterns: str) -> set[str]:
    """Names in the wheel of the files that patterns find in the tree; each must find some."""
    names = set()
    for pattern in patterns:
        found = [path.relative_to(ROOT) for path in ROOT.glob(pattern) if path.is_file()]
        assert found, f"nothing matches {pattern}"
        names |= {
            str(path).replace("gateway/", "", 1) if pattern.startswith("gateway/") else str(path) for path in found
        }
    return {f"parloir/{name}" for name in names}


def test_the_wheel_holds_every_source_and_its_data(wheel: Path) -> None:
    data = ("config/*.yaml", "config/plugin_template/*.txt", "config/prompts/prompts.csv", "config/prompts/*/*.wav")
    rates = ("config/rates/*.csv",)
    pages = ("gateway/web/static/*", "gateway/py.typed", "plugins/billing/accounts/*")
    migrations = ("gateway/store/migrations/*.py", "gateway/store/migrations/versions/*.py")
    sources = [f"{folder}/**/*.py" for folder in ("config", "gateway", "plugins", "sip", "webrtc")]
    with zipfile.ZipFile(wheel) as archive:
        assert kept(*data, *rates, *pages, *migrations, *sources) - set(archive.namelist()) == set()


def test_the_wheel_installs_one_name_only(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"parloir"}


def test_the_installed_command_makes_and_checks_a_configuration(installed: Path, tmp_path: Path) -> None:
    place = run(installed / "python", "-c", "import parloir; print(parloir.__file__)", folder=tmp_path)
    assert Path(place.strip()).is_relative_to(installed.parent)
    assert run(installed / "parloir", "--version", folder=tmp_path).startswith("parloir ")
    run(installed / "parloir", "init", folder=tmp_path)
    assert run(installed / "parloir", "check", folder=tmp_path) == "parloir.yaml: ok\n"
    assert "jail-350-999" in run(installed / "parloir", "rates", folder=tmp_path)


def test_the_installed_demo_prints_a_link_that_opens(installed: Path, tmp_path: Path) -> None:
    words: list[str | Path] = [installed / "parloir", "demo", "--http", "127.0.0.1:0"]
    with subprocess.Popen(words, cwd=tmp_path, env=clean(), stdout=subprocess.PIPE, text=True) as demo:
        try:
            assert demo.stdout is not None
            name, link = demo.stdout.readline().split()
            assert name == "visit:"
            with urllib.request.urlopen(link, timeout=10) as page:
                assert 'id="join"' in page.read().decode()
        finally:
            demo.terminate()
        assert demo.wait(30) == 0
