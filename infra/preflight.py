"""Stops `pulumi preview` and `pulumi up` before the first resource when AWS would refuse the plan."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import pulumi

from alerts.specs import AlarmSet, MuteRule
from dashboards.model import Dashboard
from infra import plan
from infra.config import PlatformConfig, TenantConfig
from infra.read_config import ConfigError
from infra.stack import StackInfo
from kpis.bundle import Bundle
from plans.limits import check, message
from plans.model import Rendering

CACHE = ".local/cache"
_CODE = ("plans", "dashboards", "alerts", "infra")


class LimitError(pulumi.RunError):
    """The plan exceeds quotas of AWS; the message names each and what to do."""


class Rendered(Protocol):
    """What a stack's program rendered (`rendering.PlatformRendering`, `rendering.TenantRendering`)."""

    @property
    def bundle(self) -> Bundle: ...
    @property
    def dashboards(self) -> Sequence[Dashboard]: ...
    @property
    def alarms(self) -> AlarmSet: ...
    @property
    def mutes(self) -> Sequence[MuteRule]: ...


def check_limits(info: StackInfo, config: PlatformConfig | TenantConfig, region: str, rendered: Rendered, root: Path) -> None:
    """Check a stack and every other stack of its account; limits that only make work late are warnings.

    A plan that passed is remembered by what went into it, so an unchanged one is not measured again.

    Raises:
        LimitError: with one line a limit.
    """
    own = plan.configured(info, config, region)
    stacks = plan.with_neighbours(own, plan.committed_stacks(root, skipped=_not_counted))
    passed = root / CACHE / f"limits-{_digest(stacks, rendered.bundle)}.json"
    warnings = _remembered(passed)
    if warnings is None:
        warnings = _measure(own, stacks, rendered, root)
        passed.parent.mkdir(parents=True, exist_ok=True)
        passed.write_text(json.dumps(warnings))
    for warning in warnings:
        pulumi.log.warn(f"AWS would slow this down: {warning}")


def _measure(own: plan.Configured, stacks: Sequence[plan.Configured], rendered: Rendered, root: Path) -> list[str]:
    """What would only make work late.

    Raises:
        LimitError: for what AWS would refuse.
    """
    mine = Rendering(rendered.dashboards, rendered.alarms, {rule.name: rule.alarms for rule in rendered.mutes})
    report = check(plan.build(stacks, rendered.bundle, root, {own.info.name: mine}))
    if report.blocking:
        raise LimitError(f"stack {own.info.name}: {message(report.blocking)}")
    return [str(finding) for finding in report.over]


def _remembered(passed: Path) -> list[str] | None:
    """The warnings of a plan that passed before; None when it did not, or the note is damaged."""
    try:
        return [str(warning) for warning in json.loads(passed.read_bytes())]
    except (OSError, ValueError, TypeError):
        return None


def _not_counted(error: ConfigError) -> None:
    """The own config was read before, so this is another stack's; it must not keep this one from being deployed."""
    pulumi.log.warn(f"a stack is not counted against AWS's limits: {error}")


def _digest(stacks: Sequence[plan.Configured], bundle: Bundle) -> str:
    """Of everything a report depends on: the stacks, the dictionary and the code that renders and measures."""
    digest = hashlib.sha256(bundle.sha256.encode())
    for stack in stacks:
        digest.update(f"{stack.info.name}\0{stack.plan.region}\0{stack.config.model_dump_json()}\0".encode())
    root = Path(__file__).resolve().parent.parent
    for folder in _CODE:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".py", ".j2"):
                digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:24]
