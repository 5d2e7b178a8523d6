"""`parloir plugins new`: a package to begin a plugin with, whole and tested from the start."""

import argparse
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from parloir import __version__
from parloir.config.first import AlreadyThere, CannotWrite
from parloir.errors import ParloirError
from parloir.policy.decision import CORE
from parloir.policy.discovery import Installed, installed

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST = 32
RESERVED = frozenset({CORE, "billing", "contacts", "limits", "monitoring", "recording", "scheduling"})
"""Names that Parloir keeps for its own plugins, or for itself."""
FILES = {
    "README.md": "README.md.txt",
    "pyproject.toml": "pyproject.toml.txt",
    ".gitignore": "gitignore.txt",
    ".github/workflows/ci.yml": "ci.yml.txt",
    "src/@package@/__init__.py": "init.py.txt",
    "src/@package@/plugin.py": "plugin.py.txt",
    "src/@package@/settings.py": "settings.py.txt",
    "src/@package@/py.typed": "",
    "tests/conftest.py": "conftest.py.txt",
    "tests/test_plugin.py": "test_plugin.py.txt",
}
"""Each file of the package, and which template it is made from."""


class NameUnfit(ParloirError):
    """A plugin cannot have that name; write small letters and digits, with single dashes between words."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name!r} cannot be a plugin's name: write small letters and digits, dashes between words, "
            f"a letter first, {LONGEST} characters at most"
        )
        self.name = name


class NameTaken(ParloirError):
    """There is a plugin of that name already, and a gateway loads neither of two; take another name."""

    def __init__(self, name: str, owner: str) -> None:
        super().__init__(f"{name!r} is the name of a plugin of {owner}: take another")
        self.name = name


def main(options: argparse.Namespace) -> int:
    """Write the package, and say how to go on."""
    folder = write(options.name, options.dir, installed())
    print(f"{folder}: written")
    print(f"Next: cd {folder}, then: pip install --editable '.[dev]' && pytest")
    return 0


def write(name: str, parent: Path, found: Mapping[str, tuple[Installed, ...]]) -> Path:
    """Write a new package into a folder of its own beneath `parent`, and return that.

    Raises NameUnfit, NameTaken, AlreadyThere for a folder that is there, and CannotWrite.
    """
    words = _words(name, found)
    folder = parent / words["distribution"]
    try:
        folder.mkdir(parents=True)
        for target, template in FILES.items():
            file = folder / _filled(target, words)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(_filled(_template(template), words), encoding="utf-8")
    except FileExistsError as error:
        raise AlreadyThere(Path(error.filename)) from None
    except OSError as error:
        raise CannotWrite(error) from None
    return folder


def _words(name: str, found: Mapping[str, tuple[Installed, ...]]) -> dict[str, str]:
    """What stands in the templates for @name@ and the names made of it."""
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        raise NameUnfit(name)
    if name in RESERVED:
        raise NameTaken(name, "Parloir's own")
    if name in found:
        raise NameTaken(name, " and ".join(each.distribution for each in found[name]))
    camel = "".join(part.capitalize() for part in name.split("-"))
    return {
        "name": name,
        "distribution": f"parloir-{name}",
        "package": f"parloir_{name.replace('-', '_')}",
        "class": f"{camel}Plugin",
        "settings": f"{camel}Settings",
        "version": __version__,
    }


def _template(name: str) -> str:
    return files("parloir.config").joinpath("plugin_template", name).read_text(encoding="utf-8") if name else ""


def _filled(text: str, words: Mapping[str, str]) -> str:
    return re.sub(r"@(\w+)@", lambda found: words[found[1]], text)
