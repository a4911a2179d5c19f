"""`kpi secret`: put connection strings where only the runs can read them. Values go in and never come out again."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError

from cli import aws
from cli.errors import ExitCode, KpiError
from local.settings import load_settings

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True, help=__doc__)

RESULT_STORE = "result-store"


@app.callback()
def secret() -> None:
    """Put connection strings where only the runs can read them. Values go in and never come out again."""


@app.command("set")
def set_secret(
    name: Annotated[str, typer.Argument(help="result-store, or TENANT/ENVIRONMENT such as acme/prod for a tenant's warehouse.")],
    deployment: Annotated[str, typer.Option(help="The platform deployment, the part after the dot of its stack name.")] = "local",
    account: Annotated[bool, typer.Option("--account", help="Write to the AWS account of this shell instead of embedded AWS.")] = False,
) -> None:
    """Set the connection string of the result store or of a tenant's warehouse.

    The value is read from standard input (or asked for without echo), so it is in no shell history:

        kpi secret set acme/prod <<< 'postgresql+psycopg://reader:...@host:5432/finance'
    """
    url = sys.stdin.readline().strip() if not sys.stdin.isatty() else typer.prompt("connection string", hide_input=True)
    if "://" not in url:
        raise KpiError(name, "this is not a connection string", "dialect+driver://user:password@host:port/database", code=ExitCode.USAGE)
    client = aws.account_client("secretsmanager") if account else aws.client(load_settings(), "secretsmanager")
    full_name = secret_name(deployment, name)
    try:
        put(client, full_name, url)
    except client.exceptions.ResourceNotFoundException as error:
        raise KpiError(full_name, "no such secret", "a secret made by the platform or tenant stack", "deploy that stack first") from error
    except (ClientError, BotoCoreError) as error:
        raise KpiError(full_name, f"Secrets Manager refused: {type(error).__name__}", next="check credentials and region") from error
    print(f"{full_name}: set")


def secret_name(deployment: str, name: str) -> str:
    """`kpi/{deployment}/result-store` or `kpi/{deployment}/{tenant}/{environment}/warehouse`.

    Raises:
        KpiError: when `name` is neither.
    """
    if name == RESULT_STORE:
        return f"kpi/{deployment}/{RESULT_STORE}"
    tenant, slash, environment = name.partition("/")
    if not (tenant and slash and environment in ("dev", "stg", "prod")):
        raise KpiError(name, "this is not the name of a secret", "result-store or TENANT/dev|stg|prod", code=ExitCode.USAGE)
    return f"kpi/{deployment}/{tenant}/{environment}/warehouse"


def put(client: Any, secret: str, url: str) -> bool:
    """Store a connection string; False when it was there already."""
    value = json.dumps({"url": url}, sort_keys=True)
    try:
        if client.get_secret_value(SecretId=secret).get("SecretString") == value:
            return False
    except client.exceptions.ResourceNotFoundException:
        client.describe_secret(SecretId=secret)  # tells a secret without a value from no secret at all
    client.put_secret_value(SecretId=secret, SecretString=value)
    return True
