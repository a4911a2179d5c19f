"""`kpi export`: the dictionary in the formats of others, with a list of what a format cannot carry."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import ExitCode, KpiError
from kpis import PACKS_DIR
from kpis.artifact import Artifact, Surroundings
from kpis.checks import check_packs
from kpis.diagnostics import DictionaryError
from kpis.documents import shown
from kpis.exchange.dbt_export import LeftOut, export_dbt
from kpis.exchange.openslo import render_all, render_kpi
from kpis.exchange.packs import export_packs
from kpis.exchange.select import SelectionError, select_pack
from kpis.exchange.tables import export_csv, export_json
from kpis.schema import Dictionary


class Format(StrEnum):
    """What can be written."""

    OPENSLO = "openslo"
    DBT = "dbt"
    CSV = "csv"
    JSON = "json"
    PACKS = "packs"


def command(
    target: Annotated[Format, typer.Option("--format", help="The format to write.")],
    out: Annotated[Path, typer.Option(help="The folder to write into.")] = Path("export"),
    pack: Annotated[str | None, typer.Option(help="Only this pack, with the tables it reads.")] = None,
    packs_dir: Annotated[Path, typer.Option("--packs", help="The folder of packs.")] = PACKS_DIR,
    schema: Annotated[str, typer.Option(help="For dbt: the schema of the tables in the manifest.")] = "public",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Write the dictionary for other tools: OpenSLO v1, dbt/MetricFlow, CSV, JSON, or packs.

    CSV, JSON and packs come back by `kpi import` as they were. What MetricFlow cannot compute is left out and named with the reason.
    """
    dictionary = _dictionary(packs_dir, pack)
    left_out: list[LeftOut] = []
    artifacts = list(_artifacts(dictionary, target, schema, left_out))
    for artifact in artifacts:
        path = out / artifact.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(artifact.content)
    if as_json:
        files = [{"path": artifact.path, "kpis": artifact.kpi_ids} for artifact in artifacts]
        print(json.dumps({"folder": shown(out), "files": files, "left_out": [asdict(each) for each in left_out]}, indent=2))
        return
    for each in left_out:
        print(f"left out {each.kpi_id}: {each.reason}")
    print(f"{len(artifacts)} files of {len(dictionary.kpis) - len(left_out)} KPIs in {shown(out)}; {len(left_out)} KPIs left out")


def _dictionary(packs_dir: Path, pack: str | None) -> Dictionary:
    if not packs_dir.exists():
        raise KpiError(str(packs_dir), "does not exist", "a folder of packs", code=ExitCode.USAGE)
    try:
        dictionary = check_packs(packs_dir).dictionary
    except DictionaryError as error:
        raise KpiError(str(packs_dir), str(error), next="run kpi check and repair what it names", code=ExitCode.FAILED) from error
    if pack is None:
        return dictionary
    try:
        return select_pack(dictionary, pack)
    except SelectionError as error:
        raise KpiError(f"--pack {pack}", str(error), code=ExitCode.USAGE) from error


def _artifacts(dictionary: Dictionary, target: Format, schema: str, left_out: list[LeftOut]) -> list[Artifact]:
    around = Surroundings(dictionary)
    if target is Format.OPENSLO:
        kpis = sorted(dictionary.kpis, key=lambda kpi: kpi.id)
        return [*render_all(around), *(artifact for kpi in kpis for artifact in render_kpi(kpi, around))]
    if target is Format.DBT:
        export = export_dbt(around)
        left_out += export.left_out
        return list(export.artifacts(schema))
    written = {Format.CSV: export_csv, Format.JSON: export_json, Format.PACKS: export_packs}[target]
    return list(written(dictionary))
