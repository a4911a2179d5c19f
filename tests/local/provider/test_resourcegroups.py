"""Resource groups."""

import json

from tests.local.provider.rig import Rig, lives_a_full_life


def query(value: str) -> dict[str, str]:
    filters = {"ResourceTypeFilters": ["AWS::AllSupported"], "TagFilters": [{"Key": "tenant", "Values": [value]}]}
    return {"query": json.dumps(filters)}


def test_a_group_lives_a_full_life(rig: Rig) -> None:
    token = "aws:resourcegroups/group:Group"
    it = rig.create(token, name="acme", resourceQuery=query("acme"), description="tenant", tags={"team": "kpi"})

    def spoil() -> None:
        rig.aws("resource-groups").update_group(Group="acme", Description="other")

    lives_a_full_life(it, change={"resourceQuery": query("skyway"), "tags": {"team": "core"}}, spoil=spoil, drifted="description")
