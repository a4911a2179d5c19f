"""What runs is known from the pointers alone, whoever wrote them, and definitions are read only of what is asked for."""

from __future__ import annotations

import pytest

from kpis.common import Environment
from lambdas.domain.control import catalog, keys
from lambdas.domain.control.catalog import LiveVersions
from lambdas.domain.control.states import Action
from lambdas.domain.lineage.graph import part_of
from tests.unit.lambdas.control.office import SOURCES, TENANT, Office, kpi, reader
from tests.unit.lambdas.test_reconcile import imported


def running(office: Office) -> LiveVersions:
    return LiveVersions(office.store, TENANT, Environment.PRD)


def read(office: Office, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The definitions that are read from now on."""
    keys_read: list[str] = []
    row, rows = office.store.row, office.store.rows

    def one(tenant_id: str, key: str):
        keys_read.append(key)
        return row(tenant_id, key)

    def many(tenant_id: str, prefix: str, *, after: str = ""):
        for each in rows(tenant_id, prefix, after=after):
            keys_read.append(each.key)
            yield each

    monkeypatch.setattr(office.store, "row", one)
    monkeypatch.setattr(office.store, "rows", many)
    return keys_read


def definitions(keys_read: list[str]) -> list[str]:
    return [key for key in keys_read if "#kpi#" in key and "#active#" not in key]


def test_a_pointer_says_what_its_definition_reads_whether_published_rolled_back_or_imported() -> None:
    office = Office()
    imported(office, kpi(), reader())
    assert {part.kpi_id: part for part in running(office).parts()} == {of.id: part_of(of, SOURCES) for of in (kpi(), reader())}
    office.live(kpi("1.1.0", parent="SKY-AD-09", variant_label="Freight"))
    assert next(iter(running(office).parts(["SKY-AD-01"]))).parent == "SKY-AD-09"
    office.plane.recovery.rollback(office.call(), "SKY-AD-01")
    assert next(iter(running(office).parts(["SKY-AD-01"]))) == part_of(kpi(), SOURCES)


def test_a_request_reads_the_definitions_it_touches_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    office = Office()
    for of in (kpi(), reader(), *(kpi(id=f"SKY-AD-{number:02d}") for number in range(2, 9))):
        office.live(of)
    keys_read = read(office, monkeypatch)
    office.plane.approvals.submit(office.call(), "SKY-AD-01", "1.0.0", Action.DEPRECATE)
    assert set(definitions(keys_read)) == {keys.version("prod", name, "1.0.0") for name in ("SKY-AD-01", "SKY-RT-01")}


@pytest.mark.parametrize("one_by_one", [0, 200])
def test_what_is_around_a_kpi_is_the_same_however_it_is_read(monkeypatch: pytest.MonkeyPatch, one_by_one: int) -> None:
    office = Office()
    for of in (kpi(), reader(), kpi(id="SKY-AD-02"), kpi(id="SKY-AD-03", parent="SKY-AD-01", variant_label="Freight")):
        office.live(of)
    for key, row in office.store.tables[TENANT].items():
        if key in ("prod#active#SKY-RT-01", "prod#active#SKY-AD-03"):
            del row["part"]
    monkeypatch.setattr(catalog, "ONE_BY_ONE", one_by_one)
    assert [each.id for each in office.shelf().around("SKY-AD-01")] == ["SKY-AD-01", "SKY-AD-03", "SKY-RT-01"]
