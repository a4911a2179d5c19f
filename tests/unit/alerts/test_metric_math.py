from __future__ import annotations

import pytest

from alerts.metric_math import evaluate
from alerts.simulator import UnsupportedError

SERIES = {"failed": (1.0, None, 3.0), "runs": (4.0, 10.0, None), "zero": (0.0, 0.0, 0.0)}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("failed + 1", (2.0, None, 4.0)),
        ("100 * FILL(failed, 0) / runs", (25.0, 0.0, None)),
        ("IF(runs >= 5, 100 * FILL(failed, 0) / runs, 0)", (0.0, 0.0, None)),
        ("2 + 3 * 4", (14.0, 14.0, 14.0)),
        ("(2 + 3) * 4", (20.0, 20.0, 20.0)),
        ("-failed - -failed", (0.0, None, 0.0)),
        ("10 - 3 - 2", (5.0, 5.0, 5.0)),
        ("failed / zero", (None, None, None)),
        ("failed > 2", (0.0, None, 1.0)),
    ],
)
def test_an_expression_is_computed_point_by_point(expression: str, expected: tuple[float | None, ...]):
    assert evaluate(expression, SERIES, 3) == expected


@pytest.mark.parametrize(
    "expression", ["SEARCH('x', 'Sum', 300)", "unknown + 1", "failed +", "RATE(failed)", "1 2", "FILL(failed)", "", "(failed"]
)
def test_what_is_not_evaluated_is_refused_by_name(expression: str):
    with pytest.raises(UnsupportedError, match="metric math"):
        evaluate(expression, SERIES, 3)
