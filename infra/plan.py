"""The deployment as a plan: what limits and cost are computed from, read from the typed configs of its stacks.

A stack is never alone: quotas count over every stack of an account, so the plan of one holds its whole deployment.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import yaml

from infra import read_config, rendering
from infra.components.base import Context
from infra.components.engine import render_definition
from infra.config import PlatformConfig, TenantConfig
from infra.function_policies import POLICIES, PolicyContext
from infra.iam import Allow
from infra.names import TOPICS, Names
from infra.stack import StackInfo, StackKind, StackNameError
from kpis.bundle import Bundle, read_bundle
from kpis.common import Lane
from plans.model import Measure, NetworkPlan, Plan, Rendering, ResultStore, StackPlan, loads_of
from plans.model import StackKind as PlanKind
from plans.transitions import states_of_a_run

CONFIGS = "stacks"
_PREFIX, _SUFFIX = "Pulumi.", ".yaml"
_KEY = "00000000-0000-0000-0000-000000000000"
REDSHIFT_ZONES = 3
# The same loader in C is ten times faster; it is not in every build of the library.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Configured:
    """A stack with its typed config, and what both mean for quotas and prices."""

    info: StackInfo
    config: PlatformConfig | TenantConfig
    plan: StackPlan

    @property
    def names(self) -> Names:
        """The names of the deployment the stack belongs to."""
        return Names(self.plan.deployment, self.plan.account_id, self.plan.region)


def configured(info: StackInfo, config: PlatformConfig | TenantConfig, region: str) -> Configured:
    """A stack as its program has read it."""
    return Configured(info, config, stack_plan(info, config, region))


def stack_plan(info: StackInfo, config: PlatformConfig | TenantConfig, region: str) -> StackPlan:
    """What a stack's config means for quotas and prices."""
    common = StackPlan(
        name=info.name,
        kind=PlanKind.TENANT if isinstance(config, TenantConfig) else PlanKind.PLATFORM,
        deployment=info.environment,
        account_id=config.account_id,
        region=region,
        log_retention_days=config.log_retention_days,
        # Each budget tells its addresses and one topic.
        budget_subscribers=0 if config.monthly_budget_usd is None else len(config.budget_emails) + 1,
        tags={**config.tags, **info.tags},
    )
    if isinstance(config, PlatformConfig):
        return _platform(common, config)
    return replace(
        common,
        deployment=StackInfo.parse(config.platform).environment,
        tenant=info.subject,
        environment=info.environment,
        log_table_retention_months=config.log_table_retention_months,
        alert_subscriptions=len(config.alert_routes),
        more_dashboards=config.every_dashboard,
    )


def _platform(common: StackPlan, config: PlatformConfig) -> StackPlan:
    store = ResultStore(config.result_store.value)
    zones = REDSHIFT_ZONES if store is ResultStore.REDSHIFT else NetworkPlan().zones
    emails = sum(len(config.alerts.of(topic)) for topic in TOPICS)
    machine = state_machine(Names(common.deployment, common.account_id, common.region))
    return replace(
        common,
        network=NetworkPlan(config.network.interface_endpoints, config.network.nat, zones),
        result_store=store,
        backup_retention_days=config.backup_retention_days,
        heavy_cpu=config.heavy.cpu,
        heavy_memory_mib=config.heavy.memory,
        alert_emails=emails,
        # Every topic also feeds the queue of the alert pipeline.
        alert_subscriptions=emails + len(TOPICS),
        more_dashboards=config.pack_dashboards,
        light_states=states_of_a_run(machine, Lane.LIGHT),
        heavy_states=states_of_a_run(machine, Lane.HEAVY),
    )


def committed_stacks(root: Path, *, skipped: Callable[[read_config.ConfigError], None] | None = None) -> tuple[Configured, ...]:
    """Every platform and tenant stack that has a config file, by name; a root without configs has none.

    Raises:
        read_config.ConfigError: when a config is not usable and nobody wants to be told of the `skipped`.
    """
    found: list[Configured] = []
    for path in sorted((root / CONFIGS).glob(f"{_PREFIX}*{_SUFFIX}")):
        try:
            stack = _committed(path)
        except read_config.ConfigError as error:
            if skipped is None:
                raise
            skipped(error)
            continue
        found += [stack] if stack is not None else []
    return tuple(found)


