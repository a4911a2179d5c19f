"""KPIs for tests of what Prometheus gets: the repository's own, and one that a test changes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from alerts.prometheus import render_all, render_kpi
from alerts.prometheus.check import Checker
from kpis.artifact import Artifact, Surroundings
from kpis.checks import check_packs
from kpis.schema import Dictionary, Kpi
from local.monitoring_tools import find_monitoring_tools

ROOT = Path(__file__).resolve().parents[4]


@cache
def dictionary() -> Dictionary:
    return check_packs(ROOT / "kpis" / "packs", root=ROOT).dictionary


def kpi(kpi_id: str = "CFO-HX-01", **changes: Any) -> Kpi:
    """A KPI of the repository with other values of some fields, validated."""
    found = next(each for each in dictionary().kpis if each.id == kpi_id)
    return Kpi.model_validate(found.model_dump(by_alias=True, exclude_none=True) | changes)


def around(*kpis: Kpi) -> Surroundings:
    return Surroundings(Dictionary(packs=(), sources=(), signals=(), kpis=kpis))


def artifacts(*kpis: Kpi) -> list[Artifact]:
    known = around(*kpis)
    return [*(artifact for each in kpis for artifact in render_kpi(each, known)), *render_all(known)]


def write(folder: Path, found: Iterable[Artifact]) -> Path:
    """The artifacts on disk; returns the folder of Prometheus's files."""
    for artifact in found:
        path = folder / artifact.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(artifact.content)
    return folder / "prometheus"


def checker() -> Checker:
    """The tools; a machine without them skips the test and says so."""
    tools = find_monitoring_tools(os.environ)
    if tools is None:
        pytest.skip("promtool and amtool are not here: `python -m local.monitoring_tools` fetches them")
    return Checker(tools.promtool, tools.amtool)
