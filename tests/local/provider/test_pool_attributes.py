"""Attributes of a user pool: new ones are added in place, and no other change is possible, as in AWS."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local.provider.rig import Refused, Rig

POOL = "aws:cognito/userPool:UserPool"
TENANT: dict[str, Any] = {
    "name": "tenant_id",
    "attributeDataType": "String",
    "mutable": False,
    "stringAttributeConstraints": {"minLength": "0", "maxLength": "20"},
}
ENVIRONMENTS = TENANT | {"name": "environments", "mutable": True}


def test_an_attribute_is_added_to_a_pool_that_has_people(rig: Rig) -> None:
    pool = rig.create(POOL, name="grows", schemas=[TENANT])
    cognito = rig.aws("cognito-idp")
    cognito.admin_create_user(UserPoolId=pool.id, Username="ada", UserAttributes=[{"Name": "custom:tenant_id", "Value": "acme"}])
    assert pool.replaced_by(schemas=[TENANT, ENVIRONMENTS]) == []
    assert pool.update(schemas=[TENANT, ENVIRONMENTS]) == ["schemas"]
    assert pool.drift() == []
    cognito.admin_update_user_attributes(
        UserPoolId=pool.id, Username="ada", UserAttributes=[{"Name": "custom:environments", "Value": "dev,stg"}]
    )
    found = cognito.admin_get_user(UserPoolId=pool.id, Username="ada")["UserAttributes"]
    assert {each["Name"]: each["Value"] for each in found if each["Name"].startswith("custom:")} == {
        "custom:tenant_id": "acme",
        "custom:environments": "dev,stg",
    }


@pytest.mark.parametrize("wished", [[ENVIRONMENTS], [TENANT | {"mutable": True}, ENVIRONMENTS]])
def test_an_attribute_is_neither_changed_nor_removed(rig: Rig, wished: list[dict[str, Any]]) -> None:
    pool = rig.create(POOL, name="stays", schemas=[TENANT])
    with pytest.raises(Refused, match="expected only additions"):
        pool.update(schemas=wished)
