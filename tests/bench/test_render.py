"""The whole artifact set through `kpi render`, as a person runs it: first time, unchanged, after one edit; and its peak memory."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pytest

from kpis.generate import write_packs
from tests.bench.report import Report

pytestmark = pytest.mark.bench

BENCH = "render"
ROOT = Path(__file__).resolve().parents[2]
REPEATS = 3
# The command in a process of its own that reports the most memory it ever had.
_COMMAND = """
import sys
from cli.app import app
try:
    app(sys.argv[1:], standalone_mode=False)
finally:
    # Not getrusage: that also counts what the parent had when it started this process.
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(int(peak.split()[1]) / 1024, file=sys.stderr)
"""


@dataclass(frozen=True)
class Rendered:
    """One call of the command."""

    seconds: float
    mebibytes: float
    rendered: int
    files: int


def render(packs: Path, out: Path) -> Rendered:
    command = [sys.executable, "-c", _COMMAND, "render", str(packs), "--out", str(out), "--json"]
    began = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads(done.stdout)
    files = report["files"]
    count = len(files["new"]) + len(files["changed"]) + files["unchanged"]
    return Rendered(seconds, float(done.stderr.split()[-1]), report["kpis"]["rendered"], count)


def edit_one(packs: Path) -> None:
    path = packs / "generated" / "kpis-000.yaml"
    path.write_text(path.read_text().replace("number 3.", "number three.", 1))


@pytest.mark.parametrize("count", [1_000, 10_000])
def test_render_first_unchanged_and_after_one_edit(report: Report, tmp_path: Path, count: int) -> None:
    packs, out = tmp_path / "packs", tmp_path / "out"
    write_packs(packs, count)
    first = render(packs, out)
    assert first.rendered == count
    report.add(BENCH, f"first, {count:,} KPIs", first.seconds, "s", of=f"{first.files:,} files")
    report.add(BENCH, f"first, {count:,} KPIs, peak memory", first.mebibytes, "MiB")
    same = [render(packs, out) for _ in range(REPEATS)]
    assert {each.rendered for each in same} == {0}
    aim = "< 1 s" if count == 1_000 else ""
    report.median(BENCH, f"unchanged, {count:,} KPIs", [each.seconds for each in same], "s", aim=aim)
    edit_one(packs)
    edited = render(packs, out)
    assert 0 < edited.rendered < 10
    report.add(BENCH, f"one edit, {count:,} KPIs", edited.seconds, "s", of=f"{edited.rendered} KPIs rendered, packs parsed anew")
    report.ratio(BENCH, f"first over unchanged, {count:,} KPIs", first.seconds, median(each.seconds for each in same), of="speed-up")
