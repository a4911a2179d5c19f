"""Budgets and their notifications."""

from typing import Any

import pytest

from tests.local.provider.rig import ACCOUNT, Refused, Rig, lives_a_full_life

BUDGET = "aws:budgets/budget:Budget"


def notice(kind: str, threshold: float) -> dict[str, Any]:
    return {
        "comparisonOperator": "GREATER_THAN",
        "notificationType": kind,
        "threshold": threshold,
        "thresholdType": "PERCENTAGE",
        "subscriberEmailAddresses": ["ops@example.com"],
        "subscriberSnsTopicArns": [f"arn:aws:sns:us-east-1:{ACCOUNT}:alerts"],
    }


def test_a_budget_lives_a_full_life(rig: Rig) -> None:
    it = rig.create(
        BUDGET,
        name="monthly",
        budgetType="COST",
        timeUnit="MONTHLY",
        limitAmount="100.00",
        limitUnit="USD",
        costFilters=[{"name": "TagKeyValue", "values": ["user:tenant$acme"]}],
        notifications=[notice("ACTUAL", 100), notice("FORECASTED", 80)],
        tags={"team": "kpi"},
    )
    assert it.id == f"{ACCOUNT}:monthly"

    def spoil() -> None:
        gone = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 100.0, "ThresholdType": "PERCENTAGE"}
        rig.aws("budgets").delete_notification(AccountId=ACCOUNT, BudgetName="monthly", Notification=gone)  # type: ignore[arg-type]

    change = {"limitAmount": "200.00", "notifications": [notice("ACTUAL", 100), notice("FORECASTED", 90)]}
    lives_a_full_life(it, change=change, spoil=spoil, drifted="notifications")


def test_a_budget_needs_a_limit(rig: Rig) -> None:
    with pytest.raises(Refused, match="needs limitAmount and limitUnit"):
        rig.create(BUDGET, "endless", name="endless", budgetType="COST", timeUnit="MONTHLY")
