"""`kpi tenant`: look at a tenant, and end a tenancy: first a verified export, then revocation."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError

from cli.audit import verifier_of
from cli.errors import ExitCode, KpiError
from kpis.common import Environment
from lambdas.domain.audit.chain import Broken
from lambdas.domain.errors import KpiError as DomainError
from lambdas.domain.tenants import keys
from lambdas.domain.tenants.connections import Connection
from lambdas.domain.tenants.export import REVOCATION, Checked
from local.settings import load_settings
from local.steps import Steps

if TYPE_CHECKING:
    from cli.tenant_revoke import Plan

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Tenants: look at one, and end a tenancy.")
Tenant = Annotated[str, typer.Argument(help="The tenant, such as acme.")]
Where = Annotated[Environment, typer.Argument(help="dev, stg or prod.")]


@app.callback()
def tenant() -> None:
    """Tenants: look at one, and end a tenancy."""


@app.command()
def show(tenant_id: Tenant, environment: Where, *, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """The settings of a tenant as they apply, what of them administrators decided, and its connections."""
    from cli.tenant_export import Tenancy

    tenancy = Tenancy(load_settings(), tenant_id, environment)
    try:
        found = tenancy.directory.settings(tenant_id, environment)
        decided = tenancy.directory.overrides(tenant_id, environment)[0].model_dump(mode="json", exclude_unset=True)
        connections = [Connection.model_validate_json(row["connection"]) for row in tenancy.rows(keys.connections(environment))]
    except DomainError as error:
        raise KpiError(tenancy.stack, error.message, code=ExitCode.USAGE) from error
    except (BotoCoreError, ClientError) as error:
        raise KpiError(tenancy.stack, f"cannot be read: {error}", next="run `kpi status`") from error
    document = {
        "settings": found.model_dump(mode="json"),
        "decided": decided,
        "connections": [each.model_dump(mode="json") for each in connections],
    }
    if as_json:
        print(json.dumps(document, indent=2))
        return
    lines = [
        f"{tenancy.stack}: {found.display_name}, {found.timezone}, {found.currency}",
        f"limits: {found.limits.reads} reads and {found.limits.writes} writes a minute",
        f"change windows: {len(found.policy.windows) or 'any hour'}",
        f"freezes: {len(found.policy.freezes)}, holidays: {len(found.calendar.holidays)}",
        f"decided by administrators: {', '.join(sorted(decided)) or 'nothing'}",
    ]
    lines += [f"{each.name}: {each.kind} at {each.host}:{each.port}/{each.database}, version {each.version_id}" for each in connections]
    print("\n".join(lines))


@app.command()
def offboard(
    tenant_id: Tenant,
    environment: Where,
    *,
    out: Annotated[Path, typer.Option(help="The folder of the export; it is made, or the one made before is verified.")],
    revoke: Annotated[bool, typer.Option("--revoke", help="Take everything away. Needs the verified export of a call without it.")] = False,
    reason: Annotated[str, typer.Option(help="Why, for the audit log; needed with --revoke.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """End a tenancy in two calls: one that exports, verifies and says what would go, and one with --revoke.

    The export has definitions, settings, the audit chain and the run logs, with a signed manifest. Nothing is revoked when the export
    does not hold, is of another tenant, or when anything happened after it was made.
    """
    from cli import tenant_revoke
    from cli.tenant_export import Tenancy, check, export, since

    tenancy = Tenancy(load_settings(), tenant_id, environment)
    if revoke and (not out.exists() or not reason.strip()):
        expected = "--reason WHY" if out.exists() else "the folder of an export made by the same command without --revoke"
        raise KpiError(str(out), "nothing is revoked without a verified export and a reason", expected, code=ExitCode.USAGE)
    try:
        plan = tenant_revoke.plan(tenancy)
        if not out.exists():
            if not plan.registered:
                raise KpiError(tenancy.stack, "no such tenant is registered here", "TENANT ENVIRONMENT", code=ExitCode.USAGE)
            export(tenancy, out, datetime.now(UTC))
        found = _sound(check(tenancy, out, verifier_of), out)
        later = since(tenancy, found.manifest)
        if later is not None:
            raise KpiError(str(out), f"since the export: {later}", next="export again into another folder", code=ExitCode.FAILED)
        _say(found, out, plan)
        if not revoke:
            print(f"next: kpi tenant offboard {tenant_id} {environment} --out {out} --revoke --reason WHY")
            return
        if not yes:
            typer.confirm(f"Revoke {tenancy.stack} for good?", abort=True)
        record = tenant_revoke.revoke(tenancy, plan, tenant_revoke.Order(found, reason.strip(), datetime.now(UTC)), Steps())
    except DomainError as error:
        raise KpiError(tenancy.stack, error.message, next="nothing was taken away that is not listed above") from error
    except (BotoCoreError, ClientError) as error:
        raise KpiError(tenancy.stack, f"AWS refused: {error}", next="repeat the command; what is done stays done") from error
    (out / REVOCATION).write_text(json.dumps(record, indent=2, sort_keys=True) + "\n")
    print(f"{tenancy.stack} is revoked; {out / REVOCATION} says what was done")


def _sound(found: Checked | Broken, out: Path) -> Checked:
    if isinstance(found, Broken):
        raise KpiError(str(out), f"the export does not hold: {found}", next="export again into another folder", code=ExitCode.FAILED)
    return found


def _say(found: Checked, out: Path, plan: Plan) -> None:
    manifest = found.manifest
    rows = ", ".join(f"{entry.rows} {name.removesuffix('.jsonl')}" for name, entry in sorted(manifest.files.items()) if entry.rows > 1)
    print(f"{out}: verified, made {manifest.made_at}, manifest {found.digest}\n  {rows}\n  audit chain of {manifest.chain_seq} events")
    print("\n".join(["revoking will:", *(f"  - {line}" for line in plan.lines)]))
