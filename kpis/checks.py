"""What must hold in a dictionary beyond each entry being well formed. Every check reports all it finds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kpis.check_expressions import expression_problems
from kpis.check_links import link_problems
from kpis.check_policy import policy_problems
from kpis.diagnostics import Diagnostic, DictionaryError
from kpis.loader import Loaded, read_dictionary

REPOSITORY = Path(__file__).parent.parent


def check_dictionary(loaded: Loaded, root: Path = REPOSITORY) -> tuple[Diagnostic, ...]:
    """Every problem between the entries that could be read, sorted by file and line.

    Args:
        loaded: what the loader read; entries it already refused are not complained about twice.
        root: the folder that runbook paths start from.
    """
    return tuple(sorted(set(_all(loaded, root))))


def _all(loaded: Loaded, root: Path) -> Iterator[Diagnostic]:
    yield from link_problems(loaded)
    yield from expression_problems(loaded)
    yield from policy_problems(loaded, root)


def check_packs(*packs_dirs: Path, root: Path = REPOSITORY) -> Loaded:
    """Read and check packs.

    Raises:
        DictionaryError: with every problem of every file.
    """
    loaded = read_dictionary(*packs_dirs)
    problems = (*loaded.diagnostics, *check_dictionary(loaded, root))
    if problems:
        raise DictionaryError(problems)
    return loaded
