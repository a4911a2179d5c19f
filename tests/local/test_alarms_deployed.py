"""A tenant's alarms and windows under the real engine: up, no change, drift found and repaired, destroyed without a trace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pulumi import automation as auto

import alerts
from infra.components.base import Context
from infra.components.observability import Observability, ObservabilityArgs
from infra.names import Names
from local.provider.framework.server import serve
from tests.local.provider.rig import ACCOUNT, AMENDED, REGION, REPOSITORY, Rig, emulator
from tests.unit.alerts.factory import row, summary

COMMAND_ROOT = REPOSITORY / ".local"
WHERE = {"deployment": "local", "region": REGION, "account_id": ACCOUNT}
STEM = "kpi-local-acme-prod"
WINDOW = alerts.Window("ledger-close", "The ledger is reloaded", "cron(0 22 1 * *)", "PT6H", expires="2035-12-31T23:59:00Z")
RULE = f"{STEM}-mute-ledger-close"


def program() -> None:
    alarms = alerts.tenant_alarms(summary(row()), tenant_id="acme", environment="prod", **WHERE)
    mutes = alerts.mute_rules(alarms, [WINDOW], stem=STEM)
    names = Names("local", ACCOUNT, REGION)
    told = ObservabilityArgs((), alarms, lambda alarm: [names.topic_arn(topic.value) for topic in alarm.topics], {}, mutes=mutes)
    Observability(Context(names, protect=False, log_retention_days=30), told)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with emulator(tmp_path, AMENDED) as url:
        yield Rig(url, tmp_path / "journal")


@pytest.fixture
def stack(rig: Rig, tmp_path: Path) -> Iterator[auto.Stack]:
    server, port = serve(rig.provider)
    home = tmp_path / "home"
    backend = tmp_path / "backend"
    backend.mkdir()
    environment = {
        "PULUMI_BACKEND_URL": backend.as_uri(), "PULUMI_CONFIG_PASSPHRASE": "test", "PULUMI_HOME": str(home),
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true", "PULUMI_DEBUG_PROVIDERS": f"aws:{port}",
        "AWS_ENDPOINT_URL": rig.url, "AWS_REGION": REGION,
    }  # fmt: skip
    options = auto.LocalWorkspaceOptions(env_vars=environment, pulumi_command=auto.PulumiCommand(str(COMMAND_ROOT)), pulumi_home=str(home))
    made = auto.create_stack("dev", "alarms-test", program, opts=options)
    made.set_config("aws:defaultTags.tags.team", auto.ConfigValue("kpi"), path=True)
    yield made
    server.stop(0)


@pytest.mark.skipif(not (COMMAND_ROOT / "bin" / "pulumi").exists(), reason="the engine is not there yet: run `make up` once")
def test_a_tenants_alarms_and_windows_live_a_full_life_under_the_engine(stack: auto.Stack, rig: Rig) -> None:
    cloudwatch = rig.aws("cloudwatch")
    stack.up()
    stack.preview(expect_no_changes=True)
    rule = cloudwatch.get_alarm_mute_rule(AlarmMuteRuleName=RULE)
    assert f"{STEM}-sla-breaches" in rule["MuteTargets"]["AlarmNames"]
    assert f"{STEM}-escalation" not in rule["MuteTargets"]["AlarmNames"]
    tags = cloudwatch.list_tags_for_resource(ResourceARN=rule["AlarmMuteRuleArn"])["Tags"]
    assert {"Key": "team", "Value": "kpi"} in tags

    # Somebody silences the tenant's alarms for good.
    forever = {"Schedule": {"Expression": "cron(* * * * *)", "Duration": "P15D"}}
    cloudwatch.put_alarm_mute_rule(Name=RULE, Rule=forever, MuteTargets=rule["MuteTargets"])
    with pytest.raises(auto.CommandError):
        stack.preview(expect_no_changes=True, refresh=True)
    stack.up(refresh=True)
    assert cloudwatch.get_alarm_mute_rule(AlarmMuteRuleName=RULE)["Rule"]["Schedule"]["Expression"] == "cron(0 22 1 * *)"
    stack.preview(expect_no_changes=True, refresh=True)

    stack.destroy()
    assert cloudwatch.list_alarm_mute_rules()["AlarmMuteRuleSummaries"] == []
    assert cloudwatch.describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])["MetricAlarms"] == []
