"""A small valid pack as plain documents, to be broken in one place by a test."""

import copy
import json
from pathlib import Path
from typing import Any

import yaml

from kpis.checks import check_dictionary
from kpis.diagnostics import Diagnostic
from kpis.loader import read_dictionary

Document = dict[str, Any]
SQL = (
    "SELECT 'ALL' AS entity, SUM(amount) AS value, COUNT(*) AS rows_processed\n"
    "FROM gdp_sales\n"
    "WHERE sold_on >= :period_start AND sold_on < :period_end AND loaded_at <= :as_of\n"
)
_CHANGES = [{"version": "1.0.0", "date": "2025-11-01", "author": "Finance", "summary": "First version"}]
_VERDICT_RULE = [{"id": "verdict", "check": "verdict_alignment"}]

PACK: Document = {
    "kind": "pack",
    "id": "shop",
    "name": "Shop",
    "description": "Sales of a shop",
    "tenants": ["acme", "skyway"],
    "defaults": {
        "owners": {"business": "CFO", "technical": "Platform"},
        "criticality": "high",
        "grain": "day",
        "unit": "USD",
        "runbook": "docs/runbooks/shop.md",
        "schedule": {"frequency": "daily", "trigger": "time", "cron": "0 2 * * *", "timeout": "5m"},
        "verdict": {"direction": "higher_is_better", "adequate": 100, "low": 50},
        "sla": [{"type": "freshness", "target": "24h", "grace": "2h"}],
        "post_validation": _VERDICT_RULE,
    },
}
SOURCE: Document = {
    "kind": "source",
    "id": "GDP_Sales",
    "table": "gdp_sales",
    "description": "Every sale",
    "period_column": "sold_on",
    "freshness_column": "loaded_at",
    "columns": {
        "sold_on": {"type": "date"},
        "loaded_at": {"type": "timestamp"},
        "amount": {"type": "numeric"},
        "region": {"type": "text"},
    },
}
SIGNAL: Document = {"kind": "signal", "id": "gdp-updated", "description": "A table was loaded", "type": "event"}
PRIMARY: Document = {
    "kind": "kpi",
    "id": "SH-RV-01",
    "name": "Revenue",
    "layer": "primary",
    "contract_version": "1.0.0",
    "purpose": "What was sold",
    "sources": [{"gdp": "GDP_Sales", "attributes": ["amount"]}],
    "expression": {"sql": SQL},
    "pre_validation": [{"id": "there", "check": "source_present", "source": "GDP_Sales"}],
    "change_log": _CHANGES,
}
OTHER: Document = PRIMARY | {"id": "SH-RV-02", "name": "Orders"}
SECONDARY: Document = {
    "kind": "kpi",
    "id": "SH-AV-01",
    "name": "Average order",
    "layer": "secondary",
    "contract_version": "1.0.0",
    "purpose": "Revenue of one order",
    "sources": [{"kpi": "SH-RV-01", "as": "revenue"}, {"kpi": "SH-RV-02", "as": "orders"}],
    "expression": {"formula": "revenue / NULLIF(orders, 0)"},
    "pre_validation": [{"id": "delivered", "check": "upstream_delivered", "source": "orders"}],
    "change_log": _CHANGES,
}
COMPOSITE: Document = {
    "kind": "kpi",
    "id": "SH-IX-01",
    "name": "Shop index",
    "layer": "composite",
    "contract_version": "1.0.0",
    "purpose": "How the shop is doing",
    "sources": [{"kpi": "SH-RV-01", "as": "revenue"}, {"kpi": "SH-AV-01", "as": "average"}],
    "expression": {
        "weights": {
            "revenue": {"weight": 0.6, "floor": 0, "ceiling": 1000},
            "average": {"weight": 0.4, "floor": 0, "ceiling": 50},
        }
    },
    "pre_validation": [{"id": "delivered", "check": "upstream_delivered", "source": "average"}],
    "change_log": _CHANGES,
}


def copy_without_sharing(document: Document) -> Document:
    """YAML writes a list that stands in two places as an alias, which packs do not allow."""
    return json.loads(json.dumps(document))


class Shop:
    """The documents of the pack, by id; change them, then `check`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        found = (PACK, SOURCE, SIGNAL, PRIMARY, OTHER, SECONDARY, COMPOSITE)
        self.documents: dict[str, Document] = {document["id"]: copy.deepcopy(document) for document in found}
        self.extra_text = ""

    def __getitem__(self, entry_id: str) -> Document:
        return self.documents[entry_id]

    def add(self, document: Document, **fields: Any) -> Document:
        """Another document, from a copy of one with some fields of its own."""
        made = copy.deepcopy(document) | fields
        self.documents[f"{made['id']}+{len(self.documents)}"] = made
        return made

    def write(self) -> Path:
        pack = self.folder / "packs" / "shop"
        pack.mkdir(parents=True, exist_ok=True)
        runbooks = self.folder / "docs" / "runbooks"
        runbooks.mkdir(parents=True, exist_ok=True)
        (runbooks / "shop.md").write_text("What to do\n")
        text = yaml.safe_dump_all([copy_without_sharing(document) for document in self.documents.values()], sort_keys=False)
        (pack / "shop.yaml").write_text(text + self.extra_text)
        return pack.parent

    def check(self) -> list[Diagnostic]:
        loaded = read_dictionary(self.write())
        return sorted({*loaded.diagnostics, *check_dictionary(loaded, self.folder)})

    def line_of(self, text: str) -> int:
        """The first line of the written file that contains the text."""
        lines = (self.folder / "packs" / "shop" / "shop.yaml").read_text().splitlines()
        return next(number for number, line in enumerate(lines, start=1) if text in line)
