"""A configuration file read whole: every problem at once, each with its place and remedy."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from parloir.config import checks, files, prompts
from parloir.config.checks import Finding, Sections
from parloir.config.complaints import complain
from parloir.config.document import Data, Document, Place, read
from parloir.config.errors import ConfigErrors, Key, Problem
from parloir.config.schema import Config, Facility, Gateway, Recording, Sip, Webrtc

Part = TypeVar("Part", bound=BaseModel)


@dataclass(frozen=True)
class Examination:
    """What a file holds: the configuration when nothing is wrong, and the problems and warnings by line.

    `place` says where a path is written, for those who find more that is wrong.
    """

    config: Config | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    place: Callable[[Key], Place]


def load(path: Path) -> Config:
    """Read a configuration that can be run; relative paths in it start at its own folder.

    Raises ConfigErrors with all that is wrong: YAML, unknown or duplicate keys, values, files and what they share.
    """
    examination = examine(path)
    if examination.config is None:
        raise ConfigErrors(examination.problems)
    return examination.config


def examine(path: Path) -> Examination:
    """Read a configuration and say all that is wrong or doubtful about it, raising nothing."""
    document = read(path)
    if document.data is None and not document.problems:
        document.complain((), "the file is empty", "begin with 'parloir init'")
    if document.data is None:
        return Examination(None, tuple(document.problems), (), document.place)
    base = {"base": path.absolute().parent}
    config = None
    try:
        config = Config.model_validate(document.data, context=base)
    except ValidationError as error:
        complain(document, Config, error)
    sections = _sections(config, document.data, base)
    languages = prompts.languages()
    found = [*checks.check(sections, languages), *files.check(sections, document.secret_files)]
    warnings = _in_order(path, _placed(document, (finding for finding in found if finding.warning)))
    refused = _placed(document, (finding for finding in found if not finding.warning))
    problems = _in_order(path, [*document.problems, *refused])
    return Examination(None if problems else config, problems, warnings, document.place)


def _sections(config: Config | None, data: Data, base: dict[str, Path]) -> Sections:
    """The parts of the configuration that are valid, each for itself where the whole is not."""
    if config is not None:
        return Sections(config.gateway, config.sip, config.webrtc, config.facilities, config.recording)
    if not isinstance(data, dict):
        return Sections()
    facilities = data.get("facilities")
    named = facilities if isinstance(facilities, dict) else {}
    valid = {name: _part(Facility, facility, base) for name, facility in named.items()}
    return Sections(
        _part(Gateway, data.get("gateway", {}), base),
        _part(Sip, data.get("sip", {}), base),
        _part(Webrtc, data.get("webrtc", {}), base),
        {name: facility for name, facility in valid.items() if facility is not None},
        _part(Recording, data["recording"], base) if "recording" in data else None,
    )


def _part(model: type[Part], data: Any, base: dict[str, Path]) -> Part | None:
    try:
        return model.model_validate(data, context=base)
    except ValidationError:
        return None


def _in_order(file: Path, problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """By line, those of the configuration's own file first."""
    return tuple(sorted(problems, key=lambda problem: (problem.file != file, problem.file, problem.line)))


def _placed(document: Document, findings: Iterable[Finding]) -> list[Problem]:
    """Findings as problems at their lines, none about what lies in a value already reported missing."""
    return [_problem(document, finding) for finding in findings if not _lost(document, finding.path)]


def _lost(document: Document, path: Key) -> bool:
    return any(path[:length] in document.missing for length in range(len(path) + 1))


def _problem(document: Document, finding: Finding) -> Problem:
    place = document.place(finding.path)
    return Problem(".".join(finding.path), place.file, place.line, finding.message, finding.remedy)
