"""The four monitoring views over the log tables as rows of runs (K8): the columns of the seed, fresh to the second.

The same views exist as SQL over the lake (views/sql), which reaches further back and is some minutes late. A test runs that SQL over the
same rows and compares.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lambdas.domain.model import LogTable
from lambdas.domain.timestamps import parse

Row = Mapping[str, Any]
Children = Mapping[LogTable, Sequence[Row]]
"""The rows of one run in other tables than its own."""


class View(StrEnum):
    """The views."""

    RUN_OVERVIEW = "vw_kpi_run_overview"
    VALIDATION_SUMMARY = "vw_kpi_validation_summary"
    LINEAGE_SOURCES = "vw_kpi_lineage_sources"
    SLA_VIOLATIONS = "vw_kpi_sla_violations"


_RUN = ("run_id", "tenant_id", "kpi_id", "contract_version")
COLUMNS: Mapping[View, tuple[str, ...]] = {
    View.RUN_OVERVIEW: (
        "run_id", "tenant_id", "environment", "kpi_id", "contract_version", "variant_label", "started_at", "finished_at", "duration_sec",
        "status", "sla_breached", "verdict", "time_grain", "time_range", "extensions",
    ),
    View.VALIDATION_SUMMARY: (*_RUN, "status", "pre_fail_count", "post_fail_count"),
    View.LINEAGE_SOURCES: (*_RUN, "source_type", "source_object", "source_version"),
    View.SLA_VIOLATIONS: (*_RUN, "started_at", "finished_at", "status", "error_code", "error_message"),
}  # fmt: skip
"""Columns of each view, in the seed's order."""
NEEDS: Mapping[View, tuple[LogTable, ...]] = {
    View.RUN_OVERVIEW: (LogTable.DELIVERY,),
    View.VALIDATION_SUMMARY: (LogTable.PRE_VALIDATION, LogTable.POST_VALIDATION),
    View.LINEAGE_SOURCES: (LogTable.SOURCING,),
    View.SLA_VIOLATIONS: (),
}
"""The tables a view reads besides that of the runs."""


@dataclass(frozen=True)
class _Made:
    """A row's own columns; those of the run are added by name."""

    values: Row


def shows(view: View, run: Row) -> bool:
    """Whether a folded run is in the view at all."""
    return view is not View.SLA_VIOLATIONS or bool(run.get("sla_breached"))


def rows_of(view: View, run: Row, children: Children) -> Iterator[dict[str, Any]]:
    """The rows of a folded run in a view; what is not known is None, and a run id is text."""
    for made in _made(view, run, children):
        known = {**run, **made.values, "run_id": str(run["run_id"])}
        yield {column: known.get(column) for column in COLUMNS[view]}


def _made(view: View, run: Row, children: Children) -> Iterator[_Made]:
    match view:
        case View.RUN_OVERVIEW:
            delivery = next(iter(children[LogTable.DELIVERY]), None)
            delivered = {name: delivery.get(name) for name in ("verdict", "time_grain", "time_range", "extensions")} if delivery else {}
            yield _Made({"duration_sec": _duration(run), **delivered})
        case View.VALIDATION_SUMMARY:
            counts = {"pre_fail_count": LogTable.PRE_VALIDATION, "post_fail_count": LogTable.POST_VALIDATION}
            yield _Made({name: sum(row.get("result") == "fail" for row in children[table]) for name, table in counts.items()})
        case View.LINEAGE_SOURCES:
            yield from map(_Made, children[LogTable.SOURCING])
        case View.SLA_VIOLATIONS:
            yield _Made({})


def _duration(run: Row) -> int | None:
    """Whole seconds, halves up, as SQL rounds them."""
    if run.get("finished_at") is None:
        return None
    return math.floor((parse(str(run["finished_at"])) - parse(str(run["started_at"]))).total_seconds() + 0.5)
