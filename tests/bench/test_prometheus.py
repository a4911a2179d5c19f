"""Prometheus rules of many KPIs: time and memory, with Sloth on the same number of objectives in the same run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from alerts.prometheus import render_kpi
from alerts.prometheus.check import Checker
from kpis.artifact import Surroundings
from kpis.generate import write_packs
from kpis.hashing import canonical_json
from kpis.loader import read_dictionary
from kpis.schema import Dictionary
from local.monitoring_tools import find_monitoring_tools
from tests.bench.peers import HOW_TO_BUILD, find_sloth, sloth_version
from tests.bench.report import Report

pytestmark = pytest.mark.bench
COUNTS = (1000, 5000)
RUNS = 3
SCRATCH_BYTES = 500_000_000
BENCH = "prometheus"
WRITER = (sys.executable, "-m", "tests.bench.rule_writer")
SPEC = """version: "prometheus/v1"
service: "kpi"
slos:
  - name: "{id}"
    objective: 99.0
    description: "{purpose}"
    sli:
      events:
        error_query: sum(rate(kpi_bad_total{{kpi_id="{id}"}}[{{{{.window}}}}]))
        total_query: sum(rate(kpi_all_total{{kpi_id="{id}"}}[{{{{.window}}}}]))
    alerting:
      name: KpiErrorBudgetBurn
      labels: {{owner: "{owner}"}}
      annotations: {{runbook_url: "docs/runbooks/kpis/{id}.md"}}
      page_alert: {{labels: {{severity: page}}}}
      ticket_alert: {{labels: {{severity: ticket}}}}
"""


# A child's peak memory counts that of the process it was forked from, so a small process starts it, not this large one.
LAUNCHER = """
import json, os, sys, time
began = time.perf_counter()
process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
_, status, used = os.wait4(process, 0)
seconds = time.perf_counter() - began
print(json.dumps([os.waitstatus_to_exitcode(status), seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""


@dataclass(frozen=True)
class Cost:
    """What one process took: seconds of wall clock and of CPU, its peak resident memory in MiB."""

    seconds: float
    cpu: float
    mebibytes: float


def run(command: Sequence[str | Path], cwd: Path) -> Cost:
    words = [str(part) for part in command]
    done = subprocess.run(
        [sys.executable, "-S", "-c", LAUNCHER, *words], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True
    )
    code, *figures = json.loads(done.stdout)
    assert code == 0, f"{command[0]} ended with code {code}"
    return Cost(*figures)


def runs(command: Sequence[str | Path], cwd: Path, out: Path) -> list[Cost]:
    found: list[Cost] = []
    for _ in range(RUNS):
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        found.append(run(command, cwd))
    return found


@pytest.fixture(scope="module")
def dictionaries(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Dictionary]:
    folder = tmp_path_factory.mktemp("packs")
    return {count: read_dictionary(write_packs(folder / str(count), count)).dictionary for count in COUNTS}


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is room for one: thousands of small files would measure the disk, for us and for the peer."""
    memory = Path("/dev/shm")  # noqa: S108
    if not memory.is_dir() or shutil.disk_usage(memory).free < SCRATCH_BYTES:
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory, prefix="kpi-bench-") as folder:
        yield Path(folder)


@pytest.fixture(params=COUNTS)
def size(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def test_rules_of_many_kpis_against_sloth(size: int, dictionaries: dict[int, Dictionary], report: Report, scratch: Path) -> None:
    dictionary, out, root = dictionaries[size], scratch / "out", Path(__file__).parents[2]
    definitions = scratch / "definitions.jsonl"
    definitions.write_text("".join(f"{canonical_json(kpi)}\n" for kpi in dictionary.kpis))
    aim = "< 2.5 s, < 100 MiB" if size == max(COUNTS) else ""
    ours = runs([*WRITER, definitions, out, "rules"], root, out)
    ruled = sum(path.read_bytes().count(b"- record: ") + path.read_bytes().count(b"- alert: ") for path in out.rglob("*.yaml"))
    assert ruled >= 17 * size
    middle = add(report, f"{size:,} KPIs, {ruled // size} rules each", ours, aim=aim)
    add(report, f"{size:,} KPIs, rules and promtool tests", runs([*WRITER, definitions, out, "both"], root, out))
    sloth = find_sloth(os.environ)
    if sloth is None:
        pytest.skip(f"Sloth is not here, so nothing is compared; {HOW_TO_BUILD}")
    specs = scratch / "specs"
    specs.mkdir()
    for kpi in dictionary.kpis:
        (specs / f"{kpi.id}.yaml").write_text(SPEC.format(id=kpi.id, purpose=kpi.purpose, owner=kpi.owners.technical))
    theirs = runs([sloth, "generate", "--no-log", "-i", specs, "-o", out], scratch, out)
    written = [path.read_bytes() for path in out.rglob("*.yaml")]
    assert len(written) == size
    rules = sum(content.count(b"record: ") + content.count(b"alert: ") for content in written)
    peer = add(report, f"Sloth {sloth_version(sloth)}, {size:,} objectives, {rules // size} rules each", theirs)
    report.ratio(BENCH, f"Sloth's time over ours, {size:,}", peer.seconds, middle.seconds, of="whole processes, medians")
    report.ratio(BENCH, f"Sloth's CPU time over ours, {size:,}", peer.cpu, middle.cpu, of="whole processes, medians")


def add(report: Report, name: str, costs: Sequence[Cost], aim: str = "") -> Cost:
    """Report time, CPU time (what other work on the machine disturbs least) and memory of a process; returns the medians."""
    seconds = report.median(BENCH, name, [cost.seconds for cost in costs], "s", aim=aim)
    cpu = report.median(BENCH, f"{name}: CPU", [cost.cpu for cost in costs], "s")
    mebibytes = max(cost.mebibytes for cost in costs)
    report.add(BENCH, f"{name}: peak memory", mebibytes, "MiB", aim=aim)
    return Cost(seconds, cpu, mebibytes)


def test_rendering_alone(size: int, dictionaries: dict[int, Dictionary], report: Report) -> None:
    """Of a dictionary in memory, its hashes not computed yet: what `kpi render` adds to reading it."""

    def once() -> float:
        around = Surroundings(dictionaries[size])
        began = time.perf_counter()
        for kpi in around.dictionary.kpis:
            next(render_kpi(kpi, around))
        return time.perf_counter() - began

    once()
    report.median(BENCH, f"{size:,} KPIs, rules alone, dictionary in memory", [once() for _ in range(RUNS)], "s")


def test_promtool_checks_and_tests_what_changed(dictionaries: dict[int, Dictionary], report: Report, tmp_path: Path) -> None:
    tools = find_monitoring_tools(os.environ)
    if tools is None:
        pytest.skip("promtool is not here: `python -m local.monitoring_tools` fetches it")
    checked = 20

    def artifacts() -> Iterator[Any]:
        from alerts.prometheus import render_all

        around = Surroundings(dictionaries[min(COUNTS)])
        for kpi in around.dictionary.kpis[:checked]:
            yield from render_kpi(kpi, around)
        yield from render_all(around)

    for artifact in artifacts():
        path = tmp_path / artifact.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(artifact.content)
    seconds: list[float] = []
    for _ in range(RUNS):
        began = time.perf_counter()
        assert Checker(tools.promtool, tools.amtool).check(tmp_path / "prometheus") == ()
        seconds.append(time.perf_counter() - began)
    report.add(BENCH, "promtool check and test of one KPI's rules", median(seconds) / checked * 1000, "ms", of=f"{checked} KPIs at once")
