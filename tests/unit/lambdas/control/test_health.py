"""The run log says whether a version may be gone back to, and what a post-mortem shows."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.control import health

DAYS = "2013-10-{:02d}T00:00:00.000Z"


def run(run_id: int, status: str | None = "success", *, day: int = 1, retry_seq: int = 0, **changes: Any) -> dict[str, Any]:
    period = f"{DAYS.format(day)}/{DAYS.format(day + 1)}"
    row: dict[str, Any] = {
        "run_id": run_id,
        "status": status,
        "retry_seq": retry_seq,
        "triggered_by": "schedule",
        "started_at": DAYS.format(day),
        "lineage_ref": f"lineage:skyway/prod/SKY-AD-01/1.0.0/{period}/{run_id:019d}",
    }
    return {name: value for name, value in (row | changes).items() if value is not None}


def test_a_version_that_never_ran_is_not_known_to_be_healthy() -> None:
    assert not health.healthy([])
    assert not health.healthy([run(1, "skipped"), run(2, None)])


def test_an_attempt_that_was_made_again_counts_as_its_last_one() -> None:
    cured = [run(2, "success", retry_seq=1), run(1, "failed")]
    assert health.healthy(cured)
    assert (health.figures(cured).runs, health.figures(cured).failed) == (1, 0)
    lost = [run(2, "failed", retry_seq=1), run(1, "failed")]
    assert not health.healthy(lost)
    assert (health.figures(lost).runs, health.figures(lost).failed) == (1, 1)


def test_the_newest_run_must_have_delivered_and_nearly_all_before_it() -> None:
    good = [run(20 - back, day=20 - back) for back in range(10)]
    assert health.healthy(good)
    assert not health.healthy([run(30, "failed", day=25), *good])
    assert health.healthy([good[0], run(18, "failed", day=22), run(17, "partial", day=23), *good[3:]])
    assert not health.healthy([good[0], *(run(18 - each, "failed", day=22 + each) for each in range(3)), *good[4:]])


def test_what_was_long_ago_does_not_count_against_a_version() -> None:
    good = [run(100 - back, day=25 - back) for back in range(10)]
    assert health.healthy([*good, *(run(50 - back, "failed", day=14 - back) for back in range(10))])


def test_a_run_that_was_skipped_says_nothing_of_the_version() -> None:
    assert health.healthy([run(2, "skipped", day=2), run(1)])


def test_a_delivery_of_an_old_value_is_a_failure() -> None:
    assert health.figures([run(2, "partial", day=2), run(1)]).failed == 1
    assert not health.healthy([run(2, "partial", day=2), run(1)])


def test_a_post_mortem_names_runs_failures_and_the_rules_that_were_broken() -> None:
    bad = run(2, "failed", day=2, error_code="VALIDATION_FAIL_POST", error_message="plausible: 99")
    rules = [
        (bad, {"rule_id": "plausible", "rule_type": "value_range", "severity": "error", "result": "fail", "details": "99"}),
        (bad, {"rule_id": "aligned", "rule_type": "verdict_alignment", "severity": "warn", "result": "pass", "details": "ok"}),
    ]
    found: dict[str, Any] = health.post_mortem([bad, run(1)], rules)  # type: ignore[assignment]
    assert [each["run_id"] for each in found["runs"]] == ["2", "1"]
    (failure,) = found["failures"]
    assert (failure["error_code"], failure["error_message"]) == ("VALIDATION_FAIL_POST", "plausible: 99")
    assert failure["period"] == f"{DAYS.format(2)}/{DAYS.format(3)}"
    assert found["rules"] == [
        {"run_id": "2", "rule_id": "plausible", "rule_type": "value_range", "severity": "error", "result": "fail", "details": "99"}
    ]


@given(st.integers(1, 400), st.text(max_size=900))
def test_a_post_mortem_fits_a_row_whatever_went_wrong(failures: int, message: str) -> None:
    runs = [run(each, "failed", error_message=message * 3, error_code="SQL_ERROR") for each in range(failures, 0, -1)]
    rules = [(each, {"rule_id": message or "r", "result": "fail", "details": message * 5}) for each in runs]
    found = health.post_mortem(runs, rules)
    assert len(json.dumps(found).encode()) <= health.SNAPSHOT_BYTES
    assert found["runs"][0]["run_id"] == str(failures), "the newest is kept"  # type: ignore[index,call-overload]
