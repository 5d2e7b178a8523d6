"""The code and settings of a document's recipes, exactly as they stand there."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parloir.config.document import read

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Recipe:
    """One section: its title, its text, and the blocks in it with their language."""

    title: str
    text: str
    blocks: tuple[tuple[str, str], ...]

    @property
    def slug(self) -> str:
        """The title as part of a test's name."""
        return re.sub(r"\W+", "_", self.title.lower()).strip("_")

    def block(self, language: str) -> str:
        """The one block in that language."""
        [text] = [text for given, text in self.blocks if given == language]
        return text

    def plugin(self, scratch: Path) -> tuple[str, tuple[type, dict[str, Any]]]:
        """The name, class and settings that the code and the YAML give, read as a configuration is."""
        scope: dict[str, Any] = {"__name__": f"recipe_{self.slug}"}
        exec(compile(self.block("python"), f"{self.title}.py", "exec"), scope)
        [kind] = [each for each in scope.values() if isinstance(each, type) and getattr(each, "api", None) == 1]
        file = scratch / "recipe.yaml"
        file.write_text(self.block("yaml"))
        document = read(file)
        assert document.problems == []
        assert isinstance(document.data, dict)
        [(name, settings)] = document.data.items()
        assert isinstance(settings, dict)
        return name, (kind, settings)


def sections(document: str) -> dict[str, Recipe]:
    """The document's second-level sections by their title."""
    _, *parts = re.split(r"^## ", (DOCS / document).read_text(encoding="utf-8"), flags=re.MULTILINE)
    made = (Recipe(part.partition("\n")[0], part, tuple(BLOCK.findall(part))) for part in parts)
    return {recipe.title: recipe for recipe in made}
