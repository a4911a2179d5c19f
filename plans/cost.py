"""The monthly bill of planned stacks, what a change adds, and what one alarm and series for each KPI would cost instead."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from kpis.schema import Dictionary
from kpis.summary import summarize
from plans import usage, usage_platform
from plans.assumptions import Assumptions
from plans.model import KpiLoad, Rendering, StackKind, StackPlan, loads_of
from plans.price import Price
from plans.prices import PRICES
from plans.rendered import render
from plans.run_counts import TenantRuns
from plans.usage import Part, Use

ZERO = Decimal(0)
_FINEST = Decimal("1e-12")
WATCHING = frozenset({"cloudwatch.metric", "cloudwatch.alarm", "cloudwatch.composite", "cloudwatch.anomaly_alarm"})
"""What the naive way would multiply by the number of KPIs."""


@dataclass(frozen=True)
class Line:
    """US dollars a month for one price in one stack. `region_used` is the Region whose price was taken."""

    price: Price
    stack: str
    tenant: str
    region: str
    part: Part
    quantity: Decimal
    amount: Decimal

    @property
    def region_used(self) -> str:
        return self.price.region_used(self.region)


@dataclass(frozen=True)
class Change:
    """What a part of the bill was and is."""

    before: Decimal
    after: Decimal

    @property
    def added(self) -> Decimal:
        return self.after - self.before


@dataclass(frozen=True)
class Difference:
    """Two bills side by side: in total, by service and by stack; parts that stay the same are left out."""

    total: Change
    services: Mapping[str, Change]
    stacks: Mapping[str, Change]


@dataclass(frozen=True)
class Bill:
    """A month's bill in US dollars. `naive` is what one alarm and one series for each KPI would cost; `runs` counts a month's runs."""

    lines: tuple[Line, ...]
    naive: Decimal
    kpis: int
    tier_0_kpis: int
    runs: Decimal

    @cached_property
    def total(self) -> Decimal:
        """Everything."""
        return sum((line.amount for line in self.lines), ZERO)

    @property
    def watching(self) -> Decimal:
        """Metrics and alarms of the tenants, which do not grow with their KPIs: what stands against `naive`."""
        return sum((line.amount for line in self.lines if line.tenant and line.price.key in WATCHING), ZERO)

    @property
    def tier_0(self) -> Decimal:
        """Series and alarms that tier-0 KPIs opt into."""
        return sum((line.amount for line in self.lines if line.part is Part.TIER_0), ZERO)

    def by_service(self) -> dict[str, Decimal]:
        """Dollars by service, the dearest first."""
        return _sums(self.lines, lambda line: line.price.service)

    def by_stack(self) -> dict[str, Decimal]:
        """Dollars by stack: a platform's are shared by its tenants, a tenant's are its own."""
        return _sums(self.lines, lambda line: line.stack)

    def of_stack(self, stack: str) -> Bill:
        """The lines of one stack; counts stay those of the whole."""
        lines = tuple(line for line in self.lines if line.stack == stack)
        return Bill(lines, self.naive, self.kpis, self.tier_0_kpis, self.runs)

    def borrowed(self) -> tuple[Line, ...]:
        """Lines priced with another Region's price, because their own is not in the table."""
        return tuple(line for line in self.lines if line.region_used != line.region)

    def difference(self, other: Bill) -> Difference:
        """What `other` was, and what this bill is."""
        return Difference(
            Change(other.total, self.total),
            _changes(other.by_service(), self.by_service()),
            _changes(other.by_stack(), self.by_stack()),
        )


def compare(before: Bill, after: Bill) -> Difference:
    """What a change adds."""
    return after.difference(before)


