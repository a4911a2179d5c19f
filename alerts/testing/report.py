"""What came of the tests, for people and for machines."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from alerts.testing.runner import CaseResult, Check

_ILLEGAL = {code: "\N{REPLACEMENT CHARACTER}" for code in [*range(0x20), 0xFFFE, 0xFFFF, *range(0xD800, 0xE000)] if code not in (9, 10, 13)}
"""Characters XML 1.0 has no way to write."""


def text_report(results: Sequence[CaseResult]) -> Iterator[str]:
    """One line a file, then each failure, then the sum."""
    for name, group in groupby(results, key=lambda result: result.case.file.name):
        yield f"{name} {''.join('.' if result.passed else 'F' for result in group)}"
    for result in results:
        if not result.passed:
            yield from ("", f"{place(result)}: {result.case.spec.name} [{result.case.deployed.where.stack}]")
            for check in result.failures:
                yield from _failure(check)
    failed = sum(not result.passed for result in results)
    checks = sum(len(result.checks) for result in results)
    yield from ("", f"{len(results) - failed} passed, {failed} failed, {checks} checks")


def place(result: CaseResult) -> str:
    """Where a test is written."""
    return f"{result.case.file.name}:{result.case.line}"


def _failure(check: Check) -> Iterator[str]:
    yield f"  {check.alarm} (line {check.line})"
    yield f"    expected: {check.expected}"
    yield f"    got:      {check.got}"
    for index, line in enumerate(check.why.splitlines()):
        yield f"    {'because: ' if not index else '         '} {line}"


def json_report(results: Sequence[CaseResult]) -> dict[str, Any]:
    """The results as one document."""
    return {
        "ok": all(result.passed for result in results),
        "tests": len(results),
        "failed": sum(not result.passed for result in results),
        "checks": sum(len(result.checks) for result in results),
        "results": [_case(result) for result in results],
    }


def _case(result: CaseResult) -> dict[str, Any]:
    return {
        "file": result.case.file.name,
        "line": result.case.line,
        "stack": result.case.deployed.where.stack,
        "name": result.case.spec.name,
        "passed": result.passed,
        "checks": [
            {
                "line": check.line,
                "alarm": check.alarm,
                "expected": check.expected,
                "got": check.got,
                "why": check.why,
                "passed": check.passed,
            }
            for check in result.checks
        ],
    }


def junit_report(results: Sequence[CaseResult]) -> bytes:
    """The results as JUnit XML, which CI systems read: one suite a file and stack."""
    failed = sum(not result.passed for result in results)
    root = ET.Element("testsuites", name="alarm tests", tests=str(len(results)), failures=str(failed))
    for (file, stack), group in groupby(results, key=lambda result: (result.case.file.name, result.case.deployed.where.stack)):
        inside = list(group)
        broken = sum(not result.passed for result in inside)
        suite = ET.SubElement(root, "testsuite", name=_legal(f"{file} [{stack}]"), tests=str(len(inside)), failures=str(broken))
        for result in inside:
            where = {"classname": f"{file} [{stack}]", "name": result.case.spec.name, "file": file, "line": str(result.case.line)}
            case = ET.SubElement(suite, "testcase", {name: _legal(value) for name, value in where.items()})
            if not result.passed:
                first = result.failures[0]
                told = f"{first.alarm}: expected {first.expected}, got {first.got}"
                failure = ET.SubElement(case, "failure", message=_legal(told))
                failure.text = _legal("\n".join(line for check in result.failures for line in _failure(check)))
    ET.indent(root)
    return ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def _legal(text: str) -> str:
    return text.translate(_ILLEGAL)
