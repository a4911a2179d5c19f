"""From an objective to windows and thresholds, and from a schedule to how late is too late."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from alerts.prometheus import Links, render_kpi
from alerts.prometheus.lateness import data_limit, result_limit
from alerts.prometheus.slo import objective_of
from artifacts import pages
from kpis.artifact import Surroundings
from kpis.burn import burns_of
from kpis.hashing import canonical_json
from kpis.slo import Slo, slo_of
from tests.unit.alerts.prometheus.definitions import around, dictionary, kpi

HOUR = 3600
DAY = 24 * HOUR


def slo(objective: float, window: str = "28d") -> Slo:
    return Slo.model_validate({"objective": objective, "window": window})


def test_thirty_days_give_the_factors_of_the_workbook() -> None:
    burns = burns_of(slo(99.9, "30d"))
    assert [(burn.tier, burn.long, burn.short, burn.factor) for burn in burns] == [
        ("fast", "1h", "5m", 14.4),
        ("medium", "6h", "30m", 6.0),
        ("slow", "1d", "2h", 3.0),
        ("trickle", "3d", "6h", 1.0),
    ]


def test_other_windows_scale_the_factors_but_never_below_what_misses_the_objective() -> None:
    assert [burn.factor for burn in burns_of(slo(99.9, "28d"))] == [13.44, 5.6, 2.8, 1.0]
    assert [burn.factor for burn in burns_of(slo(99.9, "90d"))] == [43.2, 18.0, 9.0, 3.0]
    assert [burn.factor for burn in burns_of(slo(99.9, "1d"))] == [1.0, 1.0, 1.0]


def test_a_threshold_that_no_outage_can_reach_gives_no_alert() -> None:
    assert [burn.tier for burn in burns_of(slo(95))] == ["fast", "medium", "slow", "trickle"]
    assert [burn.tier for burn in burns_of(slo(90))] == ["medium", "slow", "trickle"]
    assert burns_of(slo(50, "365d")) == ()


def test_a_window_among_the_standard_ones_is_recorded_once() -> None:
    assert objective_of(slo(99, "24h")).windows == ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
    assert objective_of(slo(99, "28d")).windows[-1] == "28d"


@pytest.mark.parametrize(("tier", "objective"), [(0, 99.9), (1, 99.0), (2, 95.0)])
def test_a_kpi_without_an_objective_has_that_of_its_tier(tier: int, objective: float) -> None:
    assert slo_of(kpi(tier=tier)).objective == objective
    assert slo_of(kpi(tier=tier, slo={"objective": 97.5, "window": "7d"})).objective == 97.5


def test_an_absent_objective_leaves_the_identity_of_a_definition_alone() -> None:
    assert '"slo"' not in canonical_json(kpi())
    assert '"slo":{"objective":97.5,"window":"7d"}' in canonical_json(kpi(slo={"objective": 97.5, "window": "7d"}))


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ({"objective": 49.9}, "greater than or equal to 50"),
        ({"objective": 100}, "less than or equal to 99.999"),
        ({"objective": 99, "window": "23h"}, "shorter than a day"),
        ({"objective": 99, "window": "4 weeks"}, "is not a duration"),
    ],
)
def test_an_objective_nobody_can_keep_or_measure_is_refused(written: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        kpi(slo=written)


def schedule(cron: str | None, frequency: str = "daily") -> dict[str, Any]:
    if cron is None:
        return {"frequency": frequency, "trigger": "event", "event": "loaded"}
    return {"frequency": frequency, "trigger": "time", "cron": cron}


@pytest.mark.parametrize(
    ("planned", "pause"),
    [
        (schedule("0 2 * * *"), DAY),
        (schedule("0 2 * * 1-5"), 3 * DAY),
        (schedule("*/5 8-17 * * 1-5", "hourly"), 2 * DAY + 14 * HOUR + 300),
        (schedule("* * * * 1-5", "streaming"), 2 * DAY + 60),
        (schedule("0 0 1 * *", "monthly"), 31 * DAY),
        (schedule(None, "weekly"), 7 * DAY),
        (schedule("0 0 31 2 *", "daily"), DAY),
    ],
)
def test_a_result_is_late_after_the_longest_pause_of_its_schedule_and_the_grace(planned: dict[str, Any], pause: int) -> None:
    graceless = kpi(schedule=planned, sla=())
    assert result_limit(graceless) == pause + HOUR
    generous = kpi(schedule=planned, sla=[{"type": "availability", "by": "06:00", "grace": "3h"}])
    assert result_limit(generous) == pause + 3 * HOUR


def test_data_may_wait_for_one_result_and_for_its_freshness_sla() -> None:
    fresh = kpi(schedule=schedule("0 2 * * *"), sla=[{"type": "freshness", "target": "3h", "grace": "1h"}])
    assert data_limit(fresh) == DAY + 4 * HOUR


def test_only_versions_that_run_are_watched() -> None:
    for status, files in (("draft", 0), ("approved", 0), ("active", 2), ("deprecated", 2), ("retired", 0)):
        found = kpi(status=status)
        assert len(list(render_kpi(found, around(found)))) == files, status


def test_every_kpi_of_the_repository_gets_at_least_seventeen_rules() -> None:
    for each in dictionary().kpis:
        content = next(render_kpi(each, around(each))).content
        assert content.count(b"- record: ") + content.count(b"- alert: ") >= 17


def test_an_alert_links_to_the_page_and_the_dashboard_of_its_kpi_and_tenant() -> None:
    links = Links(runbooks="https://docs.example/runbooks", dashboards="https://grafana.example/d/kpis-kpi")
    rules, tests = (artifact.content.decode() for artifact in render_kpi(kpi(), around(kpi()), links))
    assert 'runbook_url: "https://docs.example/runbooks/CFO-HX-01.md"' in rules
    url = "https://grafana.example/d/kpis-kpi?var-kpi_id=CFO-HX-01"
    assert f"{url}&var-tenant_id={{{{ $labels.tenant_id }}}}&var-environment={{{{ $labels.environment }}}}" in rules
    assert f"{url}&var-tenant_id=acme&var-environment=prod" in tests


def test_the_default_runbook_is_the_page_that_is_rendered_for_the_kpi() -> None:
    assert f"docs/runbooks/kpis/{kpi().id}.md" in {artifact.path for artifact in pages.render_kpi(kpi(), Surroundings(dictionary()))}