def monthly(
    dictionary: Dictionary,
    stacks: Sequence[StackPlan],
    assumptions: Assumptions | None = None,
    *,
    renderings: Mapping[str, Rendering] | None = None,
    prices: Mapping[str, Price] = PRICES,
) -> Bill:
    """The bill of some stacks with one dictionary; what no `renderings` hold is rendered here.

    A tenant's stack needs its platform among the stacks for prices of what they share; without one, defaults of a platform are taken.

    Raises:
        alerts.AlarmError, dashboards.validate.DashboardError: for a dictionary that cannot be rendered.
    """
    assume = assumptions or Assumptions()
    summary = None if renderings is not None and all(stack.name in renderings for stack in stacks) else summarize(dictionary)
    done = dict(renderings or {})
    for stack in stacks:
        if stack.name not in done and summary is not None:
            done[stack.name] = render(stack, summary)
    loads = loads_of(dictionary)
    counts = {stack.name: _count(stack, loads, assume) for stack in stacks if stack.kind is StackKind.TENANT}
    kpis = sum(len(count.loads) for count in counts.values())
    tier_0 = sum(load.tier == 0 for count in counts.values() for load in count.loads)
    return Bill(
        lines=tuple(price_all(_uses(stacks, counts, done, assume), prices)),
        naive=sum((line.amount for line in price_all(usage.naive(counts), prices)), ZERO),
        kpis=kpis,
        tier_0_kpis=tier_0,
        runs=sum((count.total for count in counts.values()), ZERO),
    )


def _count(stack: StackPlan, loads: tuple[KpiLoad, ...], assume: Assumptions) -> TenantRuns:
    return TenantRuns(stack, tuple(load for load in loads if load.runs_for(stack)), assume)


def _uses(
    stacks: Sequence[StackPlan], counts: Mapping[str, TenantRuns], renderings: Mapping[str, Rendering], assume: Assumptions
) -> Iterator[Use]:
    platforms = {stack.deployment: stack for stack in stacks if stack.kind is StackKind.PLATFORM}
    series = 1 + len(counts) + sum(load.tier == 0 for count in counts.values() for load in count.loads)
    for stack in stacks:
        if stack.name in renderings:
            yield from usage.watching(stack, renderings[stack.name], series)
        if stack.kind is StackKind.PLATFORM:
            served = [count for count in counts.values() if count.stack.deployment == stack.deployment]
            yield from usage_platform.fixed(stack, assume)
            yield from usage_platform.shared(stack, served, assume)
            continue
        count = counts[stack.name]
        platform = platforms.get(stack.deployment, stack)
        yield from usage.runs(count, platform, assume)
        yield from usage.records(count, platform, assume)
        yield from usage.metrics(count)
        yield from usage.people(stack, assume)


def price_all(uses: Iterable[Use], prices: Mapping[str, Price] = PRICES) -> list[Line]:
    """Uses as lines of a bill, sorted.

    Tiers count over an account and Region, so uses of one price there are added up, priced together, and share the sum by quantity.
    """
    merged: dict[tuple[str, str, str], dict[tuple[str, str, Part], Decimal]] = {}
    for use in uses:
        owners = merged.setdefault((use.price, use.stack.account_id, use.stack.region), {})
        owner = (use.stack.name, use.stack.tenant, use.part)
        owners[owner] = owners.get(owner, ZERO) + use.quantity
    lines: list[Line] = []
    for (key, _account, region), owners in merged.items():
        price, quantities = prices[key], sorted(owners.items())
        amounts = _shared(price.cost(sum(owners.values(), ZERO), region), [quantity for _, quantity in quantities])
        for ((stack, tenant, part), quantity), amount in zip(quantities, amounts, strict=True):
            if quantity:
                lines.append(Line(price, stack, tenant, region, part, quantity, amount))
    return sorted(lines, key=lambda line: (line.price.key, line.stack, line.part.value))


def _shared(cost: Decimal, quantities: Sequence[Decimal]) -> list[Decimal]:
    """A cost split by quantities, in millionths of a millionth of a dollar: so few digits that adding them up never rounds.

    The last part takes what rounding left, so the parts add up to the whole exactly.
    """
    whole, exact = sum(quantities, ZERO), cost.quantize(_FINEST)
    if not whole:
        return [ZERO for _ in quantities]
    parts = [(exact * quantity / whole).quantize(_FINEST) for quantity in quantities]
    last = max(place for place, quantity in enumerate(quantities) if quantity)
    parts[last] = exact - sum((part for place, part in enumerate(parts) if place != last), ZERO)
    return parts


def _sums(lines: Iterable[Line], name: Callable[[Line], str]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for line in lines:
        found[name(line)] = found.get(name(line), ZERO) + line.amount
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _changes(before: Mapping[str, Decimal], after: Mapping[str, Decimal]) -> dict[str, Change]:
    names = sorted({*before, *after})
    found = {name: Change(before.get(name, ZERO), after.get(name, ZERO)) for name in names}
    return {name: change for name, change in found.items() if change.added}
