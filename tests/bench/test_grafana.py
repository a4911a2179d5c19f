"""A Grafana dashboard of twelve panels for each of many KPIs: time and memory, with two libraries that build the same in the same run."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from kpis.generate import write_packs
from kpis.hashing import canonical_json
from kpis.loader import read_dictionary
from tests.bench.report import Report

pytestmark = pytest.mark.bench
BENCH = "grafana"
COUNT = 1000
REPEATS = 5
PANELS = 12
ROOT = Path(__file__).resolve().parents[2]
PEERS = {"foundation-sdk": "grafana_foundation_sdk", "grafanalib": "grafanalib"}


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("grafana")
    dictionary = read_dictionary(write_packs(folder / "packs", COUNT)).dictionary
    path = folder / "definitions.jsonl"
    path.write_text("".join(f"{canonical_json(kpi)}\n" for kpi in dictionary.kpis))
    return path


def built(definitions: Path, contender: str) -> dict[str, Any]:
    """What a process of its own says of building all dashboards."""
    command = [sys.executable, "-m", "tests.bench.dashboard_builder", str(definitions), contender, str(REPEATS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    if contender != "nothing":
        assert found["panels"] == PANELS, f"{contender} built {found['panels']} panels"
    return found


def test_dashboards_of_many_kpis_against_libraries(definitions: Path, report: Report) -> None:
    empty = built(definitions, "nothing")["peak_mebibytes"]

    def measured(contender: str, name: str, aim: str = "") -> float:
        """Report a contender; the median of its computing time, which other work on the machine changes least."""
        found = built(definitions, contender)
        report.median(BENCH, name, found["seconds"], "s", aim=aim)
        middle = report.median(BENCH, f"{name}: computing time", found["computing"], "s", aim=aim)
        memory, out = found["peak_mebibytes"] - empty, f"{found['bytes'] / 2**20:.1f} MiB written"
        report.add(BENCH, f"{name}: memory above reading the definitions", memory, "MiB", of=out)
        return middle

    ours = measured("ours", f"{COUNT:,} dashboards x {PANELS} panels, hashes included", aim="< 0.25 s")
    measured("ours-anew", "each from the whole template, each checked in full")
    missing = [name for name, module in PEERS.items() if find_spec(module) is None]
    for name in PEERS:
        if name not in missing:
            report.ratio(BENCH, f"{name}'s computing time over ours", measured(name, f"{name}, the same, unchecked"), ours, of="medians")
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed, so nothing is compared with it; install the dev dependencies")
