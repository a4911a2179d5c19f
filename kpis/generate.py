"""Valid packs of any size over given sources, for benchmarks and for tests of what must not grow with the number of KPIs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kpis.schema import Source

KPIS_PER_FILE = 250
_TENANTS = ("acme",)
_NUMERIC = ("integer", "numeric")
_EIGHT = 8


def default_source() -> Source:
    """A small table to generate over when no other is given."""
    return Source.model_validate(
        {
            "id": "GDP_Generated",
            "table": "gdp_generated",
            "description": "A generated golden data table",
            "period_column": "booked_on",
            "freshness_column": "loaded_at",
            "columns": {
                "booked_on": {"type": "date"},
                "loaded_at": {"type": "timestamp"},
                "amount": {"type": "numeric"},
                "quantity": {"type": "integer"},
            },
        }
    )


def write_packs(
    packs_dir: Path, count: int, *, sources: Sequence[Source] | None = None, tenants: Sequence[str] = _TENANTS, pack: str = "generated"
) -> Path:
    """Write a pack of `count` KPIs into `packs_dir`: of ten, eight primaries, one secondary and one composite.

    Args:
        packs_dir: the folder of packs; the pack becomes a folder in it.
        count: how many KPIs.
        sources: tables the primaries sum over; those not in `packs_dir` yet are written too. Default: a generated one, written.
        tenants: who has the pack.
        pack: the pack's id and the name of its folder.

    Returns:
        The pack's folder. Equal arguments write equal bytes.
    """
    folder = packs_dir / pack
    folder.mkdir(parents=True, exist_ok=True)
    tables = list(sources) if sources else [default_source()]
    head: list[dict[str, Any]] = [_header(pack, tenants)]
    head += [] if sources else [table.model_dump(mode="json", exclude_none=True) for table in tables]
    _write(folder / "pack.yaml", head)
    kpis = list(_kpis(count, tables))
    for number, start in enumerate(range(0, len(kpis), KPIS_PER_FILE)):
        _write(folder / f"kpis-{number:03d}.yaml", kpis[start : start + KPIS_PER_FILE])
    return folder


def _write(path: Path, documents: Sequence[dict[str, Any]]) -> None:
    # Every JSON document is a YAML document, and JSON is written fifty times faster.
    path.write_text("".join(f"---\n{json.dumps(document, indent=1)}\n" for document in documents))


def _header(pack: str, tenants: Sequence[str]) -> dict[str, Any]:
    return {
        "kind": "pack",
        "id": pack,
        "name": "Generated",
        "description": "KPIs written by kpis.generate",
        "tenants": list(tenants),
        "defaults": {
            "owners": {"business": "Finance", "technical": "Platform"},
            "criticality": "low",
            "grain": "day",
            "unit": "USD",
            "runbook": "pyproject.toml",  # generated KPIs page nobody; the checks want a file that exists
            "schedule": {"frequency": "daily", "trigger": "time", "cron": "0 2 * * *"},
            "verdict": {"direction": "higher_is_better", "adequate": 100, "low": 50},
            "sla": [{"type": "freshness", "target": "24h", "grace": "2h"}],
            "post_validation": [{"id": "verdict", "check": "verdict_alignment"}],
        },
    }


def _kpis(count: int, tables: Sequence[Source]) -> Iterator[dict[str, Any]]:
    primaries: list[str] = []
    for number in range(count):
        place = number % 10
        kpi_id = f"GEN-{number:05d}"
        common: dict[str, Any] = {
            "kind": "kpi",
            "id": kpi_id,
            "name": f"Generated {number}",
            "contract_version": "1.0.0",
            "purpose": f"Stands for a KPI of a large dictionary, number {number}.",
            "change_log": [{"version": "1.0.0", "date": "2013-01-01", "author": "generator", "summary": "First version"}],
        }
        if place < _EIGHT or len(primaries) < _EIGHT:
            primaries.append(kpi_id)
            yield common | _primary(tables[number % len(tables)], number)
        else:
            yield common | (_secondary(primaries) if place == _EIGHT else _composite(primaries))


def _primary(table: Source, number: int) -> dict[str, Any]:
    amounts = [name for name, column in table.columns.items() if column.type in _NUMERIC]
    if not amounts:
        raise ValueError(f"source {table.id} has no numeric column; generated primaries need one to sum over")
    amount = amounts[number % len(amounts)]
    sql = (
        f"SELECT 'ALL' AS entity, SUM({amount}) AS value, COUNT(*) AS rows_processed\n"
        f"FROM {table.table}\n"
        f"WHERE {table.period_column} >= :period_start AND {table.period_column} < :period_end AND {table.freshness_column} <= :as_of\n"
    )
    return {
        "layer": "primary",
        "sources": [{"gdp": table.id, "attributes": [amount]}],
        "expression": {"sql": sql},
        "pre_validation": [{"id": "present", "check": "source_present", "source": table.id}],
    }


def _secondary(primaries: Sequence[str]) -> dict[str, Any]:
    return {
        "layer": "secondary",
        "sources": [{"kpi": primaries[-1], "as": "part"}, {"kpi": primaries[-2], "as": "whole"}],
        "expression": {"formula": "100.0 * part / NULLIF(whole, 0)"},
        "pre_validation": [{"id": "whole_there", "check": "upstream_delivered", "source": "whole"}],
    }


def _composite(primaries: Sequence[str]) -> dict[str, Any]:
    return {
        "layer": "composite",
        "sources": [{"kpi": primaries[-1], "as": "first"}, {"kpi": primaries[-2], "as": "second"}],
        "expression": {
            "weights": {
                "first": {"weight": 0.5, "floor": 0, "ceiling": 100},
                "second": {"weight": 0.5, "floor": 0, "ceiling": 100},
            }
        },
        "pre_validation": [{"id": "first_there", "check": "upstream_delivered", "source": "first"}],
    }
