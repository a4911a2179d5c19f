"""Catalogs of any size for the search bench: rows as the catalog holds them, with words as rare and as common as in real texts."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

from kpis.checks import check_packs
from kpis.hashing import canonical_json
from lambdas.domain.search import Document, document_of, key_of

SEED = 20130130
WORDS = """
revenue cost margin cash liquidity receivables payables inventory turnover days sales outstanding customer order basket return
refund flight delay departure arrival cancellation punctuality weather carrier airport capacity utilisation energy water emission
workforce attrition absence overtime safety incident defect yield scrap throughput cycle lead time backlog forecast accuracy
budget variance working capital ratio quick current debt equity interest coverage dividend cohort retention churn acquisition
lifetime value average median share growth rate index score quality freshness completeness latency availability error claim policy
premium loss reserve fraud payment invoice dispute collection credit limit exposure rating default provision tax duty freight
logistics warehouse picking shelf store traffic conversion campaign channel click impression lead pipeline quota win discount
price elasticity promotion markdown supplier contract compliance audit control finding remediation ticket resolution satisfaction
complaint response escalation uptime outage
""".split()  # noqa: SIM905 - a hundred words are easier to read without quotes
COMMON = ("daily", "net", "gross", "total", "by", "region", "segment", "of", "the", "per", "open", "closed", "month", "to", "date")
OWNERS = ("Treasury", "Controlling", "Sales", "Operations", "Supply Chain", "People", "Risk", "Marketing", "Service", "IT")
PACKS = ("finance", "commerce", "operations", "people", "risk", "esg")
LAYERS = ("primary",) * 7 + ("secondary",) * 2 + ("composite",)
STATUSES = ("active",) * 7 + ("draft", "deprecated", "retired")
CRITICALITIES = ("low", "medium", "medium", "high", "critical")
_TAIL = 3000


def tail_word(number: int) -> str:
    """A rare word: a name of a product, a site or a system."""
    return "".join("bcdfglmnprstvz"[(number // 14**place) % 14] + "aeiou"[(number // 5**place) % 5] for place in range(4))


class Corpus:
    """Rows of many tenants. Words follow Zipf's law; definitions are the shipped ones with other texts."""

    def __init__(self, count: int, tenants: int) -> None:
        self._random = random.Random(SEED)  # noqa: S311 - a corpus, no secret
        self._count, self._tenants = count, tenants
        dictionary = check_packs(Path("kpis/packs"), root=Path()).dictionary
        sources = {source.id: json.loads(canonical_json(source)) for source in dictionary.sources}
        self._models = [
            (json.loads(canonical_json(kpi)), json.dumps([sources[ref.gdp] for ref in kpi.gdp_sources], sort_keys=True))
            for kpi in dictionary.kpis
        ]
        order = [*COMMON, *self._random.sample(WORDS, len(WORDS)), *map(tail_word, range(_TAIL))]
        self._vocabulary = order
        self._weights = list(accumulate(1 / rank for rank in range(3, len(order) + 3)))

    def tenant(self, number: int) -> str:
        return f"tenant-{number:03d}"

    def _text(self, words: int) -> str:
        return " ".join(self._random.choices(self._vocabulary, cum_weights=self._weights, k=words))

    def rows(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Tenant, sort key and attributes of each definition row."""
        each = self._count // self._tenants
        for tenant in range(self._tenants):
            for number in range(each):
                yield self._row(self.tenant(tenant), number)

    def _row(self, tenant: str, number: int) -> tuple[str, str, dict[str, Any]]:
        pick = self._random.choice
        model, sources = pick(self._models)
        kpi_id = f"{pick(('FIN', 'COM', 'OPS', 'PEO', 'RSK'))}-{pick(('RV', 'EF', 'LQ', 'OT', 'QA'))}-{number:05d}"
        version, environment = f"{pick((1, 1, 1, 2))}.{pick((0, 0, 1, 2))}.0", pick(("prod", "prod", "stg", "dev"))
        definition = model | {
            "id": kpi_id,
            "name": self._text(5).capitalize(),
            "purpose": f"{self._text(28).capitalize()}.",
            "pack": pick(PACKS),
            "owners": {"business": pick(OWNERS), "technical": "Platform"},
            "contract_version": version,
        }
        row = {
            "definition": json.dumps(definition, sort_keys=True),
            "sources": sources,
            "pack": definition["pack"],
            "layer": pick(LAYERS),
            "owner": definition["owners"]["business"],
            "status": pick(STATUSES),
            "criticality": pick(CRITICALITIES),
            "definition_hash": f"{number:064x}",
            "updated_at": "2026-11-02T00:00:00Z",
            "row_version": 1,
        }
        return tenant, f"{environment}#kpi#{kpi_id}#{version}", row

    def documents(self) -> Iterator[Document]:
        for tenant, sort_key, row in self.rows():
            key = key_of(tenant, sort_key)
            assert key is not None
            yield document_of(key, row)
