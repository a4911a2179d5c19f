"""The reconciler: catalog and schedules follow the dictionary, and the second time nothing changes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from kpis.schema import Dictionary, Kpi, Source
from lambdas.domain.dispatch import COMPLETED
from lambdas.domain.model import RunRequest
from lambdas.domain.reconcile import CatalogImport, Changes, ImportScope, ScheduleTarget, desired_schedules, sync_schedules
from tests.unit.lambdas.memory import FLIGHTS, NOW, TENANT, formula_kpi, kpi

TARGET = ScheduleTarget("arn:machine", "arn:role")
KEY = "prod#kpi#SKY-AD-01#1.0.0"


@dataclass
class Store:
    """Catalog rows of tenants, and how many transactions wrote them."""

    rows_of: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    transactions: int = 0

    def rows(self, tenant_id: str, prefix: str, attributes: Sequence[str] = ()) -> Iterable[Mapping[str, Any]]:
        for key, row in sorted(self.rows_of.get(tenant_id, {}).items()):
            if key.startswith(prefix):
                yield {name: row.get(name) for name in attributes or row}

    def write(self, tenant_id: str, puts: Sequence[Mapping[str, Any]], deletes: Sequence[str]) -> None:
        self.transactions += 1
        table = self.rows_of.setdefault(tenant_id, {})
        for key in deletes:
            table.pop(key, None)
        table.update({str(row["sk"]): dict(row) for row in puts})

    def merge(self, tenant_id: str, sort_key: str, changes: Mapping[str, Any]) -> None:
        self.rows_of[tenant_id][sort_key].update(changes)

    def all_keys(self) -> set[str]:
        return set(self.rows_of.get("skyway", {}))


def dictionary(*kpis: Kpi) -> Dictionary:
    return Dictionary(packs=(), sources=(Source.model_validate(FLIGHTS),), signals=(), kpis=kpis)


def imported(store: Store, *kpis: Kpi, dry_run: bool = False) -> Changes:
    return CatalogImport(store, lambda: NOW, ImportScope("skyway", "prod", "sha", dry_run)).run(dictionary(*kpis))


@pytest.fixture
def store() -> Store:
    return Store()


def test_a_new_kpi_is_written_with_its_sources_and_made_active(store: Store) -> None:
    assert imported(store, kpi()).created == ["SKY-AD-01 1.0.0"]
    row = store.rows_of["skyway"][KEY]
    assert json.loads(row["definition"])["id"] == "SKY-AD-01"
    assert json.loads(row["sources"])[0]["table"] == "gdp_flights"
    assert store.rows_of["skyway"]["prod#active#SKY-AD-01"]["contract_version"] == "1.0.0"


def test_the_second_import_changes_nothing(store: Store) -> None:
    imported(store, kpi(), formula_kpi())
    before = store.transactions
    changes = imported(store, kpi(), formula_kpi())
    assert (changes.unchanged, changes.any, store.transactions) == (2, False, before)


def test_each_kpi_is_one_transaction(store: Store) -> None:
    imported(store, kpi(), formula_kpi())
    assert store.transactions == 2


def test_a_new_version_becomes_active_and_the_old_one_is_deprecated_and_kept(store: Store) -> None:
    imported(store, kpi())
    assert imported(store, kpi(contract_version="1.1.0")).updated == ["SKY-AD-01 1.1.0"]
    assert store.rows_of["skyway"]["prod#active#SKY-AD-01"]["contract_version"] == "1.1.0"
    assert store.rows_of["skyway"][KEY]["status"] == "deprecated"


def test_a_kpi_that_left_the_dictionary_is_retired_and_never_deleted(store: Store) -> None:
    imported(store, kpi())
    assert imported(store).retired == ["SKY-AD-01"]
    assert store.rows_of["skyway"][KEY]["status"] == "retired"
    assert "prod#active#SKY-AD-01" not in store.all_keys()
    assert not imported(store).any


def test_a_retired_kpi_that_comes_back_is_active_again(store: Store) -> None:
    imported(store, kpi())
    imported(store)
    imported(store, kpi())
    assert store.rows_of["skyway"][KEY]["status"] == "active"
    assert "prod#active#SKY-AD-01" in store.all_keys()


def test_a_draft_is_in_the_catalog_and_not_active(store: Store) -> None:
    imported(store, kpi(status="draft"))
    assert store.all_keys() == {KEY}


def test_kpis_of_other_tenants_are_left_out(store: Store) -> None:
    assert not imported(store, kpi(tenants=["acme"])).any


def test_what_waits_for_a_signal_is_found_by_it_and_derived_kpis_by_completed_runs(store: Store) -> None:
    schedule = {"frequency": "daily", "trigger": "event", "event": "gdp-flights-updated"}
    imported(store, kpi(schedule=schedule), formula_kpi(schedule=schedule))
    waiting = {key for key in store.all_keys() if "#trigger#" in key}
    assert waiting == {"prod#trigger#gdp-flights-updated#SKY-AD-01", f"prod#trigger#{COMPLETED}#SKY-RT-01"}
    imported(store, kpi(), formula_kpi())
    assert not {key for key in store.all_keys() if "#trigger#" in key}


def test_a_dry_run_plans_and_writes_nothing(store: Store) -> None:
    assert imported(store, kpi(), dry_run=True).created
    assert not store.all_keys()


@dataclass
class Group:
    """Schedules of one group."""

    found: dict[str, dict[str, Any]] = field(default_factory=dict)
    writes: int = 0

    def all(self, group: str) -> Mapping[str, Mapping[str, Any]]:
        del group
        return dict(self.found)

    def create(self, group: str, name: str, schedule: Mapping[str, Any]) -> None:
        self.update(group, name, schedule)

    def update(self, group: str, name: str, schedule: Mapping[str, Any]) -> None:
        del group
        self.writes += 1
        self.found[name] = dict(schedule) | {"Arn": "given by AWS"}

    def delete(self, group: str, name: str) -> None:
        del group
        self.writes += 1
        del self.found[name]


def synced(group: Group, *kpis: Kpi, dry_run: bool = False) -> Changes:
    return sync_schedules(group, "g", desired_schedules(dictionary(*kpis), TENANT, TARGET), dry_run=dry_run)


def test_a_time_triggered_kpi_has_a_schedule_whose_input_the_state_machine_accepts() -> None:
    schedule = desired_schedules(dictionary(kpi()), TENANT, TARGET)["SKY-AD-01"]
    assert (schedule["ScheduleExpression"], schedule["ScheduleExpressionTimezone"]) == ("cron(0 6 * * ? *)", "America/New_York")
    request = RunRequest.model_validate_json(schedule["Target"]["Input"])
    assert (request.tenant_id, request.trigger_type, request.scheduled_at) == ("skyway", "time", "<aws.scheduler.scheduled-time>")


def test_only_running_time_triggered_kpis_of_the_tenant_have_schedules() -> None:
    event = {"frequency": "daily", "trigger": "event", "event": "x"}
    others = (kpi(schedule=event), kpi(tenants=["acme"]), kpi(status="retired"), kpi(environments=["dev"]))
    assert all(not desired_schedules(dictionary(each), TENANT, TARGET) for each in others)


def test_schedules_are_synced_once() -> None:
    group = Group()
    assert synced(group, kpi()).created == ["SKY-AD-01"]
    assert (synced(group, kpi()).unchanged, group.writes) == (1, 1)


def test_drift_is_planned_with_its_settings_and_mended() -> None:
    group = Group()
    synced(group, kpi())
    group.found["SKY-AD-01"] |= {"State": "DISABLED", "Target": group.found["SKY-AD-01"]["Target"] | {"RoleArn": "arn:other"}}
    group.found["STRAY"] = {}
    plan = synced(group, kpi(), dry_run=True)
    assert (plan.updated, plan.retired) == (["SKY-AD-01 (State, Target.RoleArn)"], ["STRAY"])
    synced(group, kpi())
    assert not synced(group, kpi()).any
