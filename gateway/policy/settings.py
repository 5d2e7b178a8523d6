"""A plugin's part of the configuration, read by the plugin's own model; faults are said as for every other key."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from parloir.config.complaints import complain
from parloir.config.document import Document, Place
from parloir.config.errors import Key, Problem
from parloir.config.values import Section
from parloir.policy.job import describe

Places = Callable[[Key], Place]
"""Where a path of the configuration is written."""


def nowhere(path: Key) -> Place:
    """For configurations that were not read from a file."""
    return Place(Path("parloir.yaml"), 0)


class NoSettings(Section):
    """What a plugin without a Settings class may be configured with: nothing."""


def problem(places: Places, path: Key, message: str, remedy: str) -> Problem:
    """A problem at that path, where it is written."""
    place = places(path)
    return Problem(".".join(path), place.file, place.line, message, remedy)


def parse(
    model: type[BaseModel] | None, given: Mapping[str, Any], path: Key, places: Places
) -> BaseModel | list[Problem]:
    """The settings, or all that is wrong with them; relative paths in them start at the configuration's folder."""
    wanted = model or NoSettings
    try:
        return wanted.model_validate(dict(given), context={"base": places(path).file.absolute().parent})
    except ValidationError as error:
        document = Document(Path())
        complain(document, wanted, error)
        keys = [tuple(each.path.split(".")) if each.path else () for each in document.problems]
        return [
            problem(places, (*path, *key), each.message, each.remedy)
            for key, each in zip(keys, document.problems, strict=True)
        ]
    except Exception as error:
        return [problem(places, path, f"its settings could not be read: {describe(error)}", "tell the plugin's vendor")]
