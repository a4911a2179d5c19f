"""A definition that came through the API is judged as one in the packs is."""

from __future__ import annotations

import pytest

from lambdas.domain.control.judge import unsound
from tests.unit.lambdas.control.office import SOURCES, kpi


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
