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


class LedgerRefused(PolicyError):
    """Nothing was posted to the ledger; `code` says why, the message what to change."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
