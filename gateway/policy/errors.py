"""What can go wrong with policies, each with what the operator or the vendor can do about it."""

from parloir.config.errors import Problem
from parloir.errors import ParloirError


class PolicyError(ParloirError):
    """A facility's policies cannot do what they were asked."""


class PluginErrors(PolicyError):
    """A facility's plugins cannot be loaded; each problem says where and what to change."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))
