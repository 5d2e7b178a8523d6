"""docs/plugins.md says what the code says: every hook, every rule, and examples that run."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from parloir.policy import breaker, hooks, hookspecs, news
from parloir.policy.combine import RULES
from parloir.policy.inspection import HOOKS
from parloir.policy.loader import plugin_class
from parloir.testing import Clock, SampleFacility
from parloir.testing_fixtures import clock, facility

from .policy_plugins import offered
from .recipes import DOCS, sections

__all__ = ["clock", "facility"]

PLUGINS = sections("plugins.md")
TUTORIAL = PLUGINS["A plugin in thirty lines"]


def signature(hook: str) -> str:
    """A hook's `def` as it stands in the code, without its body."""
    tree = ast.parse(dedent(inspect.getsource(getattr(hookspecs, hook))))
    [made] = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    made.decorator_list, made.body = [], [ast.Pass()]
    return ast.unparse(made).removesuffix(":\n    pass")


def entry(hook: str) -> str:
    """What the document says of a hook: its signature, its first sentence, and a line for each of the four."""
    summary, _, four = (inspect.getdoc(getattr(hookspecs, hook)) or "").partition("\n\n")
    lines = re.sub(r"\n(?!(?:Asked when|Told when|Return|If several \w+|If it fails):)", " ", four).splitlines()
    told = [re.sub(r"^([^:]+:) ", r"- *\1* ", line) for line in lines]
    return "\n".join([f"### {hook}", "", "```python", signature(hook), "```", "", summary, "", *told])


def unwrapped(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def test_every_hook_is_there_in_order_with_its_exact_signature() -> None:
    _, *entries = re.split(r"^(?=### )", PLUGINS["Every hook"].text, flags=re.MULTILINE)
    assert [each.partition("\n")[0] for each in entries] == [f"### {hook}" for hook in HOOKS]
    for hook, found in zip(HOOKS, entries, strict=True):
        assert unwrapped(found) == unwrapped(entry(hook))


def test_every_rule_of_combination_is_there() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", PLUGINS["How answers are combined"].text, re.MULTILINE)
    assert dict(rows) == RULES


def test_the_figures_are_the_gateways() -> None:
    text = unwrapped(PLUGINS["How it is run"].text)
    assert f"within {hooks.DEADLINE * 1000:g} ms, or within {hooks.REMOTE_DEADLINE:g} s" in text
    assert f"News have {news.DEADLINE:g} s" in text
    assert (breaker.FAILURES, f"left alone for {breaker.REST:g} s" in text) == (3, True)


def scope(*blocks: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "tutorial"}
    for block in blocks:
        exec(compile(block, "plugins.md", "exec"), names)
    return names


def examples() -> Iterator[tuple[str, str]]:
    """The document's own tests, by name, each with the block that it stands in."""
    for recipe in PLUGINS.values():
        for language, block in recipe.blocks:
            if language == "python":
                yield from ((name, block) for name in re.findall(r"^def (test_\w+)", block, re.MULTILINE))


def test_the_plugin_has_thirty_lines_or_less() -> None:
    plugin = next(block for language, block in TUTORIAL.blocks if language == "python")
    assert len(plugin.splitlines()) <= 30
    kind = scope(plugin)["QuietHours"]
    assert plugin_class("quiet-hours", offered({"quiet-hours": kind})) is kind


@pytest.mark.parametrize(("name", "block"), list(examples()), ids=lambda value: value if "\n" not in value else "")
def test_the_documents_own_tests_pass(name: str, block: str, facility: SampleFacility, clock: Clock) -> None:
    test = scope(TUTORIAL.blocks[0][1], block)[name]
    fixtures = {"facility": facility, "clock": clock}
    test(**{wanted: fixtures[wanted] for wanted in inspect.signature(test).parameters})


def test_the_documents_configuration_is_one(tmp_path: Path) -> None:
    from parloir.config.loader import load

    file = tmp_path / "parloir.yaml"
    file.write_text(TUTORIAL.block("yaml"))
    assert load(file).facilities["north"].plugins == {"quiet-hours": {"from_hour": 21}}


def test_links_to_other_documents_lead_somewhere() -> None:
    for document in ("plugins.md", "cookbook.md"):
        links = re.findall(r"\]\(([^)#]+)", (DOCS / document).read_text())
        assert links
        assert [link for link in links if not (DOCS / link).exists()] == []
