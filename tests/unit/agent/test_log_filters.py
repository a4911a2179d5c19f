from __future__ import annotations

import pytest

from local.agent.log_filters import UnsupportedPatternError, field, matcher

RUN = '{"status": "failed", "ms": 120, "retry": true, "note": null, "kpi": {"id": "CFO-EF-02"}, "rules": ["a", "b"]}'


@pytest.mark.parametrize(
    ("pattern", "message", "expected"),
    [
        ("", "anything", True),
        ("ERROR", "an ERROR here", True),
        ("ERROR", "an error here", False),
        ("ERROR timeout", "ERROR: timeout", True),
        ("ERROR timeout", "ERROR: gone", False),
        ('"Task timed out"', "x Task timed out y", True),
        ("ERROR -retry", "ERROR retry", False),
        ("?ERROR ?WARN", "a WARN", True),
        ("?ERROR ?WARN", "an INFO", False),
        ('{ $.status = "failed" }', RUN, True),
        ('{ $.status = "fail*" }', RUN, True),
        ("{ $.status = failed }", RUN, True),
        ('{ $.status != "failed" }', RUN, False),
        ('{ $.missing != "failed" }', RUN, False),
        ("{ $.ms > 100 }", RUN, True),
        ("{ $.ms >= 121 }", RUN, False),
        ("{ $.ms = 120 }", RUN, True),
        ('{ $.kpi.id = "CFO-EF-02" }', RUN, True),
        ('{ $.rules[1] = "b" }', RUN, True),
        ('{ ($.status = "ok") || ($.ms < 200 && $.retry IS TRUE) }', RUN, True),
        ("{ $.note IS NULL }", RUN, True),
        ("{ $.gone NOT EXISTS }", RUN, True),
        ("{ $.status NOT EXISTS }", RUN, False),
        ('{ $.status = "failed" }', "not json", False),
    ],
)
def test_a_pattern_matches_what_aws_says(pattern: str, message: str, expected: bool):
    assert matcher(pattern)(message) is expected


@pytest.mark.parametrize(
    "pattern", ["[ip, user]", "%re+%", "{ $.a }", "{ a = 1 }", "{ $.a = }", "{ $.a > x }", "{ ($.a = 1 }", "{ $.a ~ 1 }"]
)
def test_a_pattern_of_another_kind_is_refused_by_name(pattern: str):
    with pytest.raises(UnsupportedPatternError, match="filter pattern"):
        matcher(pattern)


def test_a_selector_reads_a_field():
    assert field(RUN, "$.kpi.id") == "CFO-EF-02"
    assert field(RUN, "$.gone") is None
    assert field("no json", "$.a") is None
