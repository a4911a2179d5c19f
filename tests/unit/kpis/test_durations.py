"""Durations as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis.common import format_duration, parse_duration


@given(st.integers(min_value=0, max_value=10**7), st.sampled_from("smhd"))
def test_a_duration_is_read_as_it_is_written(number: int, unit: str) -> None:
    duration = parse_duration(f"{number}{unit}")
    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize("text", ["", "5", "m", "1.5h", "-1m", "5 m", "5M"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["999999999999999d", "9" * 5000 + "s"])
def test_a_duration_beyond_every_calendar_is_refused_and_not_an_overflow(text: str) -> None:
    with pytest.raises(ValueError, match="is too long"):
        parse_duration(text)


def test_the_longest_duration_is_read() -> None:
    assert parse_duration("999999999d") == timedelta(days=999999999)
