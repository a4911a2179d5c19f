"""Budgets: `aws:budgets/budget:Budget`. Ids are `account:name`. The emulator has no bills: a budget never notifies."""

from typing import Any

from local.provider.framework.context import Context, ProviderError
from local.provider.framework.resource import Inputs, Observed, Resource, Tags
from local.provider.framework.schema import boolean, listing, number, record, text
from local.provider.framework.translation import from_aws, part, rows, tag_list, tag_map, texts, to_aws

COST_TYPES = record(
    {
        name: boolean(computed=True)
        for name in (
            "includeCredit", "includeDiscount", "includeOtherSubscription", "includeRecurring", "includeRefund", "includeSubscription",
            "includeSupport", "includeTax", "includeUpfront", "useAmortized", "useBlended",
        )
    },
    computed=True,
)  # fmt: skip
NOTIFICATION = record(
    {
        "comparisonOperator": text("GREATER_THAN", "LESS_THAN", "EQUAL_TO", required=True),
        "notificationType": text("ACTUAL", "FORECASTED", required=True),
        "threshold": number(required=True),
        "thresholdType": text("PERCENTAGE", "ABSOLUTE_VALUE", required=True),
        "subscriberEmailAddresses": listing(text(), unordered=True),
        "subscriberSnsTopicArns": listing(text(), unordered=True),
    }
)
ALARM = {key: NOTIFICATION.fields[key] for key in ("comparisonOperator", "notificationType", "threshold", "thresholdType")}
SUBSCRIBERS = {"subscriberEmailAddresses": "EMAIL", "subscriberSnsTopicArns": "SNS"}
BUDGET = {
    "name": text(computed=True),
    "budgetType": text(
        "COST", "USAGE", "RI_COVERAGE", "RI_UTILIZATION", "SAVINGS_PLANS_COVERAGE", "SAVINGS_PLANS_UTILIZATION", required=True, replace=True
    ),
    "timeUnit": text("DAILY", "MONTHLY", "QUARTERLY", "ANNUALLY", required=True),
    "costFilters": listing(record({"name": text(required=True), "values": listing(text(), required=True)}), unordered=True),
    "costTypes": COST_TYPES,
    "limitAmount": text(),
    "limitUnit": text(),
    "notifications": listing(NOTIFICATION, unordered=True),
}


def _budget(inputs: Inputs) -> dict[str, Any]:
    if not inputs.get("limitAmount") or not inputs.get("limitUnit"):
        raise ProviderError(f"budget '{inputs['name']}' needs limitAmount and limitUnit: the local provider knows fixed limits only")
    budget: dict[str, Any] = {
        "BudgetName": inputs["name"],
        "BudgetType": inputs["budgetType"],
        "TimeUnit": inputs["timeUnit"],
        "BudgetLimit": {"Amount": inputs["limitAmount"], "Unit": inputs["limitUnit"]},
        "CostFilters": {each["name"]: each["values"] for each in rows(inputs, "costFilters")},
    }
    if inputs.get("costTypes"):
        budget["CostTypes"] = to_aws(inputs["costTypes"], COST_TYPES.fields)
    return budget


def _subscribers(notification: Inputs) -> list[dict[str, str]]:
    return [{"SubscriptionType": kind, "Address": address} for key, kind in SUBSCRIBERS.items() for address in texts(notification, key)]


def _place(ctx: Context, id: str) -> dict[str, str]:
    return {"AccountId": ctx.account, "BudgetName": id.split(":", 1)[1]}


def find(ctx: Context, inputs: Inputs) -> str | None:
    """The budget of that name."""
    id_ = f"{ctx.account}:{inputs['name']}"
    return id_ if ctx.optional(lambda: ctx.client("budgets").describe_budget(**_place(ctx, id_))) else None


def create(ctx: Context, inputs: Inputs) -> str:
    """Make the budget with its notifications."""
    entries = [{"Notification": to_aws(each, ALARM), "Subscribers": _subscribers(each)} for each in rows(inputs, "notifications")]
    ctx.client("budgets").create_budget(AccountId=ctx.account, Budget=_budget(inputs), NotificationsWithSubscribers=entries)
    return f"{ctx.account}:{inputs['name']}"


def read(ctx: Context, id: str, _state: Inputs) -> Observed:
    """AWS tells everything."""
    budget = ctx.client("budgets").describe_budget(**_place(ctx, id))["Budget"]
    types = budget.get("CostTypes")
    told = {
        "name": budget["BudgetName"],
        "budgetType": budget["BudgetType"],
        "timeUnit": budget["TimeUnit"],
        "limitAmount": budget["BudgetLimit"]["Amount"],
        "limitUnit": budget["BudgetLimit"]["Unit"],
        "costFilters": [{"name": name, "values": values} for name, values in part(budget, "CostFilters").items()],
        "costTypes": from_aws(types, COST_TYPES.fields) if types else None,
        "notifications": [_told(ctx, id, each) for each in _notifications(ctx, id)],
    }
    return Observed(inputs=told, outputs={"arn": _arn(ctx, id)})


def _notifications(ctx: Context, id: str) -> list[dict[str, Any]]:
    return list(ctx.client("budgets").describe_notifications_for_budget(**_place(ctx, id)).get("Notifications", []))


def _told(ctx: Context, id: str, notification: dict[str, Any]) -> Inputs:
    asked = {key: value for key, value in notification.items() if key != "NotificationState"}
    found = ctx.client("budgets").describe_subscribers_for_notification(**_place(ctx, id), Notification=asked).get("Subscribers", [])
    addresses = {key: [each["Address"] for each in found if each["SubscriptionType"] == kind] for key, kind in SUBSCRIBERS.items()}
    return {**from_aws(notification, ALARM), **addresses}


def update(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Replace the budget's settings, and the notifications that differ."""
    client = ctx.client("budgets")
    client.update_budget(AccountId=ctx.account, NewBudget=_budget(new))
    before, after = rows(old, "notifications"), rows(new, "notifications")
    for each in before:
        if each not in after:
            client.delete_notification(**_place(ctx, id), Notification=to_aws(each, ALARM))
    for each in after:
        if each not in before:
            client.create_notification(**_place(ctx, id), Notification=to_aws(each, ALARM), Subscribers=_subscribers(each))


def delete(ctx: Context, id: str, _state: Inputs) -> None:
    """Delete the budget."""
    ctx.client("budgets").delete_budget(**_place(ctx, id))


def _arn(ctx: Context, id: str) -> str:
    return ctx.arn("budgets", f"budget/{id.split(':', 1)[1]}", region="")


def read_tags(ctx: Context, id: str, _state: Inputs) -> dict[str, str]:
    """The budget's tags."""
    return tag_map(ctx.client("budgets").list_tags_for_resource(ResourceARN=_arn(ctx, id)).get("ResourceTags"))


def write_tags(ctx: Context, id: str, _inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags."""
    if changed:
        ctx.client("budgets").tag_resource(ResourceARN=_arn(ctx, id), ResourceTags=tag_list(changed))
    if removed:
        ctx.client("budgets").untag_resource(ResourceARN=_arn(ctx, id), ResourceTagKeys=removed)


RESOURCES = (
    Resource(
        token="aws:budgets/budget:Budget",
        name="name",
        inputs=BUDGET,
        outputs=("arn",),
        find=find,
        create=create,
        read=read,
        update=update,
        delete=delete,
        tags=Tags(read_tags, write_tags),
    ),
)
