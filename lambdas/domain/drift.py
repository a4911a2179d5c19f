"""Drift: where the world is not what the catalog says, how bad that is (D1), and the report of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Part(StrEnum):
    """What drifted."""

    SCHEDULE = "schedule"
    MUTE_RULE = "mute_rule"
    INDEX = "index"
    DASHBOARD = "dashboard"


class Difference(StrEnum):
    """In which way."""

    MISSING = "missing"
    EXTRA = "extra"
    DIFFERENT = "different"


class Grade(StrEnum):
    """How bad it is (D1), worst first.

    critical: a KPI of high criticality does not run, or not when it should. high: the same of any other KPI, or an alarm is silent
    that should not be. medium: people are told of what is paused, something runs that should not, or search or a dashboard shows what is
    not so. low: only texts differ, or a dashboard is there for nobody.
    """

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True)
class Finding:
    """One difference. `name` is the schedule, the mute rule, the dashboard or the definition row."""

    part: Part
    name: str
    difference: Difference
    grade: Grade
    detail: str

    def as_json(self) -> dict[str, Any]:
        return {
            "part": self.part.value,
            "name": self.name,
            "difference": self.difference.value,
            "grade": self.grade.value,
            "detail": self.detail,
        }


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Findings by grade, then by part and name."""
    grades = list(Grade)
    return sorted(findings, key=lambda each: (grades.index(each.grade), each.part, each.name))


def by_grade(findings: Iterable[Finding]) -> dict[str, int]:
    """How many of each grade; grades without any are there with 0."""
    counted = Counter(each.grade for each in findings)
    return {grade.value: counted[grade] for grade in Grade}


LISTED = 200
"""Findings that a report lists; it counts all of them. An answer of a Lambda has at most 6 MB."""


def report(findings: Sequence[Finding]) -> dict[str, Any]:
    """A tenant's drift as JSON: `found`, `grades` and the worst `findings`."""
    return {
        "found": len(findings),
        "grades": by_grade(findings),
        "findings": [each.as_json() for each in worst_first(findings)[:LISTED]],
    }
