"""The artifacts of this room: a rule file and a test file a KPI, and what the whole dictionary needs."""

from __future__ import annotations

from collections.abc import Iterator

from alerts.prometheus.alertmanager import Delivery, render_alertmanager
from alerts.prometheus.expressions import verify_templates
from alerts.prometheus.facts import RUNNABLE, Links, shape_of, texts_of
from alerts.prometheus.fleet import render_fleet
from alerts.prometheus.rules import render_rules
from alerts.prometheus.tests import render_tests
from kpis.artifact import Artifact, Surroundings
from kpis.schema import Kpi

ROOT = "prometheus"


def render_kpi(kpi: Kpi, around: Surroundings, links: Links | None = None) -> Iterator[Artifact]:
    """`prometheus/rules/<ID>.yaml` and `prometheus/tests/<ID>.yaml`; nothing for a version that does not run.

    Args:
        kpi: the definition.
        around: its neighbours; only the definition hash is read.
        links: where alerts send their reader; not part of the artifact key, so give the same for a whole set.

    Raises:
        TemplateExpressionError: when a template holds an expression that Prometheus would refuse.
    """
    if kpi.status not in RUNNABLE:
        return
    verify_templates()
    shape, texts = shape_of(kpi), texts_of(kpi, around, links or Links())
    yield Artifact(f"{ROOT}/rules/{kpi.id}.yaml", render_rules(shape, texts), (kpi.id,))
    yield Artifact(f"{ROOT}/tests/{kpi.id}.yaml", render_tests(shape, texts), (kpi.id,))


def render_all(around: Surroundings, delivery: Delivery | None = None) -> Iterator[Artifact]:
    """`prometheus/alertmanager.yaml`, `prometheus/prometheus.yaml` and the rules about the fleet with their test."""
    running = tuple(kpi for kpi in around.dictionary.kpis if kpi.status in RUNNABLE)
    yield Artifact(f"{ROOT}/alertmanager.yaml", render_alertmanager(running, delivery or Delivery()))
    yield from (Artifact(f"{ROOT}/{path}", content) for path, content in render_fleet())
