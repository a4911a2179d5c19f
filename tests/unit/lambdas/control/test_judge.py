"""A definition that came through the API is judged as one in the packs is."""

from __future__ import annotations

import pytest

from kpis.schema import Kpi
from lambdas.domain.control.judge import unsound
from tests.unit.lambdas.control.office import SOURCES, kpi, reader


def test_a_sound_definition_has_no_problem() -> None:
    assert unsound(kpi(), SOURCES) == []


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("DELETE FROM flights", "sql-writes"),
        ("SELECT entity, value FROM secrets WHERE day >= :period_start", "sql-undeclared-table"),
        ("SELECT 1 AS entity, 2 AS value", "sql-period-unused"),
    ],
)
def test_what_it_computes_is_checked(sql: str, problem: str) -> None:
    found = unsound(kpi(expression={"sql": sql}), SOURCES)
    assert problem in "; ".join(found)


@pytest.mark.parametrize("cron", ["0 6 1 * 1", "at noon", "61 * * * *"])
def test_a_schedule_that_could_not_be_made_is_found_before_anybody_signs_it(cron: str) -> None:
    found = unsound(kpi(schedule={"frequency": "daily", "trigger": "time", "cron": cron, "timezone": "UTC"}), SOURCES)
    assert "cron-invalid" in "; ".join(found)


@pytest.mark.parametrize("cron", ["0 0 30 2 *", "0 0 31 4,6 *"])
def test_a_schedule_that_never_comes_due_is_found_too(cron: str) -> None:
    found = unsound(kpi(schedule={"frequency": "daily", "trigger": "time", "cron": cron, "timezone": "UTC"}), SOURCES)
    assert found == [f"cron-invalid: cron '{cron}' names a day that never comes; write one that some month has"]
    leap_days = kpi(schedule={"frequency": "daily", "trigger": "time", "cron": "0 0 29 2 *", "timezone": "UTC"})
    assert unsound(leap_days, SOURCES) == []


TWICE = [{"id": "bounded", "check": "value_range", "min": 0}, {"id": "bounded", "check": "value_range", "max": 9}]


@pytest.mark.parametrize(
    ("definition", "problem"),
    [
        (kpi(post_validation=TWICE), "duplicate-id: post_validation of SKY-AD-01 has 2 rules 'bounded'"),
        (reader(sources=[{"kpi": "SKY-AD-01", "as": "a"}, {"kpi": "SKY-AD-02", "as": "a"}]), "gives 2 sources the alias 'a'"),
        (reader(sources=[{"kpi": "SKY-AD-01", "as": "a"}, {"kpi": "SKY-AD-01", "as": "b"}]), "names source 'SKY-AD-01' 2 times"),
        (reader(layer="primary"), "layer-mismatch: SKY-RT-01 is primary: it needs expression.sql"),
        (reader(layer="composite"), "layer-mismatch: SKY-RT-01 is composite: it needs expression.weights"),
        (kpi(layer="secondary"), "layer-mismatch: SKY-AD-01 is secondary: its sources are other KPIs"),
        (reader(sources=[{"kpi": "SKY-RT-01", "as": "a"}]), "cycle: KPIs read each other in a circle: SKY-RT-01 -> SKY-RT-01"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_names_are_unique_and_the_layer_decides_what_is_read(definition: Kpi, problem: str) -> None:
    assert problem in "; ".join(unsound(definition, SOURCES))


def test_upstream_kpis_are_for_the_catalog_to_know() -> None:
    assert unsound(reader(), SOURCES) == []
    assert unsound(kpi(parent="SKY-AD-09", variant_label="Freight"), SOURCES) == []


@pytest.mark.parametrize(
    "row",
    [
        {"type": "latency", "target": "99999999d", "grace": "1m"},
        {"type": "freshness", "target": "1d", "grace": "99999999d"},
        {"type": "consistency", "entities": 1, "target": "3661d", "grace": "0s"},
        {"type": "availability", "by": "08:00", "timezone": "UTC", "grace": "3661d"},
    ],
    ids=lambda row: row["type"],
)
def test_an_sla_that_nobody_lives_to_see_broken_is_none(row: dict[str, object]) -> None:
    assert unsound(kpi(sla=[row]), SOURCES) == [
        f"sla-endless: the {row['type']} SLA allows more than 3660d; give a target that can be missed"
    ]
