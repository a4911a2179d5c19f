"""Who may change what a token says about a person."""

from __future__ import annotations

from typing import Any

from tests.infra.harness import Recording

CLAIMS = {"custom:tenant_id", "custom:environments"}


def attributes(platform: Recording) -> dict[str, dict[str, Any]]:
    pool = platform.one("aws:cognito/userPool:UserPool", "people")
    return {each["name"]: each for each in pool.inputs["schemas"]}


def test_nobody_can_move_to_another_tenant_or_grant_themselves_environments(platform: Recording) -> None:
    client = platform.one("aws:cognito/userPoolClient:UserPoolClient", "portal").inputs
    assert set(client["readAttributes"]) >= CLAIMS, "tokens carry what the policies ask for"
    assert not CLAIMS & set(client["writeAttributes"])


def test_a_person_keeps_the_tenant_for_life_and_may_be_given_other_environments(platform: Recording) -> None:
    assert {name: each["mutable"] for name, each in attributes(platform).items()} == {"tenant_id": False, "environments": True}


def test_attributes_state_their_constraints_so_that_aws_does_not_make_them_look_changed(platform: Recording) -> None:
    for name, attribute in attributes(platform).items():
        assert attribute["stringAttributeConstraints"] == {"minLength": "0", "maxLength": "20"}, name


def test_people_are_made_by_administrators_only(platform: Recording) -> None:
    pool = platform.one("aws:cognito/userPool:UserPool", "people").inputs
    assert pool["adminCreateUserConfig"] == {"allowAdminCreateUserOnly": True}