def _committed(path: Path) -> Configured | None:
    """The stack of a config file; None for a cluster, which takes nothing that is counted here."""
    try:
        info = StackInfo.parse(path.name.removeprefix(_PREFIX).removesuffix(_SUFFIX))
    except StackNameError as error:
        raise read_config.ConfigError(f"{CONFIGS}/{path.name}: {error}") from error
    if info.kind is StackKind.CLUSTER:
        return None
    document = cast("dict[str, Any]", yaml.load(path.read_bytes(), Loader=_Loader) or {})  # noqa: S506 - both are safe loaders
    values = _as_engine_values(cast("dict[str, Any]", document.get("config") or {}))
    model = PlatformConfig if info.kind is StackKind.PLATFORM else TenantConfig
    return configured(info, read_config.read(info, model, values), read_config.region(info, values))


def _as_engine_values(config: Mapping[str, Any]) -> dict[str, str]:
    """Config values as the engine hands them to the program: scalars as text, the rest as JSON."""
    return {key: _text(value) for key, value in config.items()}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else json.dumps(value)


def with_neighbours(own: Configured, committed: Sequence[Configured]) -> tuple[Configured, ...]:
    """The stacks that share the account of a stack, with its own config in the place of the committed one.

    The engine may know values that the file does not have (`pulumi config set` in another checkout).
    """
    others = [each for each in committed if each.info.name != own.info.name and each.plan.account_id == own.plan.account_id]
    return tuple(sorted((*others, own), key=lambda each: each.info.name))


def build(stacks: Sequence[Configured], bundle: Bundle, root: Path, known: Mapping[str, Rendering] | None = None) -> Plan:
    """A plan of stacks with one dictionary. `known` holds what was rendered already, by stack name; the rest is rendered here.

    Raises:
        pulumi.RunError: with every problem of alarms, mute windows and dashboards.
    """
    done = known or {}
    renderings = {each.info.name: done.get(each.info.name) or render(each, bundle, root) for each in stacks}
    platforms = [each.plan for each in stacks if each.plan.kind is PlanKind.PLATFORM]
    measures = tuple(measure for platform in platforms for measure in documents(platform))
    loads = loads_of(read_bundle(bundle.path.read_bytes()))
    return Plan(tuple(each.plan for each in stacks), loads, renderings, measures)


def render(stack: Configured, bundle: Bundle, root: Path) -> Rendering:
    """What a stack declares, as quotas and prices count it."""
    found = declared(stack, bundle, root)
    return Rendering(found.dashboards, found.alarms, {rule.name: rule.alarms for rule in found.mutes})


def declared(stack: Configured, bundle: Bundle, root: Path) -> rendering.Declared:
    """The dashboards, alarms and mute rules of a stack, as its program declares them.

    Raises:
        pulumi.RunError: with every problem of alarms, mute windows and dashboards.
    """
    if isinstance(stack.config, PlatformConfig):
        return rendering.of_platform(stack.names, stack.config, bundle, root)
    return rendering.of_tenant(stack.names, stack.plan.tenant, stack.plan.environment, stack.config, bundle, root)


def documents(platform: StackPlan) -> Iterator[Measure]:
    """Documents of a platform that AWS measures: the state machine, and the policies of functions."""
    names = Names(platform.deployment, platform.account_id, platform.region)
    yield Measure("states.definition", f"state machine of {platform.name}", len(state_machine(names).encode()))
    key = names.arn("kms", f"key/{_KEY}")
    context = PolicyContext(names, key, key, key)
    for function, statements in sorted(POLICIES.items()):
        size = sum(_statement_characters(each) for each in statements(context))
        yield Measure("iam.inline_policies", f"role of {names.named(function)}", size)


def state_machine(names: Names) -> str:
    """The definition of the run state machine, with ARNs of the length the real ones have."""
    task = names.arn("ecs", f"task-definition/{names.task_family}:1000")
    subnets = [f"subnet-{place:017x}" for place in range(REDSHIFT_ZONES)]
    return render_definition(
        Context(names, protect=True, log_retention_days=1), task_definition_arn=task, subnet_ids=subnets, group_ids=["sg-0123456789abcdef0"]
    )


def _statement_characters(allow: Allow) -> int:
    """The length of a statement as AWS counts it: without white space."""
    document = {"Sid": allow.sid, "Effect": "Allow", "Action": list(allow.actions), "Resource": list(allow.resources)}
    return len(json.dumps(document | ({"Condition": dict(allow.condition)} if allow.condition else {}), separators=(",", ":"))) + 1
