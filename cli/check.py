"""`kpi check`: every problem of the KPI dictionary at once, as `file:line: code: message`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import ExitCode
from cli.packs import chosen
from cli.revisions import dictionary_at
from kpis.checks import REPOSITORY, check_dictionary
from kpis.compat import compatibility_problems
from kpis.diagnostics import Diagnostic
from kpis.loader import Loaded, read_dictionary


def command(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Pack folders, or a folder of packs. Default: the packs of this repository.")
    ] = None,
    *,
    against: Annotated[str | None, typer.Option(help="A git revision; changes since then must be told by the version numbers.")] = None,
    root: Annotated[Path, typer.Option(help="The folder that runbook paths start from.")] = REPOSITORY,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Check the KPI dictionary and report every problem of every file. Exit code 1 when there is one."""
    roots = chosen(paths)
    loaded = read_dictionary(*roots)
    problems = {*loaded.diagnostics, *check_dictionary(loaded, root)}
    if against is not None:
        problems |= set(compatibility_problems(dictionary_at(against, roots).dictionary, loaded))
    _report(sorted(problems), loaded, as_json=as_json)
    if problems:
        raise typer.Exit(ExitCode.FAILED)


def _report(problems: list[Diagnostic], loaded: Loaded, *, as_json: bool) -> None:
    dictionary = loaded.dictionary
    counts = {
        "packs": len(dictionary.packs),
        "sources": len(dictionary.sources),
        "kpis": len(dictionary.kpis),
        "signals": len(dictionary.signals),
    }
    if as_json:
        print(json.dumps({"ok": not problems, "counts": counts, "problems": [asdict(problem) for problem in problems]}, indent=2))
        return
    for problem in problems:
        print(problem)
    words = ", ".join(f"{count} {name}" for name, count in counts.items())
    print(f"{len(problems)} problem{'' if len(problems) == 1 else 's'} in {words}")
