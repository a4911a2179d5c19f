"""A report covers whole days, weeks and months of the tenant's calendar, and each span once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.reports.spans import SETTLING, Frequency, latest

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "America/Santiago")
BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 15 * 366 * 24 * 60).map(lambda minutes: BEGIN + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("frequency", "now", "label", "start", "end"),
    [
        (Frequency.DAILY, "2026-11-21T06:00Z", "2026-11-20", "2026-11-20T00:00Z", "2026-11-21T00:00Z"),
        (Frequency.DAILY, "2026-11-21T05:59Z", "2026-11-19", "2026-11-19T00:00Z", "2026-11-20T00:00Z"),
        (Frequency.WEEKLY, "2026-11-23T06:00Z", "2026-W47", "2026-11-16T00:00Z", "2026-11-23T00:00Z"),
        (Frequency.WEEKLY, "2026-11-22T23:00Z", "2026-W46", "2026-11-09T00:00Z", "2026-11-16T00:00Z"),
        (Frequency.WEEKLY, "2027-01-04T12:00Z", "2026-W53", "2026-12-28T00:00Z", "2027-01-04T00:00Z"),
        (Frequency.MONTHLY, "2026-12-01T06:00Z", "2026-11", "2026-11-01T00:00Z", "2026-12-01T00:00Z"),
        (Frequency.MONTHLY, "2026-12-01T00:00Z", "2026-10", "2026-10-01T00:00Z", "2026-11-01T00:00Z"),
    ],
)
def test_the_span_is_the_last_one_that_has_ended_and_settled(frequency: Frequency, now: str, label: str, start: str, end: str) -> None:
    span = latest(frequency, datetime.fromisoformat(now), "UTC")
    assert (span.label, span.start, span.end) == (label, datetime.fromisoformat(start), datetime.fromisoformat(end))


def test_days_are_those_of_the_tenant_also_when_the_clock_is_put_back() -> None:
    span = latest(Frequency.DAILY, datetime(2026, 10, 26, 12, tzinfo=UTC), "Europe/Berlin")
    assert (span.label, span.end - span.start) == ("2026-10-25", timedelta(hours=25))
    assert span.start == datetime(2026, 10, 24, 22, tzinfo=UTC)


@given(MOMENTS, st.sampled_from(list(Frequency)), st.sampled_from(ZONES))
def test_one_span_follows_on_the_other_and_none_is_made_before_it_has_ended(now: datetime, frequency: Frequency, zone: str) -> None:
    span = latest(frequency, now, zone)
    assert span.start < span.end <= now
    before = latest(frequency, span.end, zone)
    assert (before.end, before.label == span.label) == (span.start, False)
    after = latest(frequency, span.end + SETTLING + timedelta(hours=1), zone)
    assert after.label == span.label
