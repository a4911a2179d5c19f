"""What the bill assumes about how a deployment is used. Every number that is neither in a config nor in the dictionary is here, by name."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pydantic import Field, ValidationError

from kpis.common import Frozen


class AssumptionError(ValueError):
    """An assumption that is not one, or whose value is no number from 0 on."""


def _is(value: int | str, description: str) -> Any:
    return Field(default=Decimal(value), ge=0, description=description)


class Assumptions(Frozen):
    """Monthly habits and measured sizes. Override with `kpi cost --assume name=value`; `kpi cost --assumptions` lists them."""

    # Runs. Scheduled runs are counted from cron; these add what schedules do not say.
    signals_a_month: Decimal = _is(30, "signals that start one KPI a month, where it waits for a source's update")
    repeated_share: Decimal = _is("0.02", "attempts after a failed one, and backfills, for each run")
    breach_share: Decimal = _is("0.01", "runs that tell people something")
    # Time inside each function on embedded AWS (docs/benchmarks.md), and what is added for AWS.
    open_ms: Decimal = _is("6.3", "milliseconds inside Open, measured")
    light_ms: Decimal = _is("21.2", "milliseconds inside the runner without the warehouse, measured")
    close_ms: Decimal = _is("32.4", "milliseconds inside Close, measured")
    headroom: Decimal = _is(10, "by how much longer they take on AWS: the network is farther, and some starts are cold")
    sql_ms: Decimal = _is(500, "milliseconds the warehouse takes, which the function waits for")
    small_ms: Decimal = _is(50, "milliseconds of the dispatcher, the log stream and the API, with their headroom")
    heavy_minutes: Decimal = _is(5, "minutes of a Fargate task from pulling its image on; AWS bills one at least")
    # Sizes, measured on the demo's rows and log lines.
    run_row: Decimal = _is(520, "bytes of a row that opens or closes a run")
    sourcing_row: Decimal = _is(380, "bytes of a row about a source")
    validation_row: Decimal = _is(320, "bytes of a row about a rule")
    delivery_row: Decimal = _is(440, "bytes of a row about a delivery")
    log_bytes: Decimal = _is(3000, "bytes of log lines of one run: Lambda's own, ours, and the metrics line")
    access_log_bytes: Decimal = _is(900, "bytes of log lines of one API request")
    event_bytes: Decimal = _is(1500, "bytes of an event")
    result_row: Decimal = _is(400, "bytes of a delivered value in the result store")
    log_compression: Decimal = _is("0.15", "what is left of log data once CloudWatch has compressed it")
    parquet: Decimal = _is("0.3", "what is left of a row's bytes as Parquet")
    endpoint_bytes: Decimal = _is(200_000, "bytes of one run through interface endpoints or NAT")
    # Calls of one run (and reads of one API request).
    read_units: Decimal = _is(
        14, "DynamoDB read units: settings, definition, upstream deliveries, and Close's look back; as many for an API request"
    )
    secret_calls: Decimal = _is(1, "secrets read: warehouse and result store, kept while a function is warm")
    key_uses: Decimal = _is(4, "uses of keys")
    # People, for each tenant and environment.
    users: Decimal = _is(10, "people who sign in")
    api_requests: Decimal = _is(20_000, "requests to the API")
    dashboard_reads: Decimal = _is(30_000, "metrics that open dashboards read")
    portal_gb: Decimal = _is("0.2", "GB of portal pages")
    portal_requests: Decimal = _is(2000, "requests to the portal")
    scanned_gb: Decimal = _is(2, "GB of log data that the tables on dashboards read")
    athena_tb: Decimal = _is("0.01", "TB that queries over the archive read")
    # The platform.
    age_months: Decimal = _is(12, "months it has been running; what is kept grows until its retention ends")
    images_gb: Decimal = _is(2, "GB of runner images")
    store_gb: Decimal = _is(5, "GB in the result store besides the runs' values")
    store_minutes: Decimal = _is(1, "minutes the result store is busy after a minute in which runs end")
    busy_capacity: Decimal = _is(2, "Aurora capacity units while busy; 0.5 otherwise (infra/components/store.py)")
    insights_metrics: Decimal = _is(8, "Container Insights metrics of the cluster while a task runs")
    route_metrics: Decimal = _is(6, "detailed metrics of each API route")
    parse_hours_a_gb: Decimal = _is(1, "hours Firehose takes to read the tenants out of a GB: an upper estimate")
    prorate_metrics: Decimal = _is(1, "1 bills a metric for the hours in which it gets data, as AWS does; 0 for whole months")


def override(assumptions: Assumptions, values: Mapping[str, str]) -> Assumptions:
    """Assumptions with some values replaced by texts such as `0.05`.

    Raises:
        AssumptionError: naming what is wrong and which names there are.
    """
    known = sorted(Assumptions.model_fields)
    unknown = [name for name in values if name not in known]
    if unknown:
        raise AssumptionError(f"there is no assumption '{unknown[0]}'; there are: {', '.join(known)}")
    try:
        return Assumptions.model_validate(assumptions.model_dump() | dict(values))
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        raise AssumptionError(f"{wrong['loc'][0]}: '{wrong['input']}' is not a number from 0 on") from error
