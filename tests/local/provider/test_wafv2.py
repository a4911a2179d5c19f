"""Web ACLs and their associations."""

from typing import Any

import pytest

from tests.local.provider.rig import ACCOUNT, REGION, Refused, Rig, lives_a_full_life

ACL = "aws:wafv2/webAcl:WebAcl"


def visible(name: str) -> dict[str, Any]:
    return {"cloudwatchMetricsEnabled": True, "metricName": name, "sampledRequestsEnabled": False}


LIMIT: dict[str, Any] = {
    "name": "limit",
    "priority": 1,
    "action": {"block": {}},
    "statement": {"rateBasedStatement": {"limit": 2000, "aggregateKeyType": "IP"}},
    "visibilityConfig": visible("limit"),
}
MANAGED: dict[str, Any] = {
    "name": "common",
    "priority": 0,
    "overrideAction": {"none": {}},
    "statement": {"managedRuleGroupStatement": {"name": "AWSManagedRulesCommonRuleSet", "vendorName": "AWS"}},
    "visibilityConfig": visible("common"),
}


def acl(rig: Rig, name: str, **inputs: Any) -> Any:
    base = {"scope": "REGIONAL", "defaultAction": {"allow": {}}, "visibilityConfig": visible(name), "rules": [LIMIT, MANAGED]}
    return rig.create(ACL, name, name=name, **{**base, **inputs})


@pytest.mark.parametrize("scope", ["REGIONAL", "CLOUDFRONT"])
def test_a_web_acl_lives_a_full_life(rig: Rig, scope: str) -> None:
    it = acl(rig, f"portal-{scope}", scope=scope, description="portal", tags={"team": "kpi"})
    assert it.state["arn"].startswith(f"arn:aws:wafv2:{REGION}:{ACCOUNT}:")

    def spoil() -> None:
        client = rig.aws("wafv2")
        place: Any = {"Name": it.state["name"], "Id": it.id, "Scope": scope}
        now = client.get_web_acl(**place)
        kept = {key: now["WebACL"][key] for key in ("DefaultAction", "VisibilityConfig")}
        client.update_web_acl(**place, **kept, Rules=[], LockToken=now["LockToken"])

    change = {"rules": [{**LIMIT, "statement": {"rateBasedStatement": {"limit": 500, "aggregateKeyType": "IP"}}}], "tags": {"team": "core"}}
    lives_a_full_life(it, change=change, spoil=spoil, drifted="rules")


def test_allowing_instead_of_blocking_is_a_change_although_both_are_empty(rig: Rig) -> None:
    it = acl(rig, "switched")
    assert it.update(defaultAction={"block": {}}) == ["defaultAction"]
    assert it.drift() == []
    assert it.update(rules=[{**LIMIT, "action": {"count": {}}}, MANAGED]) == ["rules"]
    assert it.drift() == []


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ([{**MANAGED, "overrideAction": None, "action": {"block": {}}}], "must have overrideAction and not action"),
        ([LIMIT, {**MANAGED, "priority": 1}], "expected each once"),
    ],
)
def test_rules_that_aws_refuses_are_refused(rig: Rig, rules: list[Any], problem: str) -> None:
    with pytest.raises(Refused, match=problem):
        acl(rig, "bad", rules=rules)


def test_an_association_lives_and_dies(rig: Rig) -> None:
    it = acl(rig, "before-api")
    stage = f"arn:aws:apigateway:{REGION}::/restapis/abc/stages/prod"
    association = rig.create("aws:wafv2/webAclAssociation:WebAclAssociation", resourceArn=stage, webAclArn=it.state["arn"])
    assert association.drift() == []
    association.delete()
    assert association.gone()


def test_logging_of_a_web_acl_is_refused_by_name(rig: Rig) -> None:
    it = acl(rig, "logged")
    token = "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration"
    with pytest.raises(Refused, match="embedded AWS has no PutLoggingConfiguration"):
        rig.create(token, resourceArn=it.state["arn"], logDestinationConfigs=["arn:aws:logs:us-east-1:1:log-group:aws-waf-logs-x"])
