"""Who hears of which alert: asked of Alertmanager's own tool, and of the configuration."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.prometheus import Delivery, render_all
from alerts.prometheus.routing import Receiver, routes_of
from kpis.schema import Kpi
from tests.unit.alerts.prometheus.definitions import around, artifacts, checker, dictionary, kpi, write

SLACK = {"channel": "slack", "target": "finance", "severity": "medium", "escalate_after": "1h"}
PAGER = {"channel": "pagerduty", "target": "duty", "severity": "critical"}
HOSTILE = "{{ .Evil }} \"'# : &*!|>%@` {{{ \\ é 統計"


def configuration(*kpis: Kpi, delivery: Delivery | None = None) -> dict[str, Any]:
    found = {artifact.path: artifact.content for artifact in render_all(around(*kpis), delivery)}
    parsed: dict[str, Any] = yaml.safe_load(found["prometheus/alertmanager.yaml"])
    return parsed


def receivers_of(folder: Path, **labels: str) -> set[str]:
    """What `amtool config routes test` answers for an alert with these labels."""
    pairs = [f"{name}={value}" for name, value in labels.items()]
    command = [str(checker().amtool), "config", "routes", "test", "--config.file=alertmanager.yaml", *pairs]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return set(done.stdout.strip().split(","))


def test_amtool_sends_an_alert_to_the_routes_of_its_kpi_from_their_severity_up(tmp_path: Path) -> None:
    folder = write(tmp_path, artifacts(kpi(alerts=[SLACK, PAGER]), kpi("CFO-LQ-07", alerts=[PAGER])))
    alert = {"kpi_id": "CFO-HX-01", "urgency": "page"}
    assert receivers_of(folder, **alert, severity="critical") == {"pagerduty-duty", "slack-finance"}
    assert receivers_of(folder, **alert, severity="high") == {"slack-finance", "pagerduty-duty-escalated-1h"}
    assert receivers_of(folder, **alert, severity="low") == {"unrouted"}
    assert receivers_of(folder, kpi_id="CFO-LQ-07", urgency="ticket", severity="critical") == {"pagerduty-duty"}
    assert receivers_of(folder, kpi_id="CFO-HX-011", urgency="page", severity="critical") == {"unrouted"}


def test_an_unresolved_alert_goes_to_the_next_higher_route_after_the_time_the_definition_gives() -> None:
    routes = [route for route in routes_of([kpi(alerts=[SLACK, PAGER])]) if route.wait]
    assert {(route.receiver.name, route.severities, route.wait) for route in routes} == {
        ("pagerduty-duty-escalated-1h", ("medium", "high"), "1h"),
    }
    alone = [route for route in routes_of([kpi(alerts=[SLACK])]) if route.wait]
    assert {(route.receiver.name, route.severities) for route in alone} == {("slack-finance-escalated-1h", ("medium", "high", "critical"))}
    written = [route for route in configuration(kpi(alerts=[SLACK, PAGER]))["route"]["routes"] if "escalated" in route["receiver"]]
    assert {route["group_wait"] for route in written} == {"1h"}
    assert all("kpi_id" in route["group_by"] and "burn_tier" in route["group_by"] for route in written)


def test_kpis_with_the_same_target_severity_and_window_share_a_route() -> None:
    few, many = (len(routes_of([kpi(id=f"SAME-{number:03d}") for number in range(count)])) for count in (2, 200))
    assert few == many


def test_tickets_wait_until_the_run_window_is_over_and_pages_do_not() -> None:
    night = {
        "frequency": "daily",
        "trigger": "time",
        "cron": "0 0 * * *",
        "timezone": "Europe/Berlin",
        "window": {"start": "23:30", "end": "02:00"},
    }
    found = configuration(kpi(schedule=night, alerts=[PAGER]))
    muted = {route["matchers"][2]: route.get("mute_time_intervals") for route in found["route"]["routes"]}
    assert muted == {'urgency="page"': None, 'urgency="ticket"': ["run-window-23:30-02:00-Europe/Berlin"]}
    (interval,) = found["time_intervals"]
    times = [{"start_time": "23:30", "end_time": "24:00"}, {"start_time": "00:00", "end_time": "02:00"}]
    assert interval["time_intervals"] == [{"times": times, "location": "Europe/Berlin"}]


def test_a_window_over_midnight_and_every_channel_are_accepted_by_amtool(tmp_path: Path) -> None:
    night = {"frequency": "daily", "trigger": "time", "cron": "0 0 * * *", "window": {"start": "23:30", "end": "00:00"}}
    channels = ("slack", "email", "opsgenie", "pagerduty", "webhook")
    routes = [
        {"channel": channel, "target": target, "escalate_after": "90s"}
        for channel in channels
        for target in ("a", HOSTILE, "https://hooks.example/x")
    ]
    folder = write(tmp_path, artifacts(kpi(schedule=night, alerts=routes)))
    assert checker().check(folder) == ()


def test_a_dictionary_without_alert_routes_is_a_valid_configuration(tmp_path: Path) -> None:
    assert checker().check(write(tmp_path, artifacts(kpi(alerts=())))) == ()


def test_a_target_is_text_and_never_a_template() -> None:
    found = configuration(kpi(alerts=[{"channel": "slack", "target": HOSTILE}, {"channel": "email", "target": HOSTILE}]))
    email, slack = (receiver for receiver in found["receivers"] if receiver["name"] != "unrouted")
    for written in (slack["slack_configs"][0]["channel"], email["email_configs"][0]["to"]):
        assert written == HOSTILE.replace("{{{", '{{"{{{"}}').replace("{{ ", '{{"{{"}} ')


def test_targets_that_differ_only_in_punctuation_have_secrets_and_receivers_of_their_own() -> None:
    names = {Receiver("slack", target).name for target in ("#ops", "ops", "Ops", "o-p-s", "☃", "雪", "x" * 60, "x" * 61)}
    assert len(names) == 8
    assert all(name.isascii() and "/" not in name for name in names)


SECRET_KEYS = {"api_url", "api_key", "routing_key", "service_key", "auth_password", "smtp_auth_password", "credentials", "bearer_token"}


def keys_of(node: object) -> set[str]:
    if isinstance(node, dict):
        return set(node) | {key for value in node.values() for key in keys_of(value)}
    return {key for value in node for key in keys_of(value)} if isinstance(node, list) else set()


def test_secrets_are_named_by_file_and_never_written() -> None:
    found = configuration(*dictionary().kpis)
    assert keys_of(found) & SECRET_KEYS == set()
    assert keys_of(found) >= {"api_url_file", "api_key_file", "routing_key_file", "credentials_file"}


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("https://hooks.example/kpi", "https://hooks.example/kpi"),
        ("disruption desk", "http://localhost:9095/webhooks/disruption%20desk"),
        ("https://user:secret@hooks.example/", "http://localhost:9095/webhooks/https%3A%2F%2Fuser%3Asecret%40hooks.example%2F"),
        ("file:///etc/passwd", "http://localhost:9095/webhooks/file%3A%2F%2F%2Fetc%2Fpasswd"),
        ("../../admin", "http://localhost:9095/webhooks/..%2F..%2Fadmin"),
        ("https://[broken", "http://localhost:9095/webhooks/https%3A%2F%2F%5Bbroken"),
    ],
)
def test_a_webhook_goes_to_its_address_or_by_name_through_the_relay(target: str, url: str) -> None:
    assert Delivery().webhook_url(target) == url


def inhibited(source: dict[str, str], target: dict[str, str]) -> bool:
    """Whether one alert silences another by the rendered rules, read as Alertmanager's documentation says."""

    def holds(matcher: str, labels: dict[str, str]) -> bool:
        name, _, value = matcher.partition("=")
        wanted = value.removeprefix("~").strip('"').split("|")
        return labels.get(name, "") in wanted

    return any(
        all(holds(each, source) for each in rule["source_matchers"])
        and all(holds(each, target) for each in rule["target_matchers"])
        and all(source.get(name, "") == target.get(name, "") for name in rule["equal"])
        for rule in configuration(kpi())["inhibit_rules"]
    )


