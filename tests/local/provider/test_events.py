"""Event buses, rules, targets and archives."""

import json

import pytest

from tests.local.provider.rig import ACCOUNT, REGION, Refused, Rig, lives_a_full_life

BUS = "aws:cloudwatch/eventBus:EventBus"
RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"
ARCHIVE = "aws:cloudwatch/eventArchive:EventArchive"
PATTERN = json.dumps({"source": ["kpi.observatory"]})
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:sink"


def test_a_bus_lives_a_full_life(rig: Rig) -> None:
    bus = rig.create(BUS, name="kpi", description="signals", tags={"team": "kpi"})
    assert bus.state["arn"] == f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/kpi"

    def spoil() -> None:
        rig.aws("events").update_event_bus(Name="kpi", Description="other")

    lives_a_full_life(bus, change={"description": "all signals"}, spoil=spoil, drifted="description")


def test_a_rule_lives_a_full_life(rig: Rig) -> None:
    rig.create(BUS, "held", name="held")
    rule = rig.create(RULE, name="completed", eventBusName="held", eventPattern=PATTERN, description="done", tags={"team": "kpi"})
    assert rule.imported()["eventBusName"] == "held"

    def spoil() -> None:
        rig.aws("events").disable_rule(Name="completed", EventBusName="held")

    changed = json.dumps({"source": ["kpi.observatory"], "detail-type": ["kpi.run.completed"]})
    lives_a_full_life(rule, change={"eventPattern": changed, "description": None}, spoil=spoil, drifted="state")


def test_a_target_lives_a_full_life(rig: Rig) -> None:
    rig.create(BUS, "aimed", name="aimed")
    rig.create(RULE, "aimed-rule", name="aimed-rule", eventBusName="aimed", eventPattern=PATTERN)
    target = rig.create(
        TARGET,
        rule="aimed-rule",
        eventBusName="aimed",
        targetId="sink",
        arn=QUEUE,
        deadLetterConfig={"arn": f"{QUEUE}-dead"},
        retryPolicy={"maximumEventAgeInSeconds": 3600, "maximumRetryAttempts": 4},
        inputTransformer={"inputPaths": {"id": "$.detail.id"}, "inputTemplate": '{"id": <id>}'},
    )

    def spoil() -> None:
        rig.aws("events").put_targets(Rule="aimed-rule", EventBusName="aimed", Targets=[{"Id": "sink", "Arn": QUEUE}])

    change = {"inputTransformer": {"inputPaths": {"id": "$.detail.kpi"}, "inputTemplate": '{"kpi": <id>}'}}
    lives_a_full_life(target, change=change, spoil=spoil, drifted="inputTransformer")


def test_a_rule_with_targets_and_a_bus_with_rules_stay(rig: Rig) -> None:
    bus = rig.create(BUS, "full", name="full")
    rule = rig.create(RULE, "full-rule", name="full-rule", eventBusName="full", eventPattern=PATTERN)
    target = rig.create(TARGET, "full-target", rule="full-rule", eventBusName="full", arn=QUEUE)
    with pytest.raises(Refused, match="still has rules"):
        bus.delete()
    with pytest.raises(Refused, match="still has targets"):
        rule.delete()
    for each in (target, rule, bus):
        each.delete()
        assert each.gone()


def test_a_rule_needs_a_pattern_or_a_schedule(rig: Rig) -> None:
    with pytest.raises(Refused, match="neither eventPattern nor scheduleExpression"):
        rig.create(RULE, "empty", name="empty")


def test_an_archive_lives_a_full_life(rig: Rig) -> None:
    bus = rig.create(BUS, "kept", name="kept")
    archive = rig.create(ARCHIVE, name="kept", eventSourceArn=bus.state["arn"], retentionDays=30, eventPattern=PATTERN)
    assert archive.replaced_by(eventSourceArn="arn:aws:events:us-east-1:123456789012:event-bus/x") == ["eventSourceArn"]

    def spoil() -> None:
        rig.aws("events").update_archive(ArchiveName="kept", RetentionDays=1)

    lives_a_full_life(archive, change={"retentionDays": 60, "description": "year"}, spoil=spoil, drifted="retentionDays")
