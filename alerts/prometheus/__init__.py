"""Prometheus rules, promtool tests and the Alertmanager configuration, generated from the KPI dictionary.

Per KPI one rule file and one test file, since promtool evaluates a whole rule file for every test that names it.
"""

from __future__ import annotations

from alerts.prometheus.alertmanager import Delivery
from alerts.prometheus.facts import Links
from alerts.prometheus.render import render_all, render_kpi

__all__ = ["Delivery", "Links", "render_all", "render_kpi"]
