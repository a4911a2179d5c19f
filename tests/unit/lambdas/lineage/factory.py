"""Graphs of the shipped packs, and small ones made of made-up KPIs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from kpis.checks import check_packs
from kpis.hashing import canonical_json
from kpis.schema import Dictionary, Kpi
from lambdas.domain.lineage import Graph, graph_of

GOLDEN = Path(__file__).parent / "golden"


@cache
def dictionary() -> Dictionary:
    return check_packs(Path("kpis/packs"), root=Path()).dictionary


@cache
def graph(tenant: str) -> Graph:
    """The graph of a demo tenant."""
    return graph_of((kpi for kpi in dictionary().kpis if tenant in kpi.tenants), dictionary().sources)


@cache
def _model() -> dict[str, Any]:
    kpi = next(kpi for kpi in dictionary().kpis if kpi.id == "CFO-LQ-03")
    return json.loads(canonical_json(kpi)) | {"consumers": [], "reports": [], "post_validation": [], "alerts": [], "tier": 2}  # type: ignore[no-any-return]


def kpi(kpi_id: str, reads: Sequence[str] | Mapping[str, str | None] = (), *, gated: bool = True, **fields: Any) -> Kpi:
    """A KPI over others (of which a version may be pinned), or over the table GDP_Made when it reads none."""
    pins = reads if isinstance(reads, Mapping) else dict.fromkeys(reads)
    refs = [{"kpi": name, "as": f"a{n}"} | ({"version": pin} if pin else {}) for n, (name, pin) in enumerate(pins.items())]
    gates = [{"id": f"g{n}", "check": "upstream_delivered", "source": f"a{n}"} for n in range(len(refs))] if gated else []
    made = {
        "id": kpi_id,
        "name": f"The {kpi_id}",
        "layer": "secondary" if refs else "primary",
        "sources": refs or [{"gdp": "GDP_Made", "attributes": ["amount"]}],
        "expression": {"formula": " + ".join(f"a{n}" for n in range(len(refs)))} if refs else {"sql": "SELECT 1"},
        "pre_validation": gates,
    }
    return Kpi.model_validate(_model() | made | fields)
