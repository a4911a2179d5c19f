"""What a command says when it cannot go on, and the exit codes, which are stable."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every `kpi` command."""

    OK = 0
    FAILED = 1  # the command worked, and what it checked or ran did not pass
    USAGE = 2  # the arguments are wrong
    ENVIRONMENT = 3  # something around the command is missing, taken, full or down


@dataclass(eq=False)  # not frozen: Python itself sets the traceback of an exception
class KpiError(Exception):
    """An error a person can act on.

    Attributes:
        name: the thing that is wrong (a file, a port, a stack, a KPI).
        what: what is wrong with it.
        expected: what was expected instead; may be empty.
        next: what to do now; may be empty.
        code: how the command exits.
    """

    name: str
    what: str
    expected: str = ""
    next: str = ""
    code: ExitCode = ExitCode.ENVIRONMENT

    def __str__(self) -> str:
        text = f"{self.name}: {self.what}"
        if self.expected:
            text += f"\n  expected: {self.expected}"
        if self.next:
            text += f"\n  next: {self.next}"
        return text
