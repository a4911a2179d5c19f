"""Search over HTTP: what is counted can be chosen, whatever it is called."""

from __future__ import annotations

import pytest

from tests.unit.lambdas.api_control.service import CFO, Service
from tests.unit.lambdas.control.office import kpi

OWNERS = ("Head of Sales, EMEA", "Head of Sales", "Finance & more", 'Ops "night" 100%')


@pytest.fixture
def service() -> Service:
    made = Service()
    for number, owner in enumerate(OWNERS, start=10):
        made.office.live(kpi("1.0.0", id=f"SKY-OW-{number}", owners={"business": owner, "technical": "Data"}))
    return made


def test_choosing_a_value_finds_as_many_as_were_counted_for_it(service: Service) -> None:
    counts = service.get("/search", by=CFO).body["counts"]
    assert set(OWNERS) <= set(counts["owner"])
    for facet, values in counts.items():
        if facet == "environment":
            continue
        for value, count in values.items():
            page = service.get("/search", by=CFO, **{facet: value}).body
            assert (page["total"], {each["facets"][facet] for each in page["items"]}) == (count, {value}), facet


def test_a_page_of_a_choice_with_commas_goes_on(service: Service) -> None:
    chosen = ",".join(OWNERS)
    first = service.get("/search", by=CFO, owner=chosen, limit="3").body
    second = service.get("/search", by=CFO, owner=chosen, limit="3", cursor=first["next_cursor"]).body
    assert [each["kpi_id"] for each in (*first["items"], *second["items"])] == [f"SKY-OW-{number}" for number in range(10, 14)]
