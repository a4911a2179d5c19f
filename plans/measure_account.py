"""How much the stacks themselves take: roles, groups, topics, buckets, names and tags, and the rows their KPIs become."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from plans.model import KpiLoad, Measure, Plan, StackKind, StackPlan

FOOTPRINT: Mapping[StackKind, Mapping[str, int]] = {
    StackKind.PLATFORM: {
        "iam.roles": 15,
        "logs.group.count": 13,
        "sns.topics": 4,
        "secretsmanager.secrets": 1,
        "s3.buckets": 5,
        "dynamodb.tables": 7,
        "kms.keys": 3,
        "scheduler.groups": 0,
    },
    StackKind.TENANT: {
        "iam.roles": 1,
        "logs.group.count": 1,
        "sns.topics": 2,
        "secretsmanager.secrets": 1,
        "s3.buckets": 0,
        "dynamodb.tables": 0,
        "kms.keys": 0,
        "scheduler.groups": 1,
    },
}
"""What one stack of a kind declares of what AWS counts by account or Region (a test compares it with the program)."""

API_ROUTES = 6
BUS_RULES = 5
TARGETS_OF_A_RULE = 2
COGNITO_GROUPS = 3
COGNITO_ATTRIBUTES = 1
WAF_CAPACITY = 927
"""Common rules 700, known bad inputs 200, address reputation 25, a rate limit 2: the capacity AWS publishes for each."""
PAGE = 200
"""The most items of a list page (lambdas/api/queries.py)."""
_ROW_OVERHEAD = 900
_SUMMARY_BYTES = 500
_LAST_RUN_BYTES = 1600
_POINTER_BYTES = 400
_LOG_ROW_BYTES = 3500
_LONGEST_ROLE_SUFFIX = len("run-heavy-start")


def measure_account(plan: Plan) -> Iterator[Measure]:
    """Measures of one account and Region."""
    for key in FOOTPRINT[StackKind.PLATFORM]:
        used = sum(FOOTPRINT[stack.kind][key] for stack in plan.stacks)
        yield Measure(key, f"{len(plan.platforms)} platforms and {len(plan.tenants)} tenants", used, FOOTPRINT[StackKind.TENANT][key])
    for stack in plan.stacks:
        yield from _stack(stack)
    for platform in plan.platforms:
        yield from _platform(platform, plan)
    for load in plan.loads:
        yield from _rows(load)
    yield from _answers(plan.loads)


def _stack(stack: StackPlan) -> Iterator[Measure]:
    suffix = len("-run") if stack.kind is StackKind.TENANT else 1 + _LONGEST_ROLE_SUFFIX
    yield Measure("iam.role_name", f"the longest role of {stack.name}", len(stack.prefix) + suffix)
    yield Measure("tags.count", f"tags of {stack.name}", len(stack.tags))
    yield Measure("tags.key", f"tags of {stack.name}", max(map(len, stack.tags), default=0))
    yield Measure("tags.value", f"tags of {stack.name}", max(map(len, stack.tags.values()), default=0))
    if stack.budget_subscribers:
        yield Measure("budgets.subscribers", f"the budget of {stack.name}", stack.budget_subscribers)


def _platform(platform: StackPlan, plan: Plan) -> Iterator[Measure]:
    served = {stack.tenant for stack in plan.tenants if stack.deployment == platform.deployment}
    yield Measure("firehose.partitions", f"log streams of {platform.name}", len(served), per_tenant=1)
    yield Measure("vpc.interface_endpoints", f"network of {platform.name}", len(platform.network.interface_endpoints))
    yield Measure("apigateway.routes", f"API of {platform.name}", API_ROUTES)
    yield Measure("events.rules", f"bus of {platform.name}", BUS_RULES)
    yield Measure("events.targets", f"rules of {platform.name}", TARGETS_OF_A_RULE)
    yield Measure("cognito.groups", f"user pool of {platform.name}", COGNITO_GROUPS)
    yield Measure("cognito.attributes", f"user pool of {platform.name}", COGNITO_ATTRIBUTES)
    yield Measure("waf.capacity", f"portal of {platform.name}", WAF_CAPACITY)


def item_bytes(load: KpiLoad) -> int:
    """The catalog row of a KPI: its definition and sources as text, its names, hashes and attributes around them."""
    return load.definition_bytes + load.sources_bytes + load.name_bytes + _ROW_OVERHEAD


def _rows(load: KpiLoad) -> Iterator[Measure]:
    subject = f"KPI {load.id}"
    row = item_bytes(load)
    yield Measure("dynamodb.item", f"definition of {load.id}", row)
    # The row, the pointer to the active version, what it waits for, and one it waited for before.
    yield Measure("dynamodb.transaction.actions", subject, 4)
    yield Measure("dynamodb.transaction.bytes", subject, row + 3 * _POINTER_BYTES)
    yield Measure("firehose.record", subject, _LOG_ROW_BYTES)


def _answers(loads: tuple[KpiLoad, ...]) -> Iterator[Measure]:
    """What the API answers at most: a full page of KPIs with their last runs, and the largest definition."""
    page = PAGE * (_SUMMARY_BYTES + _LAST_RUN_BYTES + max((load.name_bytes for load in loads), default=0))
    largest = max(loads, key=lambda load: (item_bytes(load), load.id), default=None)
    answers = {"GET /kpis with 200 items": page}
    if largest is not None:
        answers[f"GET /kpis/{largest.id}"] = item_bytes(largest)
    for subject, size in answers.items():
        yield Measure("lambda.sync_payload", subject, size)
        yield Measure("apigateway.payload", subject, size)
