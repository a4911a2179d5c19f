"""WAF: web ACLs (ids are AWS's) and their associations (`aclArn,resourceArn`).

The emulator stores a web ACL but never evaluates it. Statements that need `fieldToMatch` are not accepted here.
"""

from typing import Any

from local.provider.framework.context import Context, ProviderError
from local.provider.framework.resource import Inputs, Observed, Resource, Tags
from local.provider.framework.schema import Property, boolean, integer, listing, record, text
from local.provider.framework.translation import from_aws, rows, tag_list, tag_map, to_aws

EMPTY = record({}, presence=True)
VISIBILITY = record(
    {
        "cloudwatchMetricsEnabled": boolean(required=True),
        "metricName": text(required=True),
        "sampledRequestsEnabled": boolean(required=True),
    },
    required=True,
)
SIMPLE = {
    "geoMatchStatement": record({"countryCodes": listing(text(), required=True)}),
    "ipSetReferenceStatement": record({"arn": text(required=True)}),
    "labelMatchStatement": record({"key": text(required=True), "scope": text("LABEL", "NAMESPACE", required=True)}),
}


def combined(inner: dict[str, Property]) -> dict[str, Property]:
    """Statements, and what combines them."""
    several = listing(record(inner), required=True)
    return {
        **inner,
        "andStatement": record({"statements": several}),
        "orStatement": record({"statements": several}),
    }


SCOPE_DOWN = record(combined(SIMPLE))
ACTIONS = {"allow": EMPTY, "block": EMPTY, "captcha": EMPTY, "challenge": EMPTY, "count": EMPTY}
STATEMENT = record(
    {
        **combined(SIMPLE),
        "managedRuleGroupStatement": record(
            {
                "name": text(required=True),
                "vendorName": text(required=True),
                "ruleActionOverrides": listing(
                    record({"name": text(required=True), "actionToUse": record(ACTIONS, required=True, presence=True)}), unordered=True
                ),
                "scopeDownStatement": SCOPE_DOWN,
                "version": text(),
            }
        ),
        "rateBasedStatement": record(
            {
                "aggregateKeyType": text("IP", "FORWARDED_IP", "CONSTANT", "CUSTOM_KEYS", required=True),
                "limit": integer(required=True),
                "evaluationWindowSec": integer(default=300),
                "scopeDownStatement": SCOPE_DOWN,
            }
        ),
    },
    required=True,
)
RULE = record(
    {
        "name": text(required=True),
        "priority": integer(required=True),
        "statement": STATEMENT,
        "visibilityConfig": VISIBILITY,
        "action": record(ACTIONS, presence=True),
        "overrideAction": record({"count": EMPTY, "none": EMPTY}, presence=True),
        "ruleLabels": listing(record({"name": text(required=True)}), unordered=True),
    }
)
ACL = {
    "name": text(computed=True),
    "scope": text("CLOUDFRONT", "REGIONAL", required=True, replace=True),
    "defaultAction": record({"allow": EMPTY, "block": EMPTY}, required=True, presence=True),
    # The emulator takes a description when the ACL is made and never changes it afterwards.
    "description": text(write_only=True),
    "rules": listing(RULE, unordered=True),
    "visibilityConfig": VISIBILITY,
}
SENT = {key: prop for key, prop in ACL.items() if key not in ("name", "scope")}
ALIASES = {"cloudwatchMetricsEnabled": "CloudWatchMetricsEnabled", "ipSetReferenceStatement": "IPSetReferenceStatement", "arn": "ARN"}
SCOPES = ("REGIONAL", "CLOUDFRONT")


def _summaries(ctx: Context, scope: str) -> list[dict[str, Any]]:
    return list(ctx.client("wafv2").list_web_acls(Scope=scope).get("WebACLs", []))


def _locate(ctx: Context, id: str) -> tuple[str, dict[str, Any]] | None:
    """The scope and summary of an ACL; AWS wants both, and the name, to get it."""
    found = ((scope, each) for scope in SCOPES for each in _summaries(ctx, scope))
    return next(((scope, each) for scope, each in found if each["Id"] == id), None)


def find_acl(ctx: Context, inputs: Inputs) -> str | None:
    """The ACL of that name in that scope."""
    return next((str(each["Id"]) for each in _summaries(ctx, inputs["scope"]) if each["Name"] == inputs["name"]), None)


def _request(inputs: Inputs) -> dict[str, Any]:
    """The settings as AWS takes them. Raises ProviderError for rules AWS refuses and the emulator accepts."""
    for rule in rows(inputs, "rules"):
        group = "managedRuleGroupStatement" in rule["statement"]
        wanted, other = ("overrideAction", "action") if group else ("action", "overrideAction")
        if rule.get(wanted) is None or rule.get(other) is not None:
            raise ProviderError(f"rule '{rule['name']}' must have {wanted} and not {other}: only rule groups take overrideAction")
        if len(rule["statement"]) != 1:
            raise ProviderError(f"rule '{rule['name']}' has {len(rule['statement'])} statements: expected one")
    priorities = [rule["priority"] for rule in rows(inputs, "rules")]
    if len(priorities) != len(set(priorities)):
        raise ProviderError(f"rules have priorities {sorted(priorities)}: expected each once")
    return {"Rules": [], **to_aws(inputs, SENT, ALIASES)}


