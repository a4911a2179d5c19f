"""What makes the deployed system a demo: data in the warehouse, connection strings, people, and the first runs."""

from __future__ import annotations

import time
from collections import Counter

from cli import aws, demo_users, secret, status
from cli import stack as stacks
from cli.backfill import backfill
from cli.errors import KpiError
from cli.periods import date_range
from cli.post_up import UpContext
from cli.run_client import RunState
from local import warehouse

DEPLOYMENT = "local"
# A week of each tenant's data. Skyway's ends with the blizzard of 8 and 9 February 2013, an honest failure; Acme's is the week before
# the example flow of the logging framework (K6).
DEMO_RANGES = {
    "skyway": ("2013-02-03", "2013-02-10"),
    "discco": ("1998-06-24", "1998-07-01"),
    "acme": ("2025-11-13", "2025-11-20"),
}


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
    """A platform admin, and for each tenant the people that a change needs (cli/demo_users.py)."""
    tenants = tuple(name.partition(".")[0] for name in stacks.TENANT_STACKS)
    pool = stacks.outputs(context.settings, stacks.PLATFORM_STACK)["userPoolId"]
    made = demo_users.ensure(aws.client(context.settings, "cognito-idp"), context.settings, pool, tenants)
    if made:
        context.steps.say(f"    {made} people; their passwords are in {demo_users.passwords_file(context.settings)}")


def run_demo(context: UpContext) -> None:
    """Every KPI of every demo tenant for a real week. What an earlier call ran is not run again."""
    began = time.monotonic()
    ended = [each for tenant, (start, end) in DEMO_RANGES.items() for each in backfill(context.settings, [tenant], date_range(start, end))]
    new = [each for each in ended if not each.known]
    seconds = time.monotonic() - began
    states = ", ".join(f"{count} {state}" for state, count in Counter(each.state.value for each in ended).most_common())
    context.steps.say(f"    {len(ended)} runs, {len(new)} of them new in {seconds:.1f} s: {states}")
    broken = [each for each in ended if each.state is RunState.BROKEN]
    if broken:
        raise KpiError(broken[0].request.kpi_id, f"{len(broken)} runs did not get to their end: {broken[0].why}", next="see kpi services")


def show_status(context: UpContext) -> None:
    """The first picture."""
    del context
    status.command()
