"""A process that reads definitions one by one and writes their Prometheus rules, so that a bench can take its time and its memory.

Usage: python -m tests.bench.rule_writer DEFINITIONS.jsonl FOLDER rules|both
"""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path

from alerts.prometheus import render_kpi
from kpis.artifact import Surroundings
from kpis.schema import Dictionary, Kpi


def main(definitions: Path, folder: Path, what: str) -> int:
    """Write the files; returns how many."""
    for kind in ("rules", "tests"):
        (folder / "prometheus" / kind).mkdir(parents=True, exist_ok=True)
    count = 0
    with definitions.open("rb") as lines:
        for line in lines:
            kpi = Kpi.model_validate_json(line)
            around = Surroundings(Dictionary(packs=(), sources=(), signals=(), kpis=(kpi,)))
            for artifact in islice(render_kpi(kpi, around), 1 if what == "rules" else None):
                (folder / artifact.path).write_bytes(artifact.content)
                count += 1
    return count


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
