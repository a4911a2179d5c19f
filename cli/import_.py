"""`kpi import`: metrics of dbt/MetricFlow, OpenSLO or a metric list become a pack, with a report of all that could not come along."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from cli.errors import ExitCode, KpiError
from kpis import PACKS_DIR
from kpis.checks import REPOSITORY
from kpis.diagnostics import Diagnostic
from kpis.documents import SUFFIXES, shown
from kpis.exchange.draft import Imported, Options, check_artifacts
from kpis.exchange.ledger import losses
from kpis.exchange.readers import OWN_FORMATS, Format, Readers
from kpis.exchange.report import report_json, report_lines
from kpis.exchange.trees import read_documents

_SLUG = re.compile(r"[a-z][a-z0-9_-]{0,62}\Z")


class Written(StrEnum):
    """What became of the pack's files."""

    YES = "written"
    NO = "not written"


def command(
    source: Annotated[list[Path], typer.Argument(help="Files to read: semantic_manifest.json, *.yml, *.yaml, *.csv or *.json.")],
    source_format: Annotated[Format, typer.Option("--format", help="What the files are; `list` needs --mapping.")],
    out: Annotated[Path | None, typer.Option(help="The pack's folder; its name is the pack's id, such as kpis/packs/shop.")] = None,
    tenant: Annotated[list[str] | None, typer.Option(help="Who gets the pack; may be repeated.")] = None,
    mapping: Annotated[Path | None, typer.Option(help="For lists: a YAML file that says which column is which field.")] = None,
    defaults: Annotated[Path | None, typer.Option(help="A YAML file of fields for the pack's defaults: owners, unit, sla...")] = None,
    runbook: Annotated[
        str, typer.Option(help="The runbook of the imported KPIs, a file of the repository.")
    ] = "docs/runbooks/kpi-health.md",
    freshness_column: Annotated[str | None, typer.Option(help="The column that says when a row became known.")] = None,
    date: Annotated[str | None, typer.Option(help="Date of the change log's first entry, YYYY-MM-DD. Default: today.")] = None,
    root: Annotated[Path, typer.Option(help="The folder that runbook paths start from.")] = REPOSITORY,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Report, write nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the pack's folder when it is there.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 1 when anything was lost; nothing is written then.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document with the fate of every field.")] = False,
) -> None:
    """Make a pack of foreign metrics.

    Every field of the input is mapped, carried as text, or listed with its value and the reason; nothing is approximated. The pack passes
    `kpi check`, or nothing is written and every problem is told. KPIs that say nothing else arrive as drafts.
    """
    folder = out if out is not None else PACKS_DIR / "imported"
    _refuse_overwriting(folder, force=force, dry_run=dry_run)
    if not tenant and source_format not in OWN_FORMATS:
        raise KpiError("--tenant", "is missing; a foreign file does not say who gets the pack", "--tenant <id>", code=ExitCode.USAGE)
    if mapping is None and source_format is Format.LIST:
        raise KpiError("--mapping", "is missing", "a YAML file that says which column is which field", code=ExitCode.USAGE)
    options = Options(
        pack=folder.resolve().name,
        tenants=tuple(tenant or ()),
        date=date or datetime.now(UTC).date().isoformat(),
        runbook=runbook,
        defaults=_defaults(defaults),
        freshness_column=freshness_column,
    )
    imported = Readers(options, _bytes(mapping) if mapping else None, str(mapping or "")).read(
        source_format, [(shown(path), _bytes(path)) for path in source]
    )
    problems = imported.problems or check_artifacts(imported.artifacts(), root)
    lost = losses(imported.ledger.entries())
    refused = bool(problems) or (strict and bool(lost))
    written = Written.NO if refused or dry_run else _write(imported, folder)
    _report(imported, problems, folder, written, as_json=as_json)
    if refused:
        raise typer.Exit(ExitCode.FAILED)


def _refuse_overwriting(folder: Path, *, force: bool, dry_run: bool) -> None:
    if _SLUG.match(folder.resolve().name) is None:
        expected = "a folder whose name is the pack's id: lower case letters, digits, - and _, such as kpis/packs/shop"
        raise KpiError(f"--out {folder}", "does not end in a pack id", expected, code=ExitCode.USAGE)
    if folder.exists() and not folder.is_dir():
        raise KpiError(f"--out {folder}", "is a file", "a folder", code=ExitCode.USAGE)
    if folder.exists() and any(folder.iterdir()) and not force and not dry_run:
        raise KpiError(f"--out {folder}", "is there already", "a new folder", "pass --force to replace it", code=ExitCode.USAGE)
    others = sorted(each.name for each in folder.iterdir() if each.suffix not in SUFFIXES) if folder.exists() else []
    if others and not dry_run:
        raise KpiError(f"--out {folder}", f"has files that are no pack: {', '.join(others[:5])}", "a pack's folder", code=ExitCode.USAGE)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise KpiError(str(path), f"cannot be read: {error.strerror}", "a file", code=ExitCode.USAGE) from error


def _defaults(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    documents, problems = read_documents(shown(path), _bytes(path))
    if problems or len(documents) != 1 or not isinstance(documents[0].value, dict):
        what = "; ".join(str(problem) for problem in problems) or "is not one map"
        raise KpiError(
            f"--defaults {path}", what, "fields of a pack's defaults, such as owners: {business: CFO, technical: Data}", code=ExitCode.USAGE
        )
    return cast("dict[str, Any]", documents[0].value)


def _write(imported: Imported, folder: Path) -> Written:
    """Write the pack beside its place first, so that a failure leaves what was there."""
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for artifact in imported.artifacts():
        path = partial / artifact.path.partition("/")[2]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(artifact.content)
    if folder.exists():
        shutil.rmtree(folder)
    partial.replace(folder)
    return Written.YES


def _report(imported: Imported, problems: tuple[Diagnostic, ...], folder: Path, written: Written, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(report_json(imported, problems) | {"folder": shown(folder), "written": written is Written.YES}, indent=2))
        return
    for problem in problems:
        print(problem)
    for line in report_lines(imported):
        print(line)
    print(f"{len(problems)} problem{'' if len(problems) == 1 else 's'}; {shown(folder)} {written}")