def test_a_faster_burn_silences_a_slower_one_of_the_same_kpi_only() -> None:
    same = {"alertname": "KpiErrorBudgetBurn", "tenant_id": "acme", "environment": "prod", "kpi_id": "A-1", "severity": "high"}
    tiers = ("fast", "medium", "slow", "trickle")
    for place, faster in enumerate(tiers):
        for later, slower in enumerate(tiers):
            assert inhibited(same | {"burn_tier": faster}, same | {"burn_tier": slower}) == (place < later)
    for label in ("tenant_id", "environment", "kpi_id"):
        assert not inhibited(same | {"burn_tier": "fast"}, same | {"burn_tier": "slow", label: "other"})


def test_absent_data_silence_what_cannot_be_trusted_and_critical_silences_lower() -> None:
    same = {"tenant_id": "acme", "environment": "prod", "kpi_id": "A-1", "severity": "high"}
    absent = same | {"alertname": "KpiDataAbsent"}
    assert inhibited(absent, same | {"alertname": "KpiErrorBudgetBurn", "burn_tier": "fast"})
    assert inhibited(absent, same | {"alertname": "KpiResultStale"})
    assert not inhibited(absent, same | {"alertname": "KpiSlaBreached"})
    assert inhibited({"alertname": "KpiMetricsAbsent", "severity": "critical"}, absent)
    assert inhibited(same | {"severity": "critical"}, same | {"severity": "medium"})
    assert not inhibited(same | {"severity": "medium"}, same | {"severity": "critical"})


