"""promtool and amtool on a folder of artifacts: syntax of the rules, their unit tests, the Alertmanager configuration. Problems by file."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

BATCH = 250
"""Files of one invocation: enough that starting promtool costs nothing, few enough for an argument list and to show progress."""
_CHECKING = ("Checking ", "Unit Testing:  ")
_LINE = 400
"""Longer lines are cut: promtool prints all labels and annotations of all alerts where one differs."""


@dataclass(frozen=True, order=True)
class Problem:
    """What a tool says against one file; `file` is relative to the folder that was checked."""

    file: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"


@dataclass(frozen=True)
class Checker:
    """Runs the tools. `progress` is told after each invocation how many files it was for.

    Attributes:
        promtool: the executable.
        amtool: the executable.
        jobs: invocations at a time.
    """

    promtool: Path
    amtool: Path
    jobs: int = os.cpu_count() or 1

    def check(
        self, folder: Path, kpi_ids: Collection[str] | None = None, progress: Callable[[int], None] = lambda _: None
    ) -> tuple[Problem, ...]:
        """Check `folder`, which holds `rules/`, `tests/`, `fleet/` and `alertmanager.yaml` as rendered.

        Args:
            folder: the artifact set's `prometheus` folder.
            kpi_ids: the KPIs whose files are checked, such as those that changed. Default: all. What is not of one KPI is always checked.
            progress: called from any thread with the number of files done.

        Raises:
            FileNotFoundError: when a KPI asked for has no rule or test file.
        """
        commands = [
            *self._commands("check", _files(folder, "rules", kpi_ids) + _files(folder, "fleet", ("rules",))),
            *self._commands("test", _files(folder, "tests", kpi_ids) + _files(folder, "fleet", ("tests",))),
            [str(self.amtool), "check-config", "alertmanager.yaml"],
        ]

        def run(command: Sequence[str]) -> list[Problem]:
            found = list(_run(command, folder))
            progress(sum(part.endswith(".yaml") for part in command))
            return found

        with ThreadPoolExecutor(self.jobs) as pool:
            return tuple(sorted(problem for found in pool.map(run, commands) for problem in found))

    def _commands(self, verb: str, files: Sequence[str]) -> Iterator[list[str]]:
        size = max(1, min(BATCH, -(-len(files) // self.jobs)))
        for start in range(0, len(files), size):
            yield [str(self.promtool), verb, "rules", *files[start : start + size]]


def _files(folder: Path, kind: str, stems: Collection[str] | None) -> list[str]:
    if stems is None:
        return sorted(path.relative_to(folder).as_posix() for path in (folder / kind).glob("*.yaml"))
    found = [f"{kind}/{stem}.yaml" for stem in sorted(stems)]
    for name in found:
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder / name} does not exist; expected the rendered artifact set; run `kpi render` first")
    return found


def _run(command: Sequence[str], folder: Path) -> Iterator[Problem]:
    # One stream: the file's name goes to one of the tool's outputs and what is wrong with it to the other.
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    if done.returncode == 0:
        return
    found = list(_sections(done.stdout, default=command[-1]))
    yield from found
    if not found:
        yield Problem(command[-1], f"`{Path(command[0]).name} {' '.join(command[1:3])}` ended with code {done.returncode}: {done.stdout}")


def _sections(output: str, default: str) -> Iterator[Problem]:
    file, lines = default, list[str]()
    for line in [*output.splitlines(), _CHECKING[0]]:
        start = next((mark for mark in _CHECKING if line.startswith(mark)), None)
        if start is None:
            lines.append(line)
            continue
        text = "\n".join(_cut(each) for each in lines if each.strip())
        if "FAILED" in text:
            yield Problem(file, text.replace("FAILED:", "", 1).strip())
        file, lines = line.removeprefix(start).strip().strip("'"), []
        if "' " in file:
            # amtool says the verdict on the same line.
            file, _, verdict = file.partition("' ")
            lines = [verdict]


def _cut(line: str) -> str:
    return line if len(line) <= _LINE else f"{line[:_LINE]}…"
