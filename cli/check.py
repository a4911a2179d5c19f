"""`kpi check`: every problem of the KPI dictionary at once, as `file:line: code: message`."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import ExitCode, KpiError
from kpis import PACKS_DIR
from kpis.checks import REPOSITORY, check_dictionary
from kpis.compat import compatibility_problems
from kpis.diagnostics import Diagnostic
from kpis.loader import Loaded, read_dictionary
from kpis.schema import Dictionary


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
    roots = paths or [PACKS_DIR]
    for path in roots:
        if not path.exists():
            raise KpiError(str(path), "does not exist", "a pack folder or a folder of packs", code=ExitCode.USAGE)
    loaded = read_dictionary(*roots)
    problems = {*loaded.diagnostics, *check_dictionary(loaded, root)}
    if against is not None:
        problems |= set(compatibility_problems(_dictionary_at(against, roots), loaded))
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


def _dictionary_at(revision: str, roots: list[Path]) -> Dictionary:
    """What the packs said at a git revision, as far as it was valid there."""
    with tempfile.TemporaryDirectory(prefix="kpi-check-") as scratch:
        for root in roots:
            folder = root if root.is_dir() else root.parent
            target = Path(scratch) / folder.resolve().name
            target.mkdir(parents=True, exist_ok=True)
            with tarfile.open(fileobj=io.BytesIO(_archive(revision, folder))) as archive:
                archive.extractall(target, filter="data")
        return read_dictionary(Path(scratch)).dictionary


def _archive(revision: str, folder: Path) -> bytes:
    """The folder at the revision as a tar file; empty when the revision does not have it."""
    known = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if known.returncode != 0:
        raise KpiError(f"--against {revision}", "is not a revision of this git repository", "a branch, tag or commit", code=ExitCode.USAGE)
    commit = known.stdout.decode().strip()
    archived = _git(folder, "archive", "--format=tar", commit, ".")
    if archived.returncode == 0:
        return archived.stdout
    empty = io.BytesIO()
    tarfile.open(fileobj=empty, mode="w").close()
    return empty.getvalue()


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise KpiError("git", "is not installed", "git on PATH for --against") from error
