"""Recording and alerting rules of one KPI: `prometheus/rules/<ID>.yaml`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache

import jinja2

from alerts.prometheus.facts import Shape, Texts
from alerts.prometheus.stencil import MARKS, Stencil
from alerts.prometheus.text import environment, literal
from kpis import prometheus_names as names
from kpis.metric_names import VerdictCode

SHAPES = 256
"""Stencils that are kept, some 20 KB each; a dictionary with more shapes renders some of them again."""


@dataclass(frozen=True)
class Voice:
    """How the words of an alert are written: `text` prepares dictionary text, the others are what stands for a value."""

    text: Callable[[str], str]
    tenant: str
    environment: str
    percent: str


RULE_VOICE = Voice(literal, "{{ $labels.tenant_id }}", "{{ $labels.environment }}", "{{ $value | humanizePercentage }}")
"""Prometheus fills the values in when it expands an alert's annotations."""


def render_rules(shape: Shape, texts: Texts) -> bytes:
    """The rule file of a KPI."""
    return _stencil(shape).fill(texts).encode()


def render_rules_directly(shape: Shape, texts: Texts) -> str:
    """The same without the stencil: slower, and what a test compares it with."""
    return _template().render(shape=shape, kpi=texts)


@lru_cache(maxsize=SHAPES)
def _stencil(shape: Shape) -> Stencil:
    return Stencil.cut(render_rules_directly(shape, MARKS))


@cache
def _template() -> jinja2.Template:
    return environment().get_template("rules.yaml.j2", globals={"names": names, "voice": RULE_VOICE, "critical": int(VerdictCode.CRITICAL)})
