"""What a change of the dictionary does to the committed stacks: their alarms, what they cost, and what they take of AWS's quotas."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pulumi

from artifacts.alarm_changes import AlarmChange, alarm_changes
from artifacts.diff import CostChange, LimitChange
from cli.errors import ExitCode, KpiError
from infra import plan
from kpis.bundle import store_bundle
from kpis.schema import Dictionary
from plans.cost import Bill, monthly
from plans.limits import Finding, Level, check
from plans.model import Plan

_CENT = 0.005


@dataclass(frozen=True)
class StackChanges:
    """Differences between two dictionaries in the same stacks."""

    alarms: tuple[AlarmChange, ...]
    costs: tuple[CostChange, ...]
    limits: tuple[LimitChange, ...]


def stack_changes(before: Dictionary, after: Dictionary, root: Path) -> StackChanges:
    """Plan every committed stack with both dictionaries and compare.

    Raises:
        KpiError: when a stack's config is not valid, or an alarm or dashboard of the present dictionary is not.
    """
    try:
        stacks = plan.committed_stacks(root)
        with tempfile.TemporaryDirectory(prefix="kpi-diff-") as scratch:
            old, new = (plan.build(stacks, store_bundle(side, Path(scratch)), root) for side in (before, after))
    except pulumi.RunError as error:
        raise KpiError("stacks", str(error), next="correct the config, the dictionary or the templates", code=ExitCode.FAILED) from error
    bills = (monthly(side, planned.stacks, renderings=planned.renderings) for side, planned in ((before, old), (after, new)))
    return StackChanges(
        alarms=tuple(
            change
            for stack in new.stacks
            for change in alarm_changes(stack.name, old.renderings[stack.name].alarms, new.renderings[stack.name].alarms)
        ),
        costs=tuple(_costs(*bills)),
        limits=tuple(_limits(old, new)),
    )


def _costs(before: Bill, after: Bill) -> Iterator[CostChange]:
    for stack in sorted(before.by_stack().keys() | after.by_stack().keys()):
        old, new = before.of_stack(stack), after.of_stack(stack)
        was, now = old.by_service(), new.by_service()
        services = {name: float(now.get(name, 0)) - float(was.get(name, 0)) for name in sorted(was.keys() | now.keys())}
        changed = {name: amount for name, amount in services.items() if abs(amount) >= _CENT}
        if changed:
            yield CostChange(stack, float(old.total), float(new.total), changed)


def _limits(before: Plan, after: Plan) -> Iterator[LimitChange]:
    """Quotas near or over now that take more than before."""
    known = {_place(finding): finding.used for finding in check(before).findings}
    for finding in check(after).findings:
        used = known.get(_place(finding), 0.0)
        if finding.level is not Level.OK and finding.used > used:
            yield LimitChange(finding.quota.what, finding.subject, used, finding.used, float(finding.quota.value), finding.level.value)


def _place(finding: Finding) -> tuple[str, str, str]:
    return finding.quota.key, finding.subject, finding.place
