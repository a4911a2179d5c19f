"""The bill of a month: by hand, monotone, shared fairly, and compared."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpis.common import Lane
from kpis.schema import Dictionary
from plans import usage
from plans.assumptions import AssumptionError, Assumptions, override
from plans.cost import Bill, compare, monthly, price_all
from plans.model import ResultStore, StackPlan
from plans.prices import PRICES
from plans.run_counts import TenantRuns
from plans.usage import Part, Use
from tests.unit.plans import build
from tests.unit.plans.build import AURORA, PLATFORM, TENANT

D = Decimal
NOTHING = Dictionary(packs=(), sources=(), signals=(), kpis=())
QUIET = Assumptions().model_copy(
    update={name: D(0) for name in ("users", "api_requests", "dashboard_reads", "portal_gb", "portal_requests", "scanned_gb", "athena_tb")}
)


def only(*ids: str) -> Dictionary:
    """The demo's dictionary with some of its KPIs."""
    return build.demo().model_copy(update={"kpis": tuple(kpi for kpi in build.demo().kpis if kpi.id in ids)})


def bill(*stacks: StackPlan, dictionary: Dictionary | None = None, assume: Assumptions | None = None) -> Bill:
    return monthly(dictionary or build.demo(), stacks or (PLATFORM, TENANT), assume)


def amount(found: Bill, key: str, stack: str | None = None) -> Decimal:
    return sum((line.amount for line in found.lines if line.price.key == key and stack in (None, line.stack)), D(0))


def test_the_worked_example_of_the_documentation_adds_up_by_hand() -> None:
    """One light KPI at 02:00 every day: docs/limits-and-cost.md works it out the same way."""
    assume = Assumptions()
    kpi = next(kpi for kpi in build.demo().kpis if kpi.id == "CFO-AR-01")
    found = bill(PLATFORM, TENANT, dictionary=only("CFO-AR-01"))
    assert kpi.schedule.cron == "0 2 * * *"
    runs = D(365) / 12 * D("1.02")
    assert found.runs == runs
    assert amount(found, "states.transitions") == pytest.approx(runs * 6 * D("0.000025"))
    assert amount(found, "scheduler.invocations", "acme.prod") == pytest.approx(D(365) / 12 * D("0.000001"))
    # Every five minutes the platform looks for what is late, expired or out of step, and asks the reconciler to look too.
    ticks = D(730) * 12
    assert amount(found, "scheduler.invocations", PLATFORM.name) == pytest.approx(ticks * D("0.000001"))
    rows_written = 4 + 1 + len(kpi.sources) + len(kpi.pre_validation) + len(kpi.post_validation)
    assert amount(found, "dynamodb.write") == pytest.approx(runs * rows_written * D("0.000000625"))
    calls = runs * 3 + runs * D("1.01") + runs * 6 + assume.api_requests + 2 * ticks
    assert amount(found, "lambda.requests") == pytest.approx(calls * D("0.0000002"))
    # 11 metrics of the tenant get data in one hour of a day, its drift in all hours; the platform's are the same ones.
    hours = D(365) / 12
    assert amount(found, "cloudwatch.metric", "acme.prod") == pytest.approx((11 * hours / 730 + 1) * D("0.30"))
    assert amount(found, "waf.acl") + amount(found, "waf.rule") == 9
    assert amount(found, "kms.key") == 3


def test_nobody_and_nothing_running_costs_only_what_stands_there() -> None:
    found = bill(AURORA, TENANT, dictionary=NOTHING, assume=QUIET)
    services = found.by_service()
    assert {line.price.key for line in found.lines} <= {
        "aurora.capacity", "aurora.store", "cloudwatch.alarm", "cloudwatch.anomaly_alarm", "cloudwatch.composite", "cloudwatch.dashboard",
        "cloudwatch.metric", "ecr.store", "kms.key", "lambda.compute", "lambda.requests", "scheduler.invocations", "secrets.secret",
        "vpc.endpoint", "waf.acl", "waf.rule",
    }  # fmt: skip
    assert amount(found, "aurora.capacity") == D("0.5") * 730 * D("0.12")
    assert amount(found, "vpc.endpoint") == 2 * 2 * 730 * D("0.01")
    assert amount(found, "secrets.secret") == 3 * D("0.40")
    assert sum(services.values()) == found.total


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(Assumptions.model_fields)), st.integers(1, 1000))
def test_using_more_never_costs_less(name: str, factor: int) -> None:
    stacks = (replace(AURORA, result_store=ResultStore.AURORA), TENANT)
    dictionary = only("CFO-AR-01", "CFO-EF-02")
    before = Assumptions()
    changed = D(0) if name == "prorate_metrics" else getattr(before, name) * (1 + D(factor) / 100)
    after = before.model_copy(update={name: changed})
    assert bill(*stacks, dictionary=dictionary, assume=after).total >= bill(*stacks, dictionary=dictionary, assume=before).total


