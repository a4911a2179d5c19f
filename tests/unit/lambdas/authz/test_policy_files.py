"""Code, schema and policies speak of the same actions, and unusable policies are refused before the first call."""

from __future__ import annotations

import re

import pytest

from kpis.common import Environment
from lambdas.domain.access import Role
from lambdas.domain.authz.actions import Action
from lambdas.domain.authz.book import PolicyError, installed, policy_text, read_book, schema_text
from lambdas.domain.authz.resources import Kind, KpiObject
from lambdas.domain.authz.simulate import member
from tests.unit.lambdas.authz.books import changed

ACTIONS = {action.value for action in Action}
NEVER_PERMITTED = {Action.CONNECTION_READ_SECRET.value}


def test_the_schema_has_the_actions_of_the_code() -> None:
    statements = re.findall(r"^action ([^;]*?)(?: in \[|\s*;)", schema_text(), re.MULTILINE)
    assert {name for statement in statements for name in re.findall(r'"([^"]+)"', statement)} == ACTIONS


def test_the_schema_has_the_objects_roles_and_environments_of_the_code() -> None:
    declared = set(re.findall(r"^entity (\w+)", schema_text(), re.MULTILINE))
    assert declared == {kind.value for kind in Kind} | {"Role", "Environment", "Tenant", "User"}
    assert _words("entity Role enum") == [role.value for role in Role]
    assert _words("entity Environment enum") == [environment.value for environment in Environment]


def _words(start: str) -> list[str]:
    line = next(line for line in schema_text().splitlines() if line.startswith(start))
    return re.findall(r'"([^"]+)"', line)


def test_every_action_is_permitted_to_someone_or_meant_for_nobody() -> None:
    permitted = {action for policy in installed().all if policy.permits for action in policy.actions}
    assert permitted == ACTIONS - NEVER_PERMITTED


def test_policies_name_only_actions_of_the_code_and_groups_of_the_schema() -> None:
    named = {action for policy in installed().all for action in policy.actions}
    assert named <= ACTIONS | {"read", "write", "go_live", "sign"}


def test_every_permit_is_for_one_role_and_lists_its_actions() -> None:
    loose = [policy.name for policy in installed().all if policy.permits and (policy.role is None or not policy.actions <= ACTIONS)]
    assert loose == []


def test_an_action_new_in_the_schema_is_denied_until_a_policy_names_it() -> None:
    schema = schema_text() + 'action "kpi.teleport" in [read] appliesTo { principal: User, resource: Kpi };\n'
    authorizer = changed(policy_text(), schema)
    resource = KpiObject("acme", Environment.DEV, "K")
    for role in Role:
        decision = authorizer.decide(member(role, "acme"), "kpi.teleport", resource)  # type: ignore[arg-type]
        assert (decision.allowed, decision.error) == (False, None)


ANNOTATED = '@id("x") @says("y") '


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        ("permit (principal, action, resource)", "parse"),
        (ANNOTATED + 'permit (principal, action == Action::"kpi.raed", resource);', "x: .*kpi.raed"),
        (ANNOTATED + 'permit (principal in Role::"boss", action, resource);', "boss"),
        (ANNOTATED + "permit (principal, action, resource) when { resource.colour == 1 };", "x: .*colour"),
        (ANNOTATED + 'forbid (principal, action, resource) when { resource.tenant == "acme" };', "x: "),
        (ANNOTATED + 'forbid (principal, action, resource) when { resource.environment == Environment::"prd" };', "x: .*prd"),
        ('@id("nameless") permit (principal, action, resource);', "nameless: needs @id and @says"),
        ("permit (principal, action, resource);", "needs @id and @says"),
        ('@id("other-tenant") @says("again") forbid (principal, action, resource);', "other-tenant: the @id is used twice"),
    ],
)
def test_unusable_policies_are_refused_by_name(policy: str, problem: str) -> None:
    with pytest.raises(PolicyError, match=problem):
        read_book(schema_text(), policy_text() + policy)


def test_all_problems_come_at_once() -> None:
    wrong = '@id("a") permit (principal, action, resource); @id("b") permit (principal, action, resource) when { resource.colour == 1 };'
    with pytest.raises(PolicyError) as refused:
        read_book(schema_text(), wrong)
    assert "a: needs" in str(refused.value)
    assert "b: needs" in str(refused.value)
    assert "colour" in str(refused.value)


def test_a_broken_schema_is_refused() -> None:
    with pytest.raises(PolicyError, match="do not parse"):
        read_book("entity Role enum [", policy_text())
