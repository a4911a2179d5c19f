"""What makes the deployed system a demo: data in the warehouse, connection strings, people, and the first runs."""

from __future__ import annotations

from cli import aws, demo_users, secret, status
from cli import stack as stacks
from cli.post_up import UpContext
from local import warehouse

DEPLOYMENT = "local"


def load_data(context: UpContext) -> None:
    """Roles, databases and the demo tenants' golden data."""

    def progress(what: str, done: int, total: int) -> None:
        context.steps.say(f"    {done}/{total} {what}")

    warehouse.prepare(context.settings, progress=progress)


def set_secrets(context: UpContext) -> None:
    """Connection strings into the secrets that the stacks made empty."""
    client = aws.client(context.settings, "secretsmanager")
    for suffix, url in warehouse.secrets(context.settings).items():
        if secret.put(client, f"kpi/{DEPLOYMENT}/{suffix}", url):
            context.steps.say(f"    set kpi/{DEPLOYMENT}/{suffix}")


def create_people(context: UpContext) -> None:
    """A platform admin, and an admin and a reader for each tenant."""
    tenants = tuple(name.partition(".")[0] for name in stacks.TENANT_STACKS)
    pool = stacks.outputs(context.settings, stacks.PLATFORM_STACK)["userPoolId"]
    made = demo_users.ensure(aws.client(context.settings, "cognito-idp"), context.settings, pool, tenants)
    if made:
        context.steps.say(f"    {made} people; their passwords are in {demo_users.passwords_file(context.settings)}")


def show_status(context: UpContext) -> None:
    """The first picture."""
    del context
    status.command()
