"""Every renderer of the product, by name: what turns one KPI, or the whole dictionary, into files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from kpis.artifact import Artifact, Surroundings
from kpis.schema import Kpi

KpiRenderer = Callable[[Kpi, Surroundings], Iterator[Artifact]]
DictionaryRenderer = Callable[[Surroundings], Iterator[Artifact]]


@dataclass(frozen=True)
class Renderer:
    """One kind of artifact; the functions are `render_kpi` and `render_all` of its module, as far as it has them.

    `each` is False where a file for each KPI is not wanted in the set although the module could make one.
    """

    name: str
    module: str
    each: bool = True

    def per_kpi(self) -> KpiRenderer | None:
        """What renders one KPI."""
        return self._function("render_kpi") if self.each else None

    def whole(self) -> DictionaryRenderer | None:
        """What renders the dictionary as a whole."""
        return self._function("render_all")

    def _function(self, name: str) -> Any:
        return getattr(import_module(self.module), name, None)


RENDERERS = (
    Renderer("documentation and runbook pages", "artifacts.pages"),
    Renderer("SQL of values and validation", "views.validation"),
    Renderer("SQL views and log tables", "views.artifacts"),
    Renderer("Prometheus rules, their tests and Alertmanager's configuration", "alerts.prometheus"),
    # One drill-down dashboard with a variable serves every KPI.
    Renderer("Grafana dashboards", "dashboards.grafana", each=False),
    Renderer("lineage", "kpis.lineage"),
    Renderer("OpenSLO", "kpis.exchange.openslo"),
)


def kpi_renderers() -> tuple[KpiRenderer, ...]:
    """The renderers of one KPI, in order."""
    return tuple(found for renderer in RENDERERS if (found := renderer.per_kpi()) is not None)


def dictionary_renderers() -> tuple[DictionaryRenderer, ...]:
    """The renderers of the whole dictionary, in order."""
    return tuple(found for renderer in RENDERERS if (found := renderer.whole()) is not None)
