"""Which packs a command is about, and what it says when their dictionary is not valid."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cli.errors import ExitCode, KpiError
from kpis import PACKS_DIR
from kpis.diagnostics import DictionaryError


def chosen(paths: Sequence[Path] | None) -> list[Path]:
    """The pack folders given, or those of this repository.

    Raises:
        KpiError: for a path that does not exist.
    """
    roots = list(paths or [PACKS_DIR])
    for path in roots:
        if not path.exists():
            raise KpiError(str(path), "does not exist", "a pack folder or a folder of packs", code=ExitCode.USAGE)
    return roots


def invalid(error: DictionaryError, name: str = "the dictionary") -> KpiError:
    """What to say of packs with problems: all of them."""
    return KpiError(name, f"is not valid\n{error}", next="run `kpi check`", code=ExitCode.FAILED)
