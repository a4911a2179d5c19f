"""Settings as they apply: deployed by the stack, changed by administrators, and how soon a change is seen."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kpis.common import Environment
from lambdas.domain.control.policy import ChangeWindow, Policy, is_open
from lambdas.domain.control.unit import Row
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.limits.limiter import Limits
from lambdas.domain.tenants.directory import TenantDirectory

TENANT = "acme"
PROD = Environment.PRD


class Rows:
    """Rows by tenant and key; counts what was read."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], dict[str, Any]] = {}
        self.reads = 0
        self.now = 0.0

    def row(self, tenant_id: str, key: str) -> Row | None:
        self.reads += 1
        values = self.rows.get((tenant_id, key))
        return Row(key, values) if values is not None else None

    def put(self, key: str, settings: dict[str, Any]) -> None:
        self.rows[TENANT, key] = {"settings": json.dumps(settings)}

    def directory(self) -> TenantDirectory:
        return TenantDirectory(self, lambda: self.now)


@pytest.fixture
def rows() -> Rows:
    made = Rows()
    made.put("prod#tenant", {"display_name": "Acme", "timezone": "Europe/Berlin", "currency": "EUR", "role_arn": "arn:of:a:role"})
    return made


def test_a_tenant_nobody_registered_has_the_defaults_of_the_product() -> None:
    directory = Rows().directory()
    assert directory.policy_of("ghost", "prod") == Policy()
    assert directory.limits_of("ghost") == Limits(reads=600, writes=120)
    with pytest.raises(KpiError) as refused:
        directory.settings("ghost", PROD)
    assert refused.value.code is ErrorCode.NOT_FOUND


def test_settings_are_what_the_stack_deployed_until_somebody_decides_otherwise(rows: Rows) -> None:
    before = rows.directory().settings(TENANT, PROD)
    assert (before.display_name, before.timezone, before.currency) == ("Acme", "Europe/Berlin", "EUR")
    rows.put("prod#settings", {"currency": "CHF"})
    after = rows.directory().settings(TENANT, PROD)
    assert (after.timezone, after.currency) == ("Europe/Berlin", "CHF")


def test_rules_of_change_are_laid_over_the_deployed_ones_member_by_member(rows: Rows) -> None:
    rows.put("prod#tenant", {"governance": {"policy": {"grace": "60d", "windows": [{"days": [1], "start": "08:00", "end": "18:00"}]}}})
    rows.put("prod#settings", {"policy": {"grace": "10d"}})
    policy = rows.directory().policy_of(TENANT, "prod")
    assert policy.grace == timedelta(days=10)
    assert policy.windows == (ChangeWindow(days=(1,), start="08:00", end="18:00"),)
    assert policy.request_expires == Policy().request_expires


def test_windows_are_in_the_time_zone_of_the_tenant_unless_the_rules_name_one(rows: Rows) -> None:
    assert rows.directory().policy_of(TENANT, "prod").timezone == "Europe/Berlin"
    rows.put("prod#settings", {"timezone": "Asia/Tokyo"})
    assert rows.directory().policy_of(TENANT, "prod").timezone == "Asia/Tokyo"
    rows.put("prod#settings", {"timezone": "Asia/Tokyo", "policy": {"timezone": "UTC"}})
    assert rows.directory().policy_of(TENANT, "prod").timezone == "UTC"


def test_no_change_goes_live_on_a_holiday_from_midnight_to_midnight_of_the_tenant(rows: Rows) -> None:
    rows.put("prod#settings", {"calendar": {"holidays": [{"date": "2026-12-25", "name": "Christmas"}]}})
    policy = rows.directory().policy_of(TENANT, "prod")
    # Berlin is an hour ahead of UTC in winter.
    moments = {datetime(2026, 12, 24, 22, 59, tzinfo=UTC): True, datetime(2026, 12, 24, 23, 0, tzinfo=UTC): False}
    moments |= {datetime(2026, 12, 25, 22, 59, tzinfo=UTC): False, datetime(2026, 12, 25, 23, 0, tzinfo=UTC): True}
    assert {moment: is_open(policy, moment) for moment in moments} == moments


def test_limits_are_those_of_the_environment_nearest_to_production(rows: Rows) -> None:
    rows.put("dev#tenant", {"governance": {"limits": {"reads": 7}}})
    assert rows.directory().limits_of(TENANT) == Limits()
    del rows.rows[TENANT, "prod#tenant"]
    assert rows.directory().limits_of(TENANT) == Limits(reads=7)


def test_limits_are_read_every_half_minute_and_rules_every_second(rows: Rows) -> None:
    directory = rows.directory()
    directory.limits_of(TENANT)
    directory.policy_of(TENANT, "prod")
    rows.put("prod#settings", {"limits": {"reads": 5}, "policy": {"grace": "3d"}})
    known = rows.reads
    rows.now = 0.9
    assert (directory.limits_of(TENANT).reads, directory.policy_of(TENANT, "prod").grace) == (600, timedelta(days=30))
    assert rows.reads == known
    rows.now = 1.1
    assert (directory.limits_of(TENANT).reads, directory.policy_of(TENANT, "prod").grace) == (600, timedelta(days=3))
    rows.now = 30.1
    assert directory.limits_of(TENANT).reads == 5


def test_who_changed_something_sees_it_at_once(rows: Rows) -> None:
    directory = rows.directory()
    directory.limits_of(TENANT)
    rows.put("prod#settings", {"limits": {"reads": 5}})
    directory.forget(TENANT)
    assert directory.limits_of(TENANT).reads == 5


def test_tenants_do_not_share_what_is_kept(rows: Rows) -> None:
    rows.put("prod#settings", {"limits": {"reads": 5}, "policy": {"grace": "3d"}})
    directory = rows.directory()
    assert directory.limits_of(TENANT).reads == 5
    assert directory.limits_of("rival") == Limits()
    assert directory.policy_of("rival", "prod") == Policy()
    assert directory.policy_of(TENANT, "dev").grace == timedelta(days=30)
