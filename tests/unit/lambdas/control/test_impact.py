"""What a change request says it touches: the lineage engine's report, for the people who sign."""

from __future__ import annotations

from typing import Any

from kpis.schema import Kpi
from lambdas.domain.control.impact import Impact, impact_of
from lambdas.domain.control.states import Action
from lambdas.domain.lineage import Change, ChangeKind, graph_of, impact
from tests.unit.lambdas.control.office import MONDAY, SOURCES, TENANT, Office, kpi, reader

CHECKS_IT = {
    "id": "SKY-AD-09",
    "post_validation": [
        {"id": "same", "check": "cross_kpi", "severity": "warn", "kpis": {"other": "SKY-AD-01"}, "left": "value", "right": "other"}
    ],
}


def report(new: Kpi, *active: Kpi, ends: bool = False) -> Impact:
    return impact_of(TENANT, new, active, MONDAY, ends=ends)


def test_it_names_no_other_tenant() -> None:
    shared = kpi(tenants=["acme", TENANT])
    assert report(kpi("1.1.0", tenants=["acme", TENANT]), shared, reader(tenants=["acme", TENANT])).tenants == (TENANT,)


def test_another_formula_gives_readers_other_values_and_says_by_which_path() -> None:
    second = reader(id="SKY-RT-02", sources=[{"kpi": "SKY-RT-01", "as": "a"}])
    found = report(kpi("2.0.0", expression={"sql": "SELECT 1 AS value"}), kpi(), reader(), second)
    assert [(each.kpi_id, each.effect, len(each.path)) for each in found.touched] == [
        ("SKY-RT-01", "may get other values", 2),
        ("SKY-RT-02", "may get other values", 3),
    ]
    assert any("SKY-RT-01, SKY-RT-02 may get other values." in each for each in found.sentences)


def test_another_description_stands_above_the_same_readers_and_touches_none() -> None:
    found = report(kpi("1.0.1", purpose="The same in other words"), kpi(), reader())
    assert (found.downstream, found.touched) == (("SKY-RT-01",), ())
    assert found.totals["downstream"] == 1


def test_a_dashboard_that_the_new_version_leaves_out_is_named_beside_the_one_it_adds() -> None:
    new = kpi("1.1.0", consumers=[{"type": "dashboard", "name": "Executive"}])
    found = report(new, kpi())
    assert found.consumers == ("dashboard: Executive", "dashboard: Operations daily")
    assert found.totals["consumers"] == 2


def test_the_first_version_reaches_nobody_but_its_own_readers() -> None:
    found = report(kpi())
    assert (found.downstream, found.touched, found.consumers) == ((), (), ("dashboard: Operations daily",))


def test_the_end_of_what_runs_takes_an_input_from_its_readers() -> None:
    found = report(kpi(), kpi(), reader(), ends=True)
    assert [(each.kpi_id, each.effect) for each in found.touched] == [("SKY-RT-01", "loses an input")]
    assert "SKY-AD-01 cannot be retired while it is read by SKY-RT-01." in found.sentences


def test_the_end_of_a_version_that_was_replaced_touches_only_who_pins_it() -> None:
    pins = reader(id="SKY-RT-02", sources=[{"kpi": "SKY-AD-01", "version": "1.0.0", "as": "a"}], consumers=[])
    found = report(kpi("1.0.0"), kpi("1.1.0"), reader(), pins, ends=True)
    assert (found.downstream, found.consumers) == (("SKY-RT-02",), ())


def test_a_start_after_a_reader_s_is_said_in_words() -> None:
    def daily(cron: str) -> dict[str, Any]:
        return {"frequency": "daily", "trigger": "time", "cron": cron, "timezone": "UTC"}

    found = report(kpi("1.0.1", schedule=daily("0 9 * * *")), kpi(schedule=daily("0 5 * * *")), reader(schedule=daily("0 6 * * *")))
    assert any("SKY-RT-01 starts at" in each and "before SKY-AD-01 would" in each for each in found.sentences)


def test_it_is_what_the_lineage_engine_says() -> None:
    active = (kpi(), reader())
    asked = Change(kind=ChangeKind.DEPRECATION, kpi_id="SKY-AD-01")
    same = impact(graph_of(active, SOURCES.values()), TENANT, asked, MONDAY)
    found = report(kpi(), *active, ends=True)
    assert found.sentences == same.sentences
    assert found.consumers == tuple(each.name for each in same.consumers)


def test_a_request_names_who_checks_against_the_kpi_too() -> None:
    office = Office()
    office.live(kpi())
    office.live(kpi(**CHECKS_IT))
    office.plane.definitions.create(office.call(), kpi("2.0.0", expression={"sql": "SELECT 1 AS value"}), SOURCES)
    event = office.plane.approvals.submit(office.call(), "SKY-AD-01", "2.0.0", Action.PUBLISH)
    assert [(each.kpi_id, each.effect) for each in office.request(event).impact.touched] == [
        ("SKY-AD-09", "may fail a check or must be declared anew")
    ]
