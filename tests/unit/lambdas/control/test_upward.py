"""What a version reads must not read it back: the graph is acyclic and runs primary, secondary, composite (contract: Layers)."""

from __future__ import annotations

from typing import Any

import pytest

from kpis.schema import Kpi
from lambdas.domain.control import keys
from lambdas.domain.control.canary import Subset, Tolerances
from lambdas.domain.errors import ErrorCode, KpiError
from tests.unit.lambdas.control.office import SOURCES, Office, kpi, reader

KPI, READER, INDEX = "SKY-AD-01", "SKY-RT-01", "SKY-IX-01"


def reads(upstream: str, version: str = "2.0.0", **changes: Any) -> Kpi:
    return reader(version, sources=[{"kpi": upstream, "as": "a"}], **changes)


@pytest.fixture
def office() -> Office:
    found = Office()
    found.live(kpi())
    found.live(reader())
    return found


def refused(call: object) -> str:
    with pytest.raises(KpiError) as error:
        call()
    assert error.value.code is ErrorCode.POLICY_DENY
    return error.value.message


def test_a_kpi_does_not_read_itself(office: Office) -> None:
    own = reads(KPI, id=KPI)
    assert "it reads itself" in refused(lambda: office.plane.definitions.create(office.call(), own, SOURCES))
    assert office.status("2.0.0") is None


@pytest.mark.parametrize("parts", ["written", "missing"])
def test_a_version_that_would_close_a_circle_does_not_go_live(office: Office, parts: str) -> None:
    office.live(reads(READER, "1.0.0", id="SKY-RT-02"))
    if parts == "missing":
        for name in (READER, "SKY-RT-02"):
            del office.store.tables[office.tenant][keys.active("prod", name)]["part"]
    office.approved(reads("SKY-RT-02", id=KPI))
    circle = "SKY-AD-01 -> SKY-RT-02 -> SKY-RT-01 -> SKY-AD-01"
    assert circle in refused(lambda: office.plane.publishing.publish(office.call(), KPI, "2.0.0"))
    part = Subset(percent=50)
    assert circle in refused(lambda: office.plane.rollouts.start(office.call(), KPI, "2.0.0", part, Tolerances()))
    assert office.running() == "1.0.0"


def test_a_circle_that_closes_between_the_start_of_a_canary_and_its_end_pauses_it(office: Office) -> None:
    office.live(kpi(id="SKY-AD-02"))
    office.approved(reads("SKY-AD-02", id=KPI))
    office.plane.rollouts.start(office.call(), KPI, "2.0.0", Subset(percent=100), Tolerances(min_periods=1, min_samples=1))
    office.live(reads(KPI, id="SKY-AD-02"))
    from tests.unit.lambdas.control.test_workflows import agreeing

    event = office.plane.rollouts.advance(office.call(), KPI, agreeing())
    assert (event.action, "circle" in str(event.details["why"])) == ("kpi.canary_pause", True)
    assert office.running() == "1.0.0"


def test_what_only_checks_against_a_kpi_does_not_close_a_circle(office: Office) -> None:
    rule = {"id": "fits", "check": "cross_kpi", "left": "r", "right": "a", "kpis": {"r": READER, "a": READER}, "tolerance": 1}
    rules = [*(each.model_dump(mode="json") for each in kpi().post_validation), rule]
    office.live(kpi("1.1.0", post_validation=rules))
    assert office.running() == "1.1.0"


def test_the_graph_runs_from_primary_to_composite(office: Office) -> None:
    office.live(reads(READER, "1.0.0", id=INDEX, layer="composite"))
    office.approved(reads(INDEX, "2.0.0"))
    assert "SKY-IX-01, which is composite" in refused(lambda: office.plane.publishing.publish(office.call(), READER, "2.0.0"))


def test_a_rule_compares_only_with_kpis_that_the_catalog_knows(office: Office) -> None:
    rule = {"id": "adds-up", "check": "cross_kpi", "left": "value", "right": "a", "kpis": {"a": "SKY-AD-77"}, "tolerance": 1}
    rules = [*(each.model_dump(mode="json") for each in kpi().post_validation), rule]
    office.approved(kpi("1.1.0", post_validation=rules))
    refusal = refused(lambda: office.plane.publishing.publish(office.call(), KPI, "1.1.0"))
    assert "its rule adds-up compares with SKY-AD-77, which is not in the catalog of prod" in refusal
    office.plane.definitions.create(office.call(), kpi(id="SKY-AD-77"), SOURCES)
    office.plane.publishing.publish(office.call(), KPI, "1.1.0")