def create_acl(ctx: Context, inputs: Inputs) -> str:
    """Make the ACL."""
    answer = ctx.client("wafv2").create_web_acl(Name=inputs["name"], Scope=inputs["scope"], **_request(inputs))
    return str(answer["Summary"]["Id"])


def read_acl(ctx: Context, id: str, _state: Inputs) -> Observed | None:
    """AWS tells everything."""
    located = _locate(ctx, id)
    if located is None:
        return None
    scope, summary = located
    acl = ctx.client("wafv2").get_web_acl(Name=summary["Name"], Id=id, Scope=scope)["WebACL"]
    outputs = {"arn": acl["ARN"], "capacity": acl.get("Capacity", 0), "lockToken": summary["LockToken"]}
    return Observed(inputs={**from_aws(acl, SENT, ALIASES), "name": acl["Name"], "scope": scope}, outputs=outputs)


def _expected(ctx: Context, id: str) -> dict[str, str]:
    """Name, scope and lock token for a change."""
    located = _locate(ctx, id)
    if located is None:
        raise ProviderError(f"web ACL {id} is gone: run `pulumi refresh`, then `pulumi up`")
    scope, summary = located
    return {"Id": id, "Name": summary["Name"], "Scope": scope, "LockToken": summary["LockToken"]}


def update_acl(ctx: Context, id: str, _old: Inputs, new: Inputs) -> None:
    """Replace the rules and settings."""
    ctx.client("wafv2").update_web_acl(**_expected(ctx, id), **_request(new))


def delete_acl(ctx: Context, id: str, _state: Inputs) -> None:
    """Delete the ACL."""
    if _locate(ctx, id) is not None:
        ctx.client("wafv2").delete_web_acl(**_expected(ctx, id))


def _arn(ctx: Context, id: str) -> str:
    located = _locate(ctx, id)
    return str(located[1]["ARN"]) if located else id


def read_tags(ctx: Context, id: str, _state: Inputs) -> dict[str, str]:
    """The ACL's tags."""
    answer = ctx.client("wafv2").list_tags_for_resource(ResourceARN=_arn(ctx, id))
    return tag_map(answer["TagInfoForResource"].get("TagList"))


def write_tags(ctx: Context, id: str, _inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags."""
    if changed:
        ctx.client("wafv2").tag_resource(ResourceARN=_arn(ctx, id), Tags=tag_list(changed))
    if removed:
        ctx.client("wafv2").untag_resource(ResourceARN=_arn(ctx, id), TagKeys=removed)


def _associated(ctx: Context, resource: str) -> str | None:
    answer = ctx.optional(lambda: ctx.client("wafv2").get_web_acl_for_resource(ResourceArn=resource))
    return str(answer["WebACL"]["ARN"]) if answer and answer.get("WebACL") else None


def find_association(ctx: Context, inputs: Inputs) -> str | None:
    """The association of that resource: it may have one ACL only, and a second call would replace it."""
    acl = _associated(ctx, inputs["resourceArn"])
    return f"{acl},{inputs['resourceArn']}" if acl else None


def create_association(ctx: Context, inputs: Inputs) -> str:
    """Put the ACL before the resource."""
    ctx.client("wafv2").associate_web_acl(WebACLArn=inputs["webAclArn"], ResourceArn=inputs["resourceArn"])
    return f"{inputs['webAclArn']},{inputs['resourceArn']}"


def read_association(ctx: Context, id: str, _state: Inputs) -> Observed | None:
    """The ACL that is before the resource now."""
    resource = id.split(",", 1)[1]
    acl = _associated(ctx, resource)
    return Observed(inputs={"webAclArn": acl, "resourceArn": resource}) if acl else None


def delete_association(ctx: Context, id: str, _state: Inputs) -> None:
    """Take the ACL away."""
    ctx.client("wafv2").disassociate_web_acl(ResourceArn=id.split(",", 1)[1])


RESOURCES = (
    Resource(
        token="aws:wafv2/webAcl:WebAcl",
        name="name",
        inputs=ACL,
        outputs=("arn", "capacity", "lockToken"),
        volatile=("capacity", "lockToken"),
        find=find_acl,
        create=create_acl,
        read=read_acl,
        update=update_acl,
        delete=delete_acl,
        tags=Tags(read_tags, write_tags),
    ),
    Resource(
        token="aws:wafv2/webAclAssociation:WebAclAssociation",
        inputs={"resourceArn": text(required=True, replace=True), "webAclArn": text(required=True, replace=True)},
        find=find_association,
        create=create_association,
        read=read_association,
        delete=delete_association,
    ),
)
