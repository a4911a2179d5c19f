"""`kpi test-alarms`: unit tests of CloudWatch alarms, judged by the simulator."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from alerts.testing import report
from alerts.testing.cases import make_cases
from alerts.testing.coverage import ORDER, Covered, coverage, gaps, totals
from alerts.testing.loader import OWN_TESTS, AlarmTestsError, read_tests
from alerts.testing.runner import CaseResult, run_cases
from alerts.testing.scaffold import scaffold
from alerts.testing.stacks import Deployed, Stacks, UnknownStackError
from alerts.validate import AlarmError
from cli.errors import ExitCode, KpiError
from kpis.diagnostics import DictionaryError


def command(
    paths: Annotated[list[Path] | None, typer.Argument(help="Test files or folders of them. Default: alerts/tests.")] = None,
    *,
    words: Annotated[str | None, typer.Option("--filter", "-k", help="Only tests whose name, file or alarms contain this text.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Also write the results to this file as JUnit XML.")] = None,
    with_coverage: Annotated[
        bool, typer.Option("--coverage", help="Also show which alarms no test makes fire, keeps quiet or sees without data.")
    ] = False,
    stack: Annotated[
        list[str] | None, typer.Option(help="For --coverage and --scaffold: only this stack; may be repeated. Default: all.")
    ] = None,
    as_scaffold: Annotated[
        bool, typer.Option("--scaffold", help="Instead of a report print tests, as YAML, for what --coverage finds missing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Test CloudWatch alarms on made-up data: do they fire when they should, and only then?

    A test gives series of metrics and says which alarms are in which state at which minute, whom they tell and which never fire.
    docs/alarm-tests.md shows how to write one. Exit code 1 when a test fails, cannot be read, or when --coverage finds a gap.
    """
    for path in paths or ():
        if not path.exists():
            raise KpiError(str(path), "does not exist", "a test file or a folder of them", code=ExitCode.USAGE)
    began = time.perf_counter()
    stacks = Stacks()
    try:
        results = list(run_cases(make_cases(read_tests(paths or [OWN_TESTS]), stacks, words)))
    except AlarmTestsError as error:
        _refuse(error, as_json=as_json)
        raise typer.Exit(ExitCode.FAILED) from error
    except (AlarmError, DictionaryError) as error:
        raise KpiError("alarms", f"they cannot be rendered: {error}", next="run `kpi check`", code=ExitCode.FAILED) from error
    covered = coverage(results, _deployed(stacks, stack)) if with_coverage or as_scaffold else []
    if as_scaffold:
        print(scaffold(gaps(covered), stacks), end="")
        return
    if junit is not None:
        junit.write_bytes(report.junit_report(results))
    if as_json:
        print(json.dumps(report.json_report(results) | ({"coverage": _coverage_json(covered)} if with_coverage else {}), indent=2))
    else:
        _show(results, covered, time.perf_counter() - began)
    if gaps(covered) or not all(result.passed for result in results):
        raise typer.Exit(ExitCode.FAILED)


def _deployed(stacks: Stacks, chosen: Sequence[str] | None) -> list[Deployed]:
    try:
        return [stacks.deployed(stacks.where(name)) for name in chosen or stacks.names()]
    except UnknownStackError as error:
        raise KpiError("--stack", str(error), code=ExitCode.USAGE) from error


def _refuse(error: AlarmTestsError, *, as_json: bool) -> None:
    problems = error.diagnostics
    if as_json:
        found = [{"file": each.file, "line": each.line, "code": each.code, "message": each.message} for each in problems]
        print(json.dumps({"ok": False, "problems": found}, indent=2))
        return
    for problem in problems:
        print(problem)
    print(f"{len(problems)} problem{'' if len(problems) == 1 else 's'}; nothing was run")


def _show(results: Sequence[CaseResult], covered: Sequence[Covered], seconds: float) -> None:
    lines = list(report.text_report(results))
    for line in lines[:-1]:
        print(line)
    print(f"{lines[-1]} in {seconds:.1f} s")
    if not covered:
        return
    shown = totals(covered)
    print(f"\ncoverage of {len(covered)} alarms: {', '.join(f'{shown[each]} {each}' for each in ORDER)}")
    for gap in gaps(covered):
        print(f"  {gap.stack} {gap.alarm}: no test shows that it {_missing(gap)}")


def _missing(gap: Covered) -> str:
    words = {"fires": "fires", "stays quiet": "stays quiet", "without data": "copes without data"}
    return ", ".join(words[each] for each in gap.missing)


def _coverage_json(covered: Sequence[Covered]) -> list[dict[str, Any]]:
    return [
        {
            "stack": each.stack,
            "alarm": each.alarm,
            "shown": [str(what) for what in ORDER if what in each.shown],
            "missing": list(each.missing),
        }
        for each in covered
    ]
