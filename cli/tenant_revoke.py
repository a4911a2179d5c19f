"""Takes everything away from a tenant that lets it in or lets it run; what was recorded stays."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cli import destroy
from cli import stack as stacks
from cli.errors import KpiError
from cli.tenant_export import Tenancy
from kpis.common import Environment
from lambdas.domain.audit.event import Actor, AuditEvent, Facts
from lambdas.domain.control.states import SYSTEM
from lambdas.domain.control.unit import MAX_CHANGES, Delete
from lambdas.domain.tenants import keys
from lambdas.domain.tenants.export import Checked
from lambdas.domain.timestamps import iso
from local.steps import Steps


@dataclass(frozen=True)
class Plan:
    """What a revocation takes away.

    `people` are all who belong to the tenant; none while it is registered in another environment, `elsewhere`.
    """

    people: tuple[str, ...]
    elsewhere: tuple[Environment, ...]
    rows: tuple[str, ...]
    registered: bool
    stack: bool

    @property
    def lines(self) -> list[str]:
        """The plan in words."""
        people = f"disable {', '.join(self.people)} and end their sessions" if self.people else "disable nobody"
        if self.elsewhere:
            people += f" (the tenant goes on in {', '.join(self.elsewhere)})"
        return [
            f"record the end in the audit log and remove {len(self.rows)} rows of settings, connections, routes and subscriptions",
            people,
            "remove the schedules and the registration" if self.registered else "nothing is registered, so nothing is scheduled",
            "destroy its stack with the role and the secret" if self.stack else "there is no stack of it here",
        ]


@dataclass(frozen=True)
class Order:
    """On the strength of which export, why and when."""

    export: Checked
    reason: str
    at: datetime


def plan(tenancy: Tenancy) -> Plan:
    """What is there to take away."""
    here = [each for each in Environment if tenancy.directory.deployed(tenancy.tenant_id, each) is not None]
    elsewhere = tuple(each for each in here if each is not tenancy.environment)
    return Plan(
        people=() if elsewhere else tuple(_people(tenancy)),
        elsewhere=elsewhere,
        rows=tuple(_own_rows(tenancy)),
        registered=tenancy.environment in here,
        stack=stacks.exists(tenancy.settings, tenancy.stack),
    )


def revoke(tenancy: Tenancy, what: Plan, order: Order, steps: Steps) -> dict[str, Any]:
    """Carry out a plan; every step may be repeated after a failure. Gives the record of it.

    Raises:
        KpiError: naming the step that failed; the ones before it are done.
    """
    with steps.step("record", "the end of the tenancy into the audit log"):
        events = list(_recorded(tenancy, what, order))
    with steps.step("people", f"disable {len(what.people)} people"):
        _disable(tenancy, what.people)
    with steps.step("schedules", "stop what runs"):
        _stop(tenancy)
    if what.stack:
        destroy.destroy(tenancy.settings, steps, [tenancy.stack])
        with steps.step("stack", f"forget {tenancy.stack}"):
            stacks.pulumi_step(tenancy.settings, steps, ["stack", "rm", "-s", tenancy.stack, "--yes", "--preserve-config"])
    return {
        "tenant_id": tenancy.tenant_id,
        "environment": tenancy.environment.value,
        "export": order.export.digest,
        "events": [{"seq": event.seq, "hash": event.hash} for event in events],
        "people_disabled": list(what.people),
        "stack_destroyed": what.stack,
    }


def _recorded(tenancy: Tenancy, what: Plan, order: Order) -> Iterator[AuditEvent]:
    """One event, or several when there are more rows than a transaction takes; the first is written before anything is taken away.

    Those of a call that broke off are kept, whatever reason the repetition gives; it goes on after them with the rows that are left.
    """
    digest, done = order.export.digest, 0
    while (event := tenancy.store.event(tenancy.tenant_id, _event_id(tenancy, digest, done))) is not None:
        done += 1
        yield event
    if done and not what.rows:
        return
    for number, start in enumerate(range(0, max(1, len(what.rows)), MAX_CHANGES), start=done):
        facts = Facts(
            tenant_id=tenancy.tenant_id,
            event_id=_event_id(tenancy, digest, number),
            at=iso(order.at),
            actor=Actor(subject=f"operator:{getpass.getuser()}", role=SYSTEM),
            action="tenant.revoke",
            object_type="tenant",
            object_id=tenancy.tenant_id,
            environment=tenancy.environment,
            reason=order.reason,
            details={"intent": digest, "export": digest, "people": list(what.people), "stack": what.stack},
        )
        changes = [Delete(key, None) for key in what.rows[start : start + MAX_CHANGES]]
        yield tenancy.store.commit(tenancy.tenant_id, changes, facts)


def _event_id(tenancy: Tenancy, digest: str, number: int) -> str:
    return f"revoke:{tenancy.environment}:{digest}:{number}"


def _own_rows(tenancy: Tenancy) -> Iterator[str]:
    environment = tenancy.environment
    prefixes: Sequence[str] = (
        keys.settings(environment),
        keys.connections(environment),
        keys.alert_routes(environment),
        keys.reports(environment),
    )
    for prefix in prefixes:
        yield from (str(row["sk"]) for row in tenancy.rows(prefix))


def _people(tenancy: Tenancy) -> Iterator[str]:
    """User names; Cognito does not search by attributes of one's own, so all are looked at."""
    client, pool = tenancy.clients("cognito-idp"), str(tenancy.outputs["userPoolId"])
    page: dict[str, Any] = {}
    while True:
        answer = client.list_users(UserPoolId=pool, **page)
        for user in answer["Users"]:
            attributes = {each["Name"]: each["Value"] for each in user["Attributes"]}
            if attributes.get("custom:tenant_id") == tenancy.tenant_id:
                yield str(user["Username"])
        if not answer.get("PaginationToken"):
            return
        page = {"PaginationToken": answer["PaginationToken"]}


def _disable(tenancy: Tenancy, people: Sequence[str]) -> None:
    client, pool = tenancy.clients("cognito-idp"), str(tenancy.outputs["userPoolId"])
    for name in people:
        client.admin_disable_user(UserPoolId=pool, Username=name)
        client.admin_user_global_sign_out(UserPoolId=pool, Username=name)


def _stop(tenancy: Tenancy) -> None:
    request = {"action": "offboard", "tenant_id": tenancy.tenant_id, "environment": tenancy.environment.value}
    function = str(tenancy.outputs["reconcilerFunction"])
    answer = tenancy.clients("lambda").invoke(FunctionName=function, Payload=json.dumps(request).encode())
    content = answer["Payload"].read().decode()
    if answer.get("FunctionError"):
        raise KpiError(function, f"the schedules of {tenancy.stack} were not removed: {content[:500]}", next="repeat the command")
