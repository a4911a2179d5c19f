"""The planned deployment as `kpi limits` and `kpi cost` read it: the stacks' configs and the dictionary, nothing deployed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi

from cli.errors import ExitCode, KpiError
from cli.packs import invalid
from infra import plan
from infra.plan import Configured
from infra.stack import StackKind
from kpis.bundle import build_bundle, read_bundle
from kpis.checks import REPOSITORY
from kpis.diagnostics import DictionaryError
from kpis.schema import Dictionary
from plans.model import Plan

ALL = "all"
CACHE = ".local/cache"


@dataclass(frozen=True)
class Planned:
    """What is planned; `plan` has the renderings of every stack."""

    dictionary: Dictionary
    plan: Plan
    stacks: tuple[Configured, ...]


def read_plan(stack: str | None, packs: Path | None = None, root: Path = REPOSITORY) -> Planned:
    """The plan of one stack with its deployment, or of every committed stack.

    Raises:
        KpiError: for an unknown stack, a config or a dictionary that is not valid.
    """
    try:
        stacks = choose(plan.committed_stacks(root), stack)
    except pulumi.RunError as error:
        raise KpiError("stacks", str(error), next="correct the config file", code=ExitCode.USAGE) from error
    folder = packs or root / stacks[0].config.packs
    if not folder.is_dir():
        raise KpiError(str(folder), "does not exist", "a folder of dictionary packs", code=ExitCode.USAGE)
    try:
        bundle = build_bundle(folder, root / CACHE)
    except DictionaryError as error:
        raise invalid(error, str(folder)) from error
    try:
        planned = plan.build(stacks, bundle, root)
    except pulumi.RunError as error:
        next_step = "correct the dictionary, the mute windows or the templates"
        raise KpiError("rendering", str(error), next=next_step, code=ExitCode.FAILED) from error
    return Planned(read_bundle(bundle.path.read_bytes()), planned, stacks)


def choose(stacks: Sequence[Configured], name: str | None) -> tuple[Configured, ...]:
    """A tenant's stack with its platform, a platform with its tenants, or all of them.

    Raises:
        KpiError: for a name no config file has.
    """
    if name in (None, ALL):
        if stacks:
            return tuple(stacks)
        raise KpiError("stacks", "there is no config of a platform or tenant", "files such as stacks/Pulumi.platform.prod.yaml")
    found = next((each for each in stacks if each.info.name == name), None)
    if found is None:
        known = ", ".join(each.info.name for each in stacks) or "none"
        raise KpiError(f"--stack {name}", "has no config below stacks/", f"one of: {known}", code=ExitCode.USAGE)
    if found.info.kind is StackKind.PLATFORM:
        return tuple(each for each in stacks if each.plan.deployment == found.plan.deployment)
    platform = [each for each in stacks if each.info.kind is StackKind.PLATFORM and each.plan.deployment == found.plan.deployment]
    return (*platform, found)
