"""The people of the demo: who `make up` makes, and what their tokens let them do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli import demo_users
from tests.local.conftest import Stack
from tests.local.workflows.company import Company
from tests.local.workflows.http import Ledger, Person, claims
from tests.local.workflows.people import OPERATOR, People

pytestmark = pytest.mark.local
TENANTS = ("skyway", "discco", "acme")


def test_every_demo_tenant_has_people_for_a_dual_approval_and_some_who_only_look(stack: Stack) -> None:
    client = stack.client("cognito-idp")
    for tenant in TENANTS:
        found: dict[str, Any] = {}
        for person in demo_users.people((tenant,)):
            told = claims(demo_users.token(client, stack.settings, stack.outputs, person.username))
            found[person.username.partition("@")[0]] = (told["cognito:groups"], told["custom:tenant_id"], told.get("custom:environments"))
        assert found == {
            "platform-admin": (["platform-admin"], "platform", None),
            "admin": (["client-admin"], tenant, None),
            "business": (["client-admin"], tenant, None),
            "technical": (["client-admin"], tenant, None),
            "author": (["client-admin"], tenant, "dev,stg"),
            "cfo": (["read-only"], tenant, None),
            "auditor": (["read-only"], tenant, None),
        }


def test_who_is_missing_is_added_and_nobody_is_made_twice(company: Company, tmp_path: Path) -> None:
    client, pool = company.stack.client("cognito-idp"), company.stack.outputs["userPoolId"]
    own = replace(company.stack.settings, root=tmp_path)
    own.local_dir.mkdir()
    tenant = f"{company.tenant}b"
    names = [each.username for each in demo_users.people((tenant,)) if each.username != OPERATOR]
    try:
        assert demo_users.ensure(client, own, pool, (tenant,)) == len(names)
        client.admin_delete_user(UserPoolId=pool, Username=f"author@{tenant}.example")
        assert demo_users.ensure(client, own, pool, (tenant,)) == 1
        assert demo_users.ensure(client, own, pool, (tenant,)) == 0
        assert claims(demo_users.token(client, own, company.stack.outputs, f"author@{tenant}.example"))["custom:environments"] == "dev,stg"
    finally:
        for name in names:
            client.admin_delete_user(UserPoolId=pool, Username=name)


def test_the_author_sees_dev_and_not_production(company: Company, people: People) -> None:
    path = f"/kpis/{company.kpi_id('A')}/versions"
    people.author.get(path, environment="dev").ok()
    assert people.author.get(path, environment="prod").refusal == (403, "POLICY_DENY")
    assert people.author.get("/audit").refusal == (403, "POLICY_DENY"), "the audit log spans all environments"


def test_people_of_one_tenant_learn_nothing_of_another(company: Company, people: People, stack: Stack) -> None:
    token = demo_users.token(stack.client("cognito-idp"), stack.settings, stack.outputs, "admin@acme.example")
    rival = Person("rival", people.admin.url, token, Ledger())
    theirs, nobodys = (rival.get(f"/kpis/{kpi_id}/versions") for kpi_id in (company.kpi_id("A"), "WFX-00000000"))
    assert theirs.refusal == nobodys.refusal == (404, "NOT_FOUND")
    assert replace(rival, tenant=company.tenant).get("/approvals").refusal == (403, "POLICY_DENY")