def test_every_kpi_adds_something_and_nothing_it_does_takes_away() -> None:
    ids = [kpi.id for kpi in build.demo().kpis if "acme" in kpi.tenants][:8]
    totals = [bill(dictionary=only(*ids[:count])).total for count in range(len(ids) + 1)]
    assert totals == sorted(set(totals))


def test_the_shares_of_stacks_and_services_add_up_to_the_bill_exactly() -> None:
    found = bill(*build.tenants(0), replace(TENANT), replace(TENANT, name="skyway.prod", tenant="skyway"))
    assert sum(found.by_stack().values()) == found.total
    assert sum(found.by_service().values()) == found.total
    assert sum((found.of_stack(stack).total for stack in found.by_stack()), D(0)) == found.total


def test_tiers_count_over_all_tenants_of_a_region_and_are_shared_by_quantity() -> None:
    other = replace(TENANT, name="skyway.prod", tenant="skyway")
    lines = price_all([Use("cloudwatch.metric", D(9_000), TENANT), Use("cloudwatch.metric", D(3_000), other)])
    together = PRICES["cloudwatch.metric"].cost(D(12_000))
    assert sum(line.amount for line in lines) == together == D(3200)
    assert [line.amount for line in lines] == [2400, 800]


def test_regions_and_accounts_have_tiers_of_their_own() -> None:
    abroad = replace(TENANT, name="skyway.prod", tenant="skyway", region="eu-central-1")
    lines = price_all([Use("cloudwatch.metric", D(10_000), TENANT), Use("cloudwatch.metric", D(10_000), abroad)])
    assert [line.amount for line in lines] == [3000, 3000]


@settings(max_examples=50)
@given(st.lists(st.decimals(0, 100_000, places=4), min_size=1, max_size=6))
def test_parts_of_a_price_add_up_to_it_whatever_they_are(quantities: list[Decimal]) -> None:
    stacks = [replace(TENANT, name=f"t{number}.prod", tenant=f"t{number}") for number in range(len(quantities))]
    lines = price_all([Use("cloudwatch.metric", quantity, stack) for stack, quantity in zip(stacks, quantities, strict=True)])
    assert sum((line.amount for line in lines), D(0)) == PRICES["cloudwatch.metric"].cost(sum(quantities, D(0)))


def test_watching_tenants_costs_the_same_for_ten_and_for_fifty_kpis_but_not_the_naive_way() -> None:
    kpis = [kpi for kpi in build.demo().kpis if kpi.id == "CFO-AR-01"]
    few, many = (
        build.demo().model_copy(update={"kpis": tuple(kpis[0].model_copy(update={"id": f"CFO-AR-{n:03d}"}) for n in range(count))})
        for count in (10, 50)
    )
    assert bill(dictionary=few).watching == bill(dictionary=many).watching
    assert bill(dictionary=few).naive > 0
    assert bill(dictionary=many).naive == pytest.approx(5 * bill(dictionary=few).naive)


def test_a_tier_0_kpi_is_charged_two_series_and_an_alarm() -> None:
    kpi = next(kpi for kpi in build.demo().kpis if kpi.id == "CFO-AR-01")
    opted = only("CFO-AR-01").model_copy(update={"kpis": (kpi.model_copy(update={"tier": 0}),)})
    before, after = bill(dictionary=only("CFO-AR-01")), bill(dictionary=opted)
    hours = D(365) / 12
    assert (before.tier_0, before.tier_0_kpis, after.tier_0_kpis) == (0, 0, 1)
    assert after.tier_0 == pytest.approx(D("0.10") + 2 * hours / 730 * D("0.30"))
    assert {line.price.key for line in after.lines if line.part is Part.TIER_0} == {"cloudwatch.alarm", "cloudwatch.metric"}


def test_an_alarm_is_charged_for_each_metric_of_its_math_and_a_query_for_each_series() -> None:
    own = build.rendering(
        build.alarm(), build.alarm(queries=build.math(3), series=None), build.alarm(queries=build.math(0, "SELECT"), series=None)
    )
    uses = [use.quantity for use in usage.watching(TENANT, own, series=40) if use.price == "cloudwatch.alarm"]
    assert uses == [1, 3, 40]


