"""`kpi run`: run one KPI of one tenant now, or for past days."""

from __future__ import annotations

import getpass
import json
from collections.abc import Mapping
from typing import Annotated, Any, Protocol
from uuid import uuid4

import typer
from rich.console import Console
from rich.table import Table

import kpis
from cli.control_plane import ControlPlane, tenants
from cli.errors import ExitCode, KpiError
from cli.periods import date_range, periods_within
from cli.run_client import Finished, RunClient, RunState
from kpis.common import Environment, ScdView
from kpis.schema import Kpi
from lambdas.domain.model import RunRequest, TriggerType
from lambdas.domain.naming import execution_name
from local.settings import load_settings

GOOD = (RunState.SUCCESS, RunState.PARTIAL)


def command(
    tenant: Annotated[str, typer.Argument(help="The tenant, such as acme.")],
    kpi: Annotated[str, typer.Argument(help="The KPI, such as CFO-EF-02.")],
    environment: Annotated[Environment, typer.Option("--env", help="KPI environment: dev, stg or prod.")] = Environment.PRD,
    start: Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD. Default: the last complete period.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="First day not included any more.")] = None,
    entity: Annotated[list[str] | None, typer.Option("--entity", help="Only this entity; may be repeated. ALL is the total.")] = None,
    scd: Annotated[ScdView, typer.Option("--scd", help="as_reported, or restated with later corrections.")] = ScdView.AS_REPORTED,
    during_pause: Annotated[bool, typer.Option("--during-pause", help="Run although it is paused, as an administrator; recorded.")] = False,
    reason: Annotated[str | None, typer.Option("--reason", help="Why; needed with --during-pause, and kept in the audit log.")] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the runs and show how they ended.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run a KPI: one run for each of its periods between --from and --to, or one for the last complete period.

    Exit code 1 when a run delivered nothing. Each call runs anew; `kpi backfill` skips what has been done. With --during-pause the
    runs are asked of the control plane, which lets administrators only and writes down who and why.
    """
    if during_pause and not reason:
        raise KpiError("--during-pause", "no reason is given", 'why the pause is overridden, as --reason "..."', code=ExitCode.USAGE)
    settings = load_settings()
    (name,) = tenants(settings, [tenant], environment)
    definition = find(kpi, name)
    client = RunClient(settings)
    requests = plan(definition, name, environment, start, end, entity, scd)
    if during_pause:
        plane = ControlPlane(settings)
        started = [(client.execution_arn(asked_for(plane, request, str(reason))), request) for request in requests]
    else:
        started = [(client.start(execution_name("run", name, kpi, uuid4().hex), request)[0], request) for request in requests]
    if not wait:
        for execution_arn, _ in started:
            print(execution_arn)
        return
    ended = [client.wait(execution_arn, request, known=False) for execution_arn, request in started]
    if as_json:
        print(json.dumps([dict(each.document) for each in ended], indent=2))
    else:
        show(ended)
    if any(each.state not in GOOD for each in ended):
        raise typer.Exit(ExitCode.FAILED)


class Plane(Protocol):
    """Changes things for a tenant through the API."""

    def post(self, path: str, tenant: str, body: Mapping[str, Any], **parameters: str) -> dict[str, Any]: ...


def asked_for(plane: Plane, request: RunRequest, reason: str) -> str:
    """Ask the control plane for a run in spite of pauses; gives the name of its execution.

    Raises:
        KpiError: when the control plane refuses.
    """
    wanted = request.model_dump(mode="json", include={"period", "entities", "scd_view"}, exclude_none=True)
    body = wanted | {"during_pause": True, "reason": reason}
    receipt = plane.post(f"/kpis/{request.kpi_id}/run", request.tenant_id, body, environment=request.environment)
    return str(receipt["details"]["execution"])


def find(kpi_id: str, tenant: str) -> Kpi:
    """The KPI of a tenant in the dictionary.

    Raises:
        KpiError: when the tenant has none of this id.
    """
    known = {kpi.id: kpi for kpi in kpis.load().kpis if tenant in kpi.tenants}
    if kpi_id not in known:
        raise KpiError(kpi_id, f"tenant {tenant} has no such KPI", f"one of {', '.join(sorted(known))}", code=ExitCode.USAGE)
    return known[kpi_id]


def plan(
    kpi: Kpi, tenant: str, environment: str, start: str | None, end: str | None, entities: list[str] | None, scd: ScdView
) -> list[RunRequest]:
    """The requests for a range, or the one for the last complete period.

    Raises:
        KpiError: for half a range, or one that holds no whole period.
    """
    base = RunRequest.model_validate(
        {
            "tenant_id": tenant,
            "environment": environment,
            "kpi_id": kpi.id,
            "trigger_type": TriggerType.MANUAL,
            "triggered_by": f"cli/{getpass.getuser()}",
            "entities": entities or None,
            "scd_view": scd,
        }
    )
    if start is None and end is None:
        return [base]
    if start is None or end is None:
        raise KpiError("--from and --to", "only one of them is given", "both, or none", code=ExitCode.USAGE)
    found = [base.model_copy(update={"period": period}) for period in periods_within(date_range(start, end), kpi.grain)]
    if not found:
        raise KpiError("--from and --to", f"no whole {kpi.grain} lies between {start} and {end}", code=ExitCode.USAGE)
    return found


def show(ended: list[Finished]) -> None:
    """Print how runs ended and, below, what was wrong."""
    console = Console()
    table = Table("run", "period", "status", "value", "verdict", "SLA")
    for each in ended:
        document = each.document
        value, period = document.get("value"), str(each.document.get("period", {}).get("start", ""))
        table.add_row(
            str(document.get("run_id", "")),
            period[:10],
            each.state.value,
            "" if value is None else f"{value:,.4f}",
            document.get("verdict") or "",
            "breach" if document.get("sla_breached") else "",
        )
    console.print(table)
    for each in ended:
        if each.why:
            console.print(f"{each.document.get('run_id', each.request.kpi_id)}: {each.why}", markup=False)
