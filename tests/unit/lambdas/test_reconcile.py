"""The import: packs reach the catalog directly or by a sign-off, and never over what an administrator decided."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from kpis.common import Environment
from kpis.schema import Dictionary, Kpi, Source
from lambdas.domain.audit.chain import first_break
from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.control import keys
from lambdas.domain.control.pauses import Scope as Paused
from lambdas.domain.control.policy import PackChanges, Policy
from lambdas.domain.control.states import Action
from lambdas.domain.control.unit import MAX_CHANGES
from lambdas.domain.dispatch import COMPLETED
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.reconcile_direct import Scope
from lambdas.domain.reconcile_import import CatalogImport, Imported
from tests.unit.lambdas.control.memory import MemoryStore
from tests.unit.lambdas.control.office import Office, kpi, reader
from tests.unit.lambdas.memory import FLIGHTS

KEY = "prod#kpi#SKY-AD-01#1.0.0"
DIRECT = {"prod": Policy(packs=PackChanges.DIRECT)}


@dataclass
class Rows:
    """Catalog rows of a store as the reconciler's adapters read them. `rival` runs once, after rows under `rival_after` were read."""

    store: MemoryStore
    rival_after: str = ""
    rival: Callable[[], None] | None = None

    def rows(self, tenant_id: str, prefix: str, attributes: Sequence[str] = (), *, consistent: bool = False) -> Iterable[Mapping[str, Any]]:
        assert consistent, "a decision about a write is made on what is there now"
        for row in self.store.rows(tenant_id, prefix):
            whole = {"sk": row.key, **row.values}
            yield {name: whole[name] for name in attributes or whole if name in whole}
        rival = self.rival if prefix == self.rival_after else None
        if rival is not None:
            self.rival = None
            rival()


def dictionary(*kpis: Kpi) -> Dictionary:
    return Dictionary(packs=(), sources=(Source.model_validate(FLIGHTS),), signals=(), kpis=kpis)


def imported(office: Office, *kpis: Kpi, dry_run: bool = False, env: str = "prod", bundle: str = "sha") -> Imported:
    scope = Scope(office.tenant, Environment(env), bundle)
    return CatalogImport(Rows(office.store), office.plane, scope, dry_run).run(dictionary(*kpis))


def better(version: str = "2.0.0", **changes: Any) -> Kpi:
    """The KPI with a purpose that says more."""
    return kpi(version, **{"purpose": "Mean delay of arrivals.", **changes})


def keys_of(office: Office) -> set[str]:
    return set(office.store.tables.get(office.tenant, {}))


def lines(event: AuditEvent) -> list[tuple[str, str]]:
    told: Any = event.details["kpis"]
    return [(each["kpi_id"], each["done"]) for each in told]


@pytest.fixture
def office() -> Office:
    """A tenant whose packs are imported directly."""
    made = Office()
    made.policies = dict(DIRECT)
    return made


# What packs bring directly


def test_a_new_kpi_is_written_with_its_sources_and_made_active(office: Office) -> None:
    assert imported(office, kpi()).created == ["SKY-AD-01 1.0.0"]
    row = office.row(KEY)
    assert row is not None
    assert json.loads(row.text("definition"))["id"] == "SKY-AD-01"
    assert json.loads(row.text("sources"))[0]["table"] == "gdp_flights"
    assert office.running() == "1.0.0"


def test_the_second_import_changes_nothing_and_adds_no_event(office: Office) -> None:
    imported(office, kpi(), reader())
    before = office.store.commits
    again = imported(office, kpi(), reader())
    assert (again.unchanged, again.any, office.store.commits) == (2, False, before)


def test_one_import_is_one_event_that_names_every_kpi(office: Office) -> None:
    imported(office, kpi(), reader())
    (event,) = office.events
    assert (event.action, event.object_type, event.object_id, event.actor.subject) == (
        "catalog.import",
        "environment",
        "prod",
        "reconciler",
    )
    assert lines(event) == [("SKY-AD-01", "created"), ("SKY-RT-01", "created")]
    assert office.chain_holds()


def test_an_import_of_one_kpi_is_an_event_about_that_kpi(office: Office) -> None:
    imported(office, kpi())
    imported(office, better())
    event = office.events[-1]
    assert (event.object_type, event.object_id, event.after) == ("kpi", "SKY-AD-01", office.version("2.0.0").hash)