def test_metrics_are_billed_by_the_hour_unless_one_assumes_otherwise() -> None:
    daily, hourly = build.load(), build.load(id="SH-RV-02", cron="5 * * * *")
    count = TenantRuns(TENANT, (daily, hourly), Assumptions())
    assert count.hours(["SH-RV-01"]) == D(365) / 12
    assert count.hours(["SH-RV-02"]) == count.hours() == 730
    whole = override(Assumptions(), {"prorate_metrics": "0"})
    assert TenantRuns(TENANT, (daily,), whole).hours(["SH-RV-01"]) == 730


def test_a_kpi_over_kpis_runs_as_often_as_the_rarest_of_them() -> None:
    monthly_one = build.load(id="SH-RV-02", cron="0 3 2 * *")
    above = build.load(id="SH-RT-01", trigger=build.Trigger.EVENT, cron=None, event=None, upstream=("SH-RV-01", "SH-RV-02"))
    top = build.load(id="SH-CX-01", trigger=build.Trigger.EVENT, cron=None, event=None, upstream=("SH-RT-01",))
    waiting = build.load(id="SH-RV-03", trigger=build.Trigger.EVENT, cron=None, event="gdp-updated")
    count = TenantRuns(TENANT, (top, above, build.load(), monthly_one, waiting), override(Assumptions(), {"repeated_share": "0"}))
    assert count.by_kpi == {"SH-RV-01": D(365) / 12, "SH-RV-02": 1, "SH-RT-01": 1, "SH-CX-01": 1, "SH-RV-03": 30}


@pytest.mark.parametrize(("days", "copies"), [(35, (35, 0)), (119, (119, 0)), (120, (30, 90)), (365, (30, 335)), (3650, (30, 335))])
def test_each_daily_backup_is_kept_whole_and_gets_cold_after_thirty_days(days: int, copies: tuple[int, int]) -> None:
    assert usage.backup_copies(days, Assumptions()) == copies


def test_a_comparison_shows_what_was_added_where_and_nothing_that_stayed() -> None:
    before, after = bill(dictionary=only("CFO-AR-01")), bill(dictionary=only("CFO-AR-01", "CFO-EF-02"))
    change = compare(before, after)
    assert change == after.difference(before)
    assert change.total.added == after.total - before.total > 0
    assert sum((each.added for each in change.services.values()), D(0)) == change.total.added
    assert "waf" not in change.services
    assert set(change.stacks) == {"acme.prod"}
    assert compare(after, after).services == {}


def test_what_is_borrowed_from_another_regions_prices_is_told() -> None:
    found = bill(replace(PLATFORM, region="eu-central-1"), replace(TENANT, region="eu-central-1"))
    borrowed = {line.price.key for line in found.borrowed()}
    assert "lambda.compute" in borrowed
    assert not borrowed & {"logs.ingest", "states.transitions", "cloudwatch.alarm"}
    assert bill().borrowed() == ()


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"userz": "1"}, "there is no assumption 'userz'"),
        ({"users": "many"}, "users: 'many' is not a number"),
        ({"users": "-1"}, "from 0 on"),
    ],
)
def test_an_assumption_that_is_none_is_refused(values: dict[str, str], complaint: str) -> None:
    with pytest.raises(AssumptionError, match=complaint):
        override(Assumptions(), values)


def test_equal_input_gives_an_equal_bill() -> None:
    stacks = (PLATFORM, TENANT)
    turned = build.demo().model_copy(update={"kpis": build.demo().kpis[::-1]})
    assert bill(*stacks).lines == bill(*stacks[::-1], dictionary=turned).lines


def test_every_price_of_the_table_is_used_and_every_use_has_one() -> None:
    """The result store and NAT are choices, so both ways are taken; anomaly alarms are declared by nobody yet."""
    stores = (AURORA, replace(PLATFORM, result_store=ResultStore.REDSHIFT, network=replace(AURORA.network, nat=True)))
    opted = [kpi.model_copy(update={"tier": 0, "lane": Lane.HEAVY}) for kpi in build.demo().kpis if "acme" in kpi.tenants]
    used: set[str] = set()
    for store in stores:
        platform = replace(store, alert_emails=4, backup_retention_days=365)
        found = bill(platform, TENANT, dictionary=build.demo().model_copy(update={"kpis": tuple(opted)}))
        used |= {line.price.key for line in found.lines}
    assert set(PRICES) - used == {"cloudwatch.anomaly_alarm"}
