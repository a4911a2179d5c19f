"""What a bench session measured: figures in the order they came, printed as a table and kept in `.local/bench/report.json`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from rich.console import Console
from rich.table import Table

WIDE = 150


@dataclass(frozen=True)
class Figure:
    """One number. `aim` is printed beside it and never gates; `of` says what it was taken of."""

    bench: str
    name: str
    value: float | None
    unit: str
    aim: str = ""
    of: str = ""
    load: float = 0.0


@dataclass
class Report:
    """Collects figures; `load` of each is the machine's load average when it was taken, since other work makes every number worse."""

    path: Path
    figures: list[Figure] = field(default_factory=list["Figure"])

    def add(self, bench: str, name: str, value: float | None, unit: str, *, aim: str = "", of: str = "") -> None:
        rounded = None if value is None else round(value, 3)
        self.figures.append(Figure(bench, name, rounded, unit, aim, of, round(os.getloadavg()[0], 1)))

    def median(self, bench: str, name: str, values: Sequence[float], unit: str, *, aim: str = "") -> float:
        """Add the median of measurements, with their spread; returns it."""
        middle = median(values)
        self.add(bench, name, middle, unit, aim=aim, of=spread(values))
        return middle

    def ratio(self, bench: str, name: str, value: float, base: float, *, of: str) -> None:
        self.add(bench, name, value / base, "x", of=of)

    def save(self) -> None:
        """Write the figures; those of benches that did not run this time stay from before."""
        ran = {figure.bench for figure in self.figures}
        kept = [each for each in self._before() if each["bench"] not in ran]
        now = datetime.now(UTC).isoformat(timespec="seconds")
        new = [{"measured_at": now, **asdict(figure)} for figure in self.figures]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps({"cpus": os.cpu_count(), "figures": [*kept, *new]}, indent=2) + "\n")

    def _before(self) -> list[dict[str, Any]]:
        try:
            figures: list[dict[str, Any]] = json.loads(self.path.read_text())["figures"]
        except (OSError, ValueError, KeyError, TypeError):
            return []
        return figures

    def show(self) -> None:
        table = Table("bench", "what", "value", "aim", "of", "load", title=f"Benchmarks ({os.cpu_count()} CPUs)")
        for figure in self.figures:
            table.add_row(figure.bench, figure.name, shown(figure), figure.aim, figure.of, f"{figure.load:.1f}")
        console = Console(width=None if sys.stdout.isatty() else WIDE)
        console.print()
        console.print(table)


def shown(figure: Figure) -> str:
    if figure.value is None:
        return "not recorded"
    digits = 0 if abs(figure.value) >= 1000 else 1 if abs(figure.value) >= 10 else 2
    return f"{figure.value:,.{digits}f} {figure.unit}"


def spread(values: Sequence[float]) -> str:
    """How many measurements there were and how far apart: up to their 95th percentile where there are enough for one."""
    if len(values) < 20:
        return f"median of {len(values)}, {min(values):.1f} to {max(values):.1f}"
    return f"median of {len(values)}, p95 {quantiles(values, n=20)[-1]:.1f}"
