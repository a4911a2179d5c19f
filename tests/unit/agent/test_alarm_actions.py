"""What the agent holds back: actions of muted alarms, and of composites with a suppressor."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.unit.agent.alarm_rig import ACME, OTHER, TOPIC, Cloud, Rig, alarm
from tests.unit.agent.cloud import client_error


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def mute_rule(expression: str, duration: str = "PT1H", *alarms: str, **changes: Any) -> dict[str, Any]:
    schedule = {"Expression": expression, "Duration": duration, "Timezone": "UTC"}
    return {"Name": "change", "Rule": {"Schedule": schedule}, "MuteTargets": {"AlarmNames": list(alarms or ("acme",))}, **changes}


def now_rule(*alarms: str, **changes: Any) -> dict[str, Any]:
    """A rule whose window opened half an hour ago and stays open for as long."""
    opened = datetime.now(UTC) - timedelta(minutes=30)
    return mute_rule(f"at({opened:%Y-%m-%dT%H:%M})", "PT1H", *alarms, **changes)


def test_a_muted_alarm_changes_its_state_and_the_event_goes_out_but_no_topic_is_told(rig: Rig):
    rig.cloud.mute_rules = {"change": now_rule("acme")}
    rig.sample(1)
    assert rig.step(alarm("acme"), alarm("twin")) == {"acme": "ALARM", "twin": "ALARM"}
    assert rig.published() == [("twin", "ALARM")]
    assert len(rig.cloud.events) == 2


def test_what_was_muted_is_told_when_the_window_is_over_also_after_a_restart(rig: Rig):
    rig.cloud.mute_rules = {"change": now_rule("acme")}
    rig.sample(1)
    rig.step(alarm("acme"))
    rig.restart()
    rig.step()
    assert rig.published() == []
    rig.cloud.mute_rules = {}
    rig.step()
    rig.step()
    assert rig.published() == [("acme", "ALARM")]


def test_an_alarm_that_recovered_while_it_was_muted_does_not_tell_of_its_alarm(rig: Rig):
    rig.cloud.mute_rules = {"change": now_rule("acme")}
    rig.sample(1)
    rig.step(alarm("acme"))
    rig.store._connection.execute("update sample set timestamp = timestamp - 600")
    rig.step()
    rig.cloud.mute_rules = {}
    rig.step()
    assert rig.published() == []


def test_a_closed_or_expired_or_broken_mute_rule_mutes_nothing(rig: Rig):
    closed = mute_rule("at(2020-01-01T00:00)")
    expired = now_rule("acme", ExpireDate=datetime.now(UTC) - timedelta(minutes=5))
    broken = mute_rule("rate(5 minutes)")
    rig.cloud.mute_rules = {"a": closed, "b": expired}
    rig.sample(1)
    rig.step(alarm("acme"))
    rig.cloud.mute_rules = {"c": broken}
    rig.step(alarm("acme"), alarm("twin"))
    assert rig.published() == [("acme", "ALARM"), ("twin", "ALARM")]


def test_a_mute_rule_is_read_again_only_when_it_was_changed(rig: Rig):
    rig.cloud.mute_rules = {"a": mute_rule("at(2020-01-01T00:00)"), "b": mute_rule("at(2020-01-01T00:00)")}
    rig.step(alarm("acme"))
    rig.step()
    assert rig.cloud.mute_calls == ["list", "a", "list", "b", "list", "list"]


def test_an_endpoint_without_mute_rules_mutes_nothing_and_is_not_asked_at_every_step(rig: Rig):
    class Without(Cloud):
        def list_alarm_mute_rules(self, **_more: str) -> dict[str, Any]:
            self.mute_calls.append("list")
            raise client_error("InvalidAction")

    rig.cloud = Without()
    rig.restart()
    rig.sample(1)
    rig.step(alarm("acme"))
    rig.step()
    assert rig.cloud.mute_calls == ["list"]
    assert rig.published() == [("acme", "ALARM")]


def page(**changes: Any) -> dict[str, Any]:
    values = {"ActionsSuppressor": "other", "ActionsSuppressorWaitPeriod": 0, "ActionsSuppressorExtensionPeriod": 0} | changes
    return {
        "AlarmName": "page",
        "AlarmRule": 'ALARM("acme")',
        "ActionsEnabled": True,
        "AlarmActions": [TOPIC],
        "OKActions": [TOPIC],
        **values,
    }


QUIET = {"AlarmActions": [], "OKActions": []}


def test_a_composite_is_silent_while_its_suppressor_is_in_alarm_and_acts_after_it(rig: Rig):
    rig.sample(1, ACME)
    rig.sample(1, OTHER)
    states = rig.step(page(), alarm("acme", **QUIET), alarm("other", OTHER, **QUIET))
    assert states == {"acme": "ALARM", "other": "ALARM", "page": "ALARM"}
    assert rig.published() == []
    rig.store._connection.execute("update sample set timestamp = timestamp - 600 where dimensions like '%other%'")
    assert rig.step()["other"] == "OK"
    assert rig.published() == [("page", "ALARM")]


def test_the_extension_keeps_a_composite_silent_after_its_suppressor_has_recovered(rig: Rig):
    rig.sample(1, ACME)
    rig.sample(1, OTHER)
    arn = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:other"
    rig.step(page(ActionsSuppressor=arn, ActionsSuppressorExtensionPeriod=300), alarm("acme", **QUIET), alarm("other", OTHER, **QUIET))
    rig.store._connection.execute("update sample set timestamp = timestamp - 600 where dimensions like '%other%'")
    rig.step()
    assert rig.published() == []
    rig.store._connection.execute("update left_alarm set at = at - 400")
    rig.step()
    assert rig.published() == [("page", "ALARM")]


def test_a_composite_waits_for_its_suppressor_and_acts_when_it_does_not_come(rig: Rig):
    rig.sample(1, ACME)
    rig.step(page(ActionsSuppressorWaitPeriod=120), alarm("acme", **QUIET), alarm("other", OTHER, **QUIET))
    assert rig.published() == []
    rig.store._connection.execute("update held set until = until - 200")
    rig.step()
    assert rig.published() == [("page", "ALARM")]


def test_a_composite_that_recovers_while_it_waits_tells_of_nothing_before_the_wait_is_over(rig: Rig):
    rig.sample(1, ACME)
    rig.step(page(ActionsSuppressorWaitPeriod=120), alarm("acme", **QUIET), alarm("other", OTHER, **QUIET))
    rig.store._connection.execute("update sample set timestamp = timestamp - 600")
    assert rig.step()["page"] == "OK"
    assert rig.published() == []
