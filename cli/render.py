"""`kpi render`: write every artifact of the dictionary, only what changed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from artifacts.build import Built, Sources, build, check
from artifacts.render import RenderError
from artifacts.write import Place
from cli.errors import ExitCode, KpiError
from cli.packs import chosen, invalid
from cli.stack_artifacts import stack_artifacts
from kpis import PACKS_DIR
from kpis.bundle import REPOSITORY
from kpis.diagnostics import DictionaryError

OUT = REPOSITORY / "dist" / "artifacts"
CACHE = REPOSITORY / ".local" / "cache"
_SHOWN = 20
T = TypeVar("T")


def command(
    packs: Annotated[
        list[Path] | None, typer.Argument(help="Pack folders, or a folder of packs. Default: the packs of this repository.")
    ] = None,
    *,
    out: Annotated[Path, typer.Option(help="Where the artifacts go.")] = OUT,
    docs: Annotated[
        Path | None, typer.Option(help="Where the generated pages go. Default: docs/ for the packs of this repository, else below --out.")
    ] = None,
    checking: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 when a generated page in docs/ is out of date.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Render dashboards, rules, SQL, lineage, SLOs, documentation and runbook pages from the dictionary.

    Files that are as they should be are left alone; manifest.json says which definition became which file. Equal packs give equal bytes.
    """
    place = Place(out, docs or (default_place().docs if packs is None else out / "docs"))
    sources = default_sources() if packs is None else Sources(chosen(packs), CACHE)
    began = time.perf_counter()
    try:
        if checking:
            _report_stale(with_progress(lambda progress: check(sources, place, progress=progress)), as_json=as_json)
            return
        built = with_progress(lambda progress: build(sources, place, progress=progress))
    except DictionaryError as error:
        raise invalid(error) from error
    except RenderError as error:
        raise KpiError("render", str(error), code=ExitCode.FAILED) from error
    except OSError as error:
        raise KpiError(str(out), f"cannot be written: {error.strerror or error}", "a folder with space and write permission") from error
    _report(built, place, time.perf_counter() - began, as_json=as_json)


def default_place() -> Place:
    """Where the artifacts of this repository's packs go."""
    return Place(OUT, REPOSITORY / "docs")


def default_sources() -> Sources:
    """This repository's packs and stacks."""
    return Sources([PACKS_DIR], CACHE, stack_artifacts(REPOSITORY))


def with_progress(work: Callable[[Callable[[str, int, int], None]], T]) -> T:
    """Do something with a bar that appears only when there is something to render."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("render", visible=False)

        def show(what: str, done: int, total: int) -> None:
            bar.update(task, description=f"render {what}", completed=done, total=total, visible=True)

        return work(show)


def _report(built: Built, place: Place, seconds: float, *, as_json: bool) -> None:
    written = built.written
    if as_json:
        document = {
            "out": str(place.out),
            "docs": str(place.docs),
            "kpis": {"rendered": built.rendered, "unchanged": built.kept},
            "files": {"new": written.new, "changed": written.changed, "removed": written.removed, "unchanged": written.unchanged},
            "seconds": round(seconds, 3),
        }
        print(json.dumps(document, indent=2))
        return
    for mark, paths in (("+", written.new), ("~", written.changed), ("-", written.removed)):
        for path in paths[:_SHOWN]:
            print(f"{mark} {path}")
        if len(paths) > _SHOWN:
            print(f"{mark} … {len(paths) - _SHOWN} more")
    print(
        f"{len(built.manifest.files())} files of {len(built.manifest.kpis)} KPIs: {len(written.new)} new, {len(written.changed)} changed, "
        f"{len(written.removed)} removed, {written.unchanged} unchanged; {built.rendered} KPIs rendered in {seconds:.2f} s"
    )


def _report_stale(found: list[str], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"ok": not found, "stale": found}, indent=2))
    else:
        for path in found:
            print(f"{path}: is not what the dictionary says")
        print("the generated pages are up to date" if not found else f"{len(found)} generated pages are out of date; run `kpi render`")
    if found:
        raise typer.Exit(ExitCode.FAILED)
