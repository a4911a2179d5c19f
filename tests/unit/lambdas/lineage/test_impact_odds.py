"""Impact where a question is odd or an answer is long: schedules that cannot be, names within names, thousands of readers."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from kpis.schema import Source
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.lineage import Change, ChangeKind, graph_of, impact, parse_change
from lambdas.domain.lineage.reach import Effect
from lambdas.domain.lineage.report import LISTED
from tests.unit.lambdas.lineage.factory import kpi

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TIMED = {"frequency": "daily", "trigger": "time", "cron": "0 2 * * *", "timezone": "UTC"}


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("99 0 * * *", "is not five valid fields"),
        ("0 0 30 2 *", "names a day that never comes"),
        ("0 0 1 * MON", "restricts day of month and day of week"),
        ("0 0 * * 1/x", "is not five valid fields"),
        ("- - - - -", "cron .* is not five valid fields"),
        ("0 0 * * 1/0", "is not five valid fields"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused_in_words(cron: str, words: str) -> None:
    of = kpi("SH-AA-01", schedule=TIMED)
    with pytest.raises(KpiError, match=words) as refused:
        parse_change(of, f"schedule:{cron}")
    assert refused.value.code is ErrorCode.INVALID_INPUT
    assert "\n" not in refused.value.message


def test_a_kpi_that_no_clock_starts_can_be_asked_about_with_a_clock() -> None:
    of = kpi("SH-AA-01", schedule={"frequency": "daily", "trigger": "event", "event": "loaded", "timezone": "UTC"})
    report = impact(graph_of([of]), "acme", parse_change(of, "schedule:0 3 * * *"), NOW)
    assert report.reruns[0].before == "on loaded"


MADE = {
    "id": "GDP_Made",
    "table": "made",
    "description": "Made up",
    "period_column": "day",
    "freshness_column": "loaded_at",
    "columns": {name: {"type": "text"} for name in ("day", "loaded_at", "amount", "amount_eur", "id", "paid")},
}


@pytest.mark.parametrize(("column", "checked"), [("amount_eur", True), ("paid", True), ("amount", False), ("id", False)])
def test_a_rule_looks_at_the_columns_it_names_and_not_at_those_whose_names_are_in_theirs(column: str, checked: bool) -> None:
    rule = {
        "id": "totals",
        "check": "reconciliation",
        "left_sql": "SELECT SUM(AMOUNT_EUR) FROM made",
        "right_sql": "SELECT SUM(amount_eur) FROM made WHERE paid",
    }
    of = kpi("SH-AA-01", sources=[{"gdp": "GDP_Made", "attributes": ["day"]}], expression={"sql": "SELECT 1"}, pre_validation=[rule])
    graph = graph_of([of], [Source.model_validate(MADE)])
    found = impact(graph, "acme", Change(kind=ChangeKind.SOURCE, source="GDP_Made", column=column), NOW)
    assert [each.kpi_id for each in found.affected] == (["SH-AA-01"] if checked else [])


def test_what_is_counted_is_said_even_where_the_list_has_no_room_for_it() -> None:
    values = [kpi(f"SH-V{number}-01", ["SH-AA-01"], gated=False) for number in range(LISTED + 10)]
    rule = {"id": "same", "check": "cross_kpi", "kpis": {"a": "SH-AA-01", "b": "SH-ZZ-01"}, "left": "a", "right": "b", "tolerance": 0}
    checks = kpi("SH-ZZ-01", post_validation=[rule])
    report = impact(graph_of([kpi("SH-AA-01"), *values, checks]), "acme", Change(kind=ChangeKind.DEFINITION, kpi_id="SH-AA-01"), NOW)
    assert (report.totals[Effect.VALUE], report.totals[Effect.CHECK]) == (LISTED + 10, 1)
    assert f"{LISTED + 5} more may get other values." in " ".join(report.sentences)
    assert "1 KPI may fail a check or must be declared anew." in report.sentences


def test_the_warnings_of_thousands_of_readers_are_a_list_that_stops_and_words_that_fit() -> None:
    pinned = [kpi(f"SH-P{number}-01", {"SH-AA-01": "1.0.0"}) for number in range(1000)]
    graph = graph_of([kpi("SH-AA-01"), *pinned])
    for change in (ChangeKind.DEFINITION, ChangeKind.DEPRECATION):
        report = impact(graph, "acme", Change(kind=change, kpi_id="SH-AA-01"), NOW)
        assert len(report.warnings) <= LISTED
        assert len(json.dumps(report.sentences)) < 10_000
        assert report.totals["warnings"] == (1000 if change is ChangeKind.DEFINITION else 1)
    assert "SH-P0-01" in report.warnings[0]
    assert "and 995 more" in report.warnings[0]


def test_a_kpi_whose_own_schedule_never_comes_can_be_asked_about_and_so_can_those_around_it() -> None:
    never = TIMED | {"cron": "0 0 30 2 *"}
    upstream, reader = kpi("SH-AA-01", schedule=never), kpi("SH-CC-01", ["SH-BB-01"], schedule=never)
    middle = kpi("SH-BB-01", ["SH-AA-01"], schedule=TIMED)
    graph = graph_of([upstream, middle, reader])
    for of in (upstream, middle):
        found = impact(graph, "acme", parse_change(of, "schedule:30 5 * * *"), NOW)
        assert found.reruns[0].after == "30 5 * * * UTC"
        assert found.warnings == (), "what never starts is not late"