def test_many_kpis_come_in_transactions_that_dynamodb_takes_each_with_its_event(office: Office) -> None:
    many = [kpi(id=f"SKY-AD-{number}") for number in range(100, 300)]
    assert len(imported(office, *many).created) == 200
    told = [line for event in office.events for line in lines(event)]
    assert sorted(name for name, _ in told) == [each.id for each in many]
    assert len(office.events) == -(-200 // (MAX_CHANGES // 2))
    assert first_break(office.events, tenant_id=office.tenant) is None


def test_a_new_version_becomes_active_and_the_old_one_is_deprecated_and_kept(office: Office) -> None:
    imported(office, kpi())
    assert imported(office, better()).updated == ["SKY-AD-01 2.0.0"]
    assert (office.running(), office.status("1.0.0")) == ("2.0.0", "deprecated")


def test_a_version_that_packs_brought_can_be_rolled_back(office: Office) -> None:
    imported(office, kpi())
    imported(office, better())
    office.plane.recovery.rollback(office.call(), "SKY-AD-01")
    assert (office.running(), office.status("2.0.0")) == ("1.0.0", "deprecated")


def test_a_kpi_that_left_the_packs_is_retired_and_never_deleted(office: Office) -> None:
    imported(office, kpi())
    assert imported(office).retired == ["SKY-AD-01"]
    assert (office.status("1.0.0"), office.running()) == ("retired", None)
    assert not imported(office).any


def test_a_retired_kpi_that_comes_back_is_active_again(office: Office) -> None:
    for packs in ([kpi()], [], [kpi()]):
        imported(office, *packs)
    assert (office.status("1.0.0"), office.running()) == ("active", "1.0.0")
    assert len({event.event_id for event in office.events}) == 3


def test_a_draft_is_in_the_catalog_and_not_active(office: Office) -> None:
    imported(office, kpi(status="draft"))
    assert keys_of(office) == {KEY}


def test_kpis_of_other_tenants_are_left_out(office: Office) -> None:
    assert not imported(office, kpi(tenants=["acme"])).any


def test_what_waits_for_a_signal_is_found_by_it_and_derived_kpis_by_completed_runs(office: Office) -> None:
    schedule = {"frequency": "daily", "trigger": "event", "event": "gdp-flights-updated"}
    imported(office, kpi(schedule=schedule), reader(schedule=schedule))
    waiting = {key for key in keys_of(office) if "#trigger#" in key}
    assert waiting == {"prod#trigger#gdp-flights-updated#SKY-AD-01", f"prod#trigger#{COMPLETED}#SKY-RT-01"}
    imported(office, kpi(), reader())
    assert not {key for key in keys_of(office) if "#trigger#" in key}


def test_a_dry_run_plans_and_writes_nothing(office: Office) -> None:
    assert imported(office, kpi(), dry_run=True).created
    assert not keys_of(office)


def test_rows_of_the_first_imports_count_as_imported(office: Office) -> None:
    office.imported(kpi())
    office.store.tables[office.tenant][KEY]["bundle"] = "old"
    assert imported(office, better()).updated == ["SKY-AD-01 2.0.0"]
    assert office.running() == "2.0.0"


def test_an_import_that_was_cut_short_is_finished_by_the_next_one(office: Office) -> None:
    many = [kpi(id=f"SKY-AD-{number}") for number in range(100, 200)]
    office.store.faults = ["", "before"]
    with pytest.raises(TimeoutError):
        imported(office, *many)
    office.store.faults = ["after"]
    with pytest.raises(TimeoutError):
        imported(office, *many)
    imported(office, *many)
    told = [name for event in office.events for name, _ in lines(event)]
    assert sorted(told) == [each.id for each in many], "each is told once"


def test_an_administrator_who_comes_in_between_wins(office: Office) -> None:
    imported(office, kpi())

    def pause_and_publish() -> None:
        office.live(better("3.0.0"))

    office.store.rival = pause_and_publish
    report = imported(office, better())
    assert office.running() == "3.0.0"
    assert report.updated == []
    assert office.chain_holds()


# What the control plane has taken in hand, where packs are imported directly


def test_a_kpi_written_through_the_api_is_none_of_the_packs_business(office: Office) -> None:
    office.live(kpi())
    before = office.store.commits
    assert not imported(office).any
    assert (office.running(), office.store.commits) == ("1.0.0", before)


@pytest.mark.parametrize("decided", ["published", "paused", "deprecated", "unpublished", "asked"])
def test_packs_do_not_overwrite_what_an_administrator_decided(office: Office, decided: str) -> None:
    imported(office, kpi())
    match decided:
        case "published":
            office.live(better("2.0.0", purpose="By a person."))
        case "paused":
            office.plane.pausing.pause(office.call(), Paused(kpi_id="SKY-AD-01"))
        case "deprecated":
            office.agreed(Action.DEPRECATE, "1.0.0")
            office.plane.removal.deprecate(office.call(), "SKY-AD-01", "1.0.0")
        case "unpublished":
            office.agreed(Action.UNPUBLISH, "1.0.0")
            office.plane.removal.unpublish(office.call(), "SKY-AD-01", "1.0.0")
        case _:
            office.plane.approvals.submit(office.call(), "SKY-AD-01", "1.0.0", Action.UNPUBLISH)
    runs, statuses = office.running(), {row.key: row.text("status") for row in office.store.rows(office.tenant, "prod#kpi#")}
    again = imported(office, kpi())
    assert not again.any, "packs that did not change ask for nothing"
    imported(office, better("3.0.0"))
    assert office.running() == runs
    assert {key: office.store.tables[office.tenant][key]["status"] for key in statuses} == statuses
    assert office.status("3.0.0") in ("proposed", "draft"), "the change waits for a person"


def test_a_decision_about_the_old_version_that_comes_in_between_is_not_undone(office: Office) -> None:
    imported(office, kpi())
    office.agreed(Action.DEPRECATE, "1.0.0")
    office.store.tables[office.tenant].pop("prod#open#SKY-AD-01")
    row = office.row(KEY)
    assert row is not None

    def touched() -> None:
        office.store.tables[office.tenant][KEY] |= {"status": "deprecated", "row_version": row.row_version + 1}

    rows = Rows(office.store, rival_after=keys.pauses("prod"), rival=touched)
    report = CatalogImport(rows, office.plane, Scope(office.tenant, Environment.PRD, "sha")).run(dictionary(better()))
    assert (report.updated, report.requested) == ([], ["SKY-AD-01 2.0.0"])
    assert (office.running(), office.status("1.0.0")) == ("1.0.0", "deprecated")


def test_a_pause_of_everything_holds_packs_back(office: Office) -> None:
    imported(office, kpi())
    office.plane.pausing.pause(office.call(), Paused(), until=office.clock.now().replace(hour=20))
    assert imported(office, better()).requested == ["SKY-AD-01 2.0.0"]
    assert office.running() == "1.0.0"


def test_an_import_that_others_keep_outrunning_gives_up_and_says_so(office: Office) -> None:
    imported(office, kpi())

    def outrun() -> None:
        row = office.store.tables[office.tenant][keys.active("prod", "SKY-AD-01")]
        row["row_version"] += 1
        office.store.rival = outrun

    office.store.rival = outrun
    with pytest.raises(KpiError) as lost:
        imported(office, better())
    assert lost.value.code is ErrorCode.CONFLICT


def test_a_draft_that_the_packs_correct_takes_no_trigger_from_the_version_that_runs(office: Office) -> None:
    waiting = {"frequency": "daily", "trigger": "event", "event": "flights-landed"}
    imported(office, kpi(schedule=waiting))
    imported(office, better(schedule=waiting, status="draft"))
    imported(office, better(schedule=waiting, status="draft", purpose="Mean delay of all arrivals."))
    assert office.running() == "1.0.0"
    assert [key for key in keys_of(office) if "#trigger#" in key] == ["prod#trigger#flights-landed#SKY-AD-01"]


def test_a_kpi_with_more_versions_than_a_transaction_takes_leaves_the_packs_too(office: Office) -> None:
    numbers = [f"1.{minor}.0" for minor in range(MAX_CHANGES + 10)]
    for number in numbers:
        imported(office, kpi(number))
    report = imported(office, reader())
    assert (report.retired, report.created) == (["SKY-AD-01"], ["SKY-RT-01 1.0.0"])
    assert {office.status(number) for number in numbers} == {"retired"}
    assert office.running() is None
    assert not imported(office, reader()).any
    assert office.chain_holds()
