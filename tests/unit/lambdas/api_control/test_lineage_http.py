"""Lineage and impact over HTTP: what definitions say, what runs read, which columns, and how it is drawn."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from lambdas.api.control import lineage_answers
from lambdas.domain.lineage import Observation
from tests.unit.lambdas.api_control.service import RIVAL, Service
from tests.unit.lambdas.control.office import reader

PATH = "/kpis/SKY-AD-01/lineage"


def run(source: str, target: str = "SKY-AD-01", columns: tuple[str, ...] = (), number: int = 7) -> Observation:
    return Observation(source, f"kpi:{target}", number, "2.1.0", columns)


@pytest.fixture
def service() -> Service:
    made = Service()
    made.live()
    made.office.live(reader())
    return made


def links(answer: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(each["source"], each["target"]): each for each in answer["links"]}


def test_a_link_says_whether_a_run_really_read_it_and_which_version_of_what(service: Service) -> None:
    service.readings.seen = [run("gdp:GDP_Flights")]
    found = links(service.get(PATH).body)
    read = found["gdp:GDP_Flights", "kpi:SKY-AD-01"]
    assert (read["evidence"], read["source_version"], int(read["last_run"])) == ("both", "2.1.0", 7)
    assert found["kpi:SKY-AD-01", "kpi:SKY-RT-01"]["evidence"] == "declared"
    assert "last_run" not in found["kpi:SKY-AD-01", "kpi:SKY-RT-01"]


def test_what_only_a_run_read_is_shown_as_observed_with_its_columns(service: Service) -> None:
    service.readings.seen = [run("gdp:GDP_Old", columns=("a", "b"))]
    answer = service.get(PATH).body
    found = links(answer)["gdp:GDP_Old", "kpi:SKY-AD-01"]
    assert (found["evidence"], found["columns"]) == ("observed", ["a", "b"])
    assert {"id": "gdp:GDP_Old", "kind": "gdp", "name": "GDP_Old", "distance": -1} in answer["nodes"]
    assert "-.->" in service.get(PATH, format="mermaid").text


def test_an_undeclared_reading_beyond_the_depth_or_the_direction_stays_out(service: Service) -> None:
    service.readings.seen = [run("gdp:GDP_Old"), run("gdp:GDP_Older", "SKY-RT-01")]
    for query in ({"direction": "down"}, {"direction": "down", "depth": "9"}):
        assert not [each for each in service.get(PATH, **query).body["nodes"] if each["kind"] == "gdp"]
    up = service.get("/kpis/SKY-RT-01/lineage", depth="1").body
    assert ("gdp:GDP_Old", "kpi:SKY-AD-01") not in links(up)
    assert ("gdp:GDP_Older", "kpi:SKY-RT-01") in links(up)


def test_the_nearest_kpis_are_looked_at_and_the_others_are_counted(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lineage_answers, "RUNS_OF", 1)
    assert service.get(PATH).body["runs_left_out"] == 1
    assert service.readings.asked == [["SKY-AD-01"]]
    assert service.get(PATH, runs="false").body["runs_left_out"] == 2
    assert len(service.readings.asked) == 1


def test_columns_say_how_the_kpi_uses_them(service: Service) -> None:
    uses = {(each["source"], each["column"]): each["uses"] for each in service.get(PATH).body["columns"]}
    assert uses["GDP_Flights", "delay"][0] == "makes the value"
    assert "places rows in time" in uses["GDP_Flights", "flight_date"]


def test_the_drawing_is_an_image_that_runs_nothing(service: Service) -> None:
    answer = service.get(PATH, format="svg")
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert ET.fromstring(answer.text).tag.endswith("svg")  # noqa: S314 - our own drawing


def test_another_tenant_sees_neither_the_kpi_nor_its_runs(service: Service) -> None:
    service.readings.seen = [run("gdp:GDP_Flights")]
    assert service.get(PATH, by=RIVAL).status == 404
    assert service.get("/kpis/SKY-AD-01/impact", by=RIVAL, change="deprecation").status == 404


def test_impact_names_the_caller_s_tenant_alone(service: Service) -> None:
    answer = service.get("/kpis/SKY-AD-01/impact", change="source:GDP_Flights.delay").body
    assert answer["report"]["tenants"] == ["skyway"]
    assert [each["kpi_id"] for each in answer["report"]["affected"]] == ["SKY-AD-01", "SKY-RT-01"]


def test_what_was_published_a_moment_ago_is_in_the_next_answer(service: Service) -> None:
    service.get(PATH)
    service.office.live(reader(id="SKY-RT-02"))
    assert ("kpi:SKY-AD-01", "kpi:SKY-RT-02") in links(service.get(PATH).body)
