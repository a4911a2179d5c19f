"""Grafana dashboards generated from the KPI dictionary, on the metrics of `kpis.prometheus_names`."""

from __future__ import annotations

from dashboards.grafana.kpi import render_kpi
from dashboards.grafana.render import render_all
from dashboards.grafana.site import Site
from dashboards.grafana.validate import GrafanaError, problems

__all__ = ["GrafanaError", "Site", "problems", "render_all", "render_kpi"]
