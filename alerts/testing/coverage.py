"""Which deployed alarms no test makes fire, keeps quiet, or sees without data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from alerts.testing.runner import CaseResult, Shown
from alerts.testing.stacks import Deployed

ORDER = (Shown.FIRES, Shown.QUIET, Shown.NO_DATA)


@dataclass(frozen=True)
class Covered:
    """What the tests show of one alarm of one stack."""

    stack: str
    alarm: str
    shown: frozenset[Shown]

    @property
    def missing(self) -> tuple[Shown, ...]:
        """What no passed check shows."""
        return tuple(each for each in ORDER if each not in self.shown)


def coverage(results: Iterable[CaseResult], deployed: Sequence[Deployed]) -> list[Covered]:
    """What passed checks show of every alarm of these stacks, by stack and in the order of its alarms.

    A check shows that an alarm fires when it is in ALARM, that it stays quiet when it is not although it has data, and how it is without
    data when no series it reads has a point in what it judges.
    """
    shown: dict[tuple[str, str], set[Shown]] = {}
    for result in results:
        for check in result.checks:
            if check.passed:
                shown.setdefault((result.case.deployed.where.stack, check.alarm), set()).update(check.shows)
    return [
        Covered(each.where.stack, key, frozenset(shown.get((each.where.stack, key), set()))) for each in deployed for key in each.by_key
    ]


def gaps(covered: Iterable[Covered]) -> list[Covered]:
    """The alarms of which something is not shown."""
    return [each for each in covered if each.missing]


def totals(covered: Sequence[Covered]) -> Mapping[Shown, int]:
    """How many alarms each of the three is shown of."""
    return {each: sum(each in alarm.shown for alarm in covered) for each in ORDER}