def message(folder: Path, template: str, **texts: str) -> str:
    """What Alertmanager makes of one of the message templates for an alert with these labels and annotations."""
    labels = {"alertname": "KpiSlaBreached", "kpi_id": "A-1", "tenant_id": "acme", "environment": "prod", "severity": "high", **texts}
    alert = {"status": "firing", "labels": labels, "annotations": texts}
    data = folder / "data.json"
    data.write_text(json.dumps({"status": "firing", "alerts": [alert], "commonLabels": labels}))
    text = f'{{{{ template "{template}" . }}}}'
    command = [str(checker().amtool), "template", "render", "--template.glob=alertmanager.tmpl", f"--template.text={text}"]
    done = subprocess.run([*command, f"--template.data={data}"], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def test_messages_say_what_happened_and_hostile_text_stays_text(tmp_path: Path) -> None:
    folder = write(tmp_path, artifacts(kpi()))
    hostile = "<!channel> {{ .Evil }} & co"
    assert message(folder, "kpi.title").strip() == "[FIRING 1] KpiSlaBreached acme/prod A-1"
    assert message(folder, "kpi.priority").strip() == "P2"
    assert message(folder, "kpi.pagerduty_severity").strip() == "error"
    slack = message(folder, "kpi.slack", summary=hostile, owner=hostile, runbook_url="docs/runbooks/kpis/A-1.md")
    assert "*&lt;!channel&gt; {{ .Evil }} &amp; co*" in slack
    assert "Owner: &lt;!channel&gt;" in slack
    assert "Runbook: docs/runbooks/kpis/A-1.md" in slack
    assert f"{hostile}\n" in message(folder, "kpi.text", summary=hostile)


def test_a_group_has_one_severity_so_that_a_message_has_one_priority() -> None:
    assert "severity" in configuration(kpi())["route"]["group_by"]


def test_alerts_about_the_fleet_go_to_the_operators(tmp_path: Path) -> None:
    known = around(kpi())
    folder = write(tmp_path, render_all(known, Delivery(operators=Receiver("slack", "platform"))))
    assert receivers_of(folder, alertname="KpiMetricsAbsent", severity="critical", urgency="page") == {"slack-platform"}
