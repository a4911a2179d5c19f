"""A dictionary of 30, 1,000 or 10,000 KPIs: the same resources, and how long a preview without changes takes."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import yaml

from cli import stack as stacks
from kpis.generate import write_packs
from local.settings import LocalSettings
from tests.bench.report import Report
from tests.local.conftest import Stack

pytestmark = pytest.mark.bench

BENCH = "preview"
NAME = "platform.bench"
SIZES = (30, 1_000, 10_000)
REPEATS = 3
PULUMI_SECONDS = 600


class Bench:
    """A platform of its own beside the demo's: another stack, another prefix, on the same emulator and backend."""

    def __init__(self, settings: LocalSettings) -> None:
        self.settings = settings
        self.folder = settings.local_dir / "bench"
        self.config = self.folder / f"Pulumi.{NAME}.yaml"
        self.committed = settings.root / "stacks" / f"Pulumi.{NAME}.yaml"

    def pulumi(self, *arguments: str, expected: tuple[int, ...] = (0,)) -> tuple[float, str]:
        """Seconds and output of the literal command."""
        command = ["pulumi", *arguments, "-s", NAME, "--non-interactive", "--color", "never"]
        began = time.perf_counter()
        done = subprocess.run(
            command,
            cwd=self.settings.root,
            env=self.settings.process_env(),
            capture_output=True,
            text=True,
            check=False,
            timeout=PULUMI_SECONDS,
        )
        seconds = time.perf_counter() - began
        assert done.returncode in expected, f"{' '.join(command)}:\n{(done.stdout + done.stderr)[-4000:]}"
        return seconds, done.stdout

    def start(self) -> None:
        self.remove()  # what an interrupted bench left
        self.folder.mkdir(parents=True, exist_ok=True)
        self.pulumi("stack", "init", "--no-select")
        self.use(SIZES[0])

    def use(self, size: int) -> None:
        """Take a dictionary of so many KPIs; the rest of the config is the demo platform's."""
        packs = self.folder / f"packs-{size}"
        shutil.rmtree(packs, ignore_errors=True)
        write_packs(packs, size)
        document: dict[str, Any] = yaml.safe_load((self.settings.root / "stacks" / "Pulumi.platform.local.yaml").read_text())
        config: dict[str, Any] = document["config"]
        config["kpi-observatory:packs"] = packs.relative_to(self.settings.root).as_posix()
        config["kpi-observatory:api"] = {**config.get("kpi-observatory:api", {}), "customId": "kpi-bench"}
        self.config.write_text(yaml.safe_dump(document))

    def resources(self) -> list[str]:
        """The URNs of everything the stack's state holds."""
        _, text = self.pulumi("stack", "export")
        return sorted(each["urn"] for each in json.loads(text)["deployment"]["resources"])

    def remove(self) -> None:
        """Destroy the stack and every trace of it."""
        if stacks.exists(self.settings, NAME):
            if self.config.exists():
                self.pulumi("state", "unprotect", "--all", "--yes", expected=(0, 255))
                self.pulumi("destroy", "--yes", "--skip-preview", "--config-file", str(self.config))
            self.pulumi("stack", "rm", "--yes", "--remove-backups")
        self.committed.unlink(missing_ok=True)
        self.config.unlink(missing_ok=True)
        for packs in self.folder.glob("packs-*"):
            shutil.rmtree(packs)


@pytest.fixture
def bench(stack: Stack) -> Iterator[Bench]:
    made = Bench(stack.settings)
    made.start()
    yield made
    made.remove()


def test_the_number_of_kpis_changes_neither_the_resources_nor_much_of_the_preview(bench: Bench, report: Report) -> None:
    with_config = ("--config-file", str(bench.config))
    medians: dict[int, float] = {}
    resources: dict[int, list[str]] = {}
    for size in SIZES:
        bench.use(size)
        up_seconds, _ = bench.pulumi("up", "--yes", "--skip-preview", *with_config)
        seconds = [bench.pulumi("preview", "--expect-no-changes", *with_config)[0] for _ in range(REPEATS)]
        medians[size] = median(seconds)
        resources[size] = bench.resources()
        report.add(BENCH, f"{size:,} KPIs: resources", len(resources[size]), "", aim="the same, <= 250")
        report.add(BENCH, f"{size:,} KPIs: up", up_seconds, "s", of="from nothing" if size == SIZES[0] else "the dictionary changed")
        report.median(BENCH, f"{size:,} KPIs: preview, no change", seconds, "s", aim="seconds")
        report.ratio(BENCH, f"{size:,} KPIs: preview against {SIZES[0]}", medians[size], medians[SIZES[0]], of="medians")
    assert resources[SIZES[1]] == resources[SIZES[0]]
    assert resources[SIZES[2]] == resources[SIZES[0]]
    destroyed = time.perf_counter()
    bench.remove()
    report.add(BENCH, "destroy and stack rm", time.perf_counter() - destroyed, "s")


def test_the_bench_platform_shares_no_name_with_the_demo(tmp_path: Path) -> None:
    made = Bench(LocalSettings(tmp_path))
    (tmp_path / "stacks").mkdir()
    made.folder.mkdir(parents=True)
    (tmp_path / "stacks" / "Pulumi.platform.local.yaml").write_text("config:\n  kpi-observatory:api:\n    customId: kpi-local\n")
    made.use(SIZES[0])
    written = yaml.safe_load(made.config.read_text())["config"]
    assert written == {"kpi-observatory:api": {"customId": "kpi-bench"}, "kpi-observatory:packs": ".local/bench/packs-30"}
