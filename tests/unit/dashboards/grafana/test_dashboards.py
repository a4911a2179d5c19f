"""What is rendered for Grafana works there: checked by us, by Grafana's typed SDK, and by what each dashboard has to say."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards.grafana import Site, problems, render_all, render_kpi
from dashboards.grafana.bands import band_of, color_of, steps_of, unit_of
from dashboards.grafana.kpi import render_anew
from dashboards.grafana.names import MAX_UID, kpi_uid, pack_uid, view_uid
from dashboards.grafana.render import NAMED
from dashboards.grafana.text import literal, markdown
from dashboards.grafana.validate import linked_dashboards
from kpis.artifact import Surroundings
from kpis.checks import check_packs
from kpis.common import Status, Verdict
from kpis.generate import write_packs
from kpis.schema import Bands, Direction
from tests.unit.dashboards.grafana.sdk import complaints

Json = dict[str, Any]
COLORS = {Verdict.ADEQUATE: "green", Verdict.LOW: "yellow", Verdict.CRITICAL: "red"}
text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80)
hostile = st.one_of(
    text, st.sampled_from(["$tenant_id ${kpi_id}", "</script>", "{{ 7 * 7 }}", "\"'`\\", "a\nb\x00", "数据 🙈", "x" * 4000])
)


@cache
def shipped() -> Surroundings:
    return Surroundings(check_packs(Path("kpis/packs"), root=Path()).dictionary)


@pytest.fixture
def around() -> Surroundings:
    return shipped()


@pytest.fixture(scope="module")
def shown() -> dict[str, Json]:
    return {artifact.path: json.loads(artifact.content) for artifact in render_all(shipped()) if artifact.path.endswith(".json")}


def own(around: Surroundings, kpi_id: str) -> Json:
    kpi = next(kpi for kpi in around.dictionary.kpis if kpi.id == kpi_id)
    (artifact,) = render_kpi(kpi, around)
    return json.loads(artifact.content)


def changed(around: Surroundings, kpi_id: str, **fields: Any) -> Surroundings:
    kpis = tuple(kpi.model_copy(update=fields) if kpi.id == kpi_id else kpi for kpi in around.dictionary.kpis)
    return Surroundings(around.dictionary.model_copy(update={"kpis": kpis}))


def test_there_is_a_dashboard_for_each_reader_and_each_pack(shown: dict[str, Json]) -> None:
    names = {path.removeprefix("grafana/dashboards/").removesuffix(".json") for path in shown}
    assert names == {"executive", "ops", "dev", "data", "kpi", "pack-cfo", "pack-discco", "pack-skyway"}


def test_every_dashboard_works_by_our_checks_and_by_grafanas_types(around: Surroundings, shown: dict[str, Json]) -> None:
    documents = [*shown.values(), *(own(around, kpi.id) for kpi in around.dictionary.kpis)]
    assert {each["title"]: found for each in documents if (found := [*problems(each), *complaints(each)])} == {}


def test_no_link_leads_to_a_dashboard_that_is_not_there(around: Surroundings, shown: dict[str, Json]) -> None:
    there = {each["uid"] for each in shown.values()}
    assert len(there) == len(shown)
    for document in [*shown.values(), own(around, "CFO-EF-02")]:
        assert linked_dashboards(document) <= there


def test_every_view_leads_to_the_history_the_runs_the_definition_and_the_runbook_of_a_kpi(shown: dict[str, Json]) -> None:
    for path, document in shown.items():
        if path.endswith(("/executive.json", "/dev.json", "/data.json", "/ops.json")) or "/pack-" in path:
            assert {"History", "Runs", "Definition", "Runbook"} <= set(re.findall(r'"title": "(\w+)"', json.dumps(document))), path


def test_a_dashboard_of_its_own_is_the_template_rendered_for_it(around: Surroundings) -> None:
    """The stencil saves time and changes nothing."""
    for kpi in around.dictionary.kpis:
        (artifact,) = render_kpi(kpi, around)
        assert artifact.content == render_anew(kpi, around), kpi.id
        assert (artifact.path, artifact.kpi_ids) == (f"grafana/dashboards/kpis/{kpi.id}.json", (kpi.id,))


def test_a_dashboard_of_its_own_has_twelve_panels_the_unit_the_bands_and_the_hash(around: Surroundings) -> None:
    document = own(around, "CFO-EF-02")
    kpi = next(kpi for kpi in around.dictionary.kpis if kpi.id == "CFO-EF-02")
    values = [panel["fieldConfig"]["defaults"] for panel in document["panels"] if panel["title"] == "Value"]
    assert len(document["panels"]) == 12
    assert [each["unit"] for each in values] == ["suffix: days"] * 2
    assert [[step["color"] for step in each["thresholds"]["steps"]] for each in values] == [["green", "yellow", "red"]] * 2
    assert around.hash_of(kpi) in document["description"]
    fixed = next(variable for variable in document["templating"]["list"] if variable["name"] == "kpi_id")
    assert (fixed["type"], fixed["query"]) == ("constant", "CFO-EF-02")


def test_the_drill_down_knows_the_bands_and_unit_of_every_kpi(around: Surroundings, shown: dict[str, Json]) -> None:
    panel = next(panel for panel in shown["grafana/dashboards/kpi.json"]["panels"] if panel["type"] == "timeseries")
    told = {
        each["matcher"]["options"]: {part["id"]: part["value"] for part in each["properties"]} for each in panel["fieldConfig"]["overrides"]
    }
    active = [kpi for kpi in around.dictionary.kpis if kpi.status is Status.ACTIVE]
    assert set(told) == {kpi.id for kpi in active}
    for kpi in active:
        steps = [(step["value"], step["color"]) for step in told[kpi.id]["thresholds"]["steps"]]
        assert (told[kpi.id]["unit"], steps) == (band_of(kpi).unit, list(band_of(kpi).steps))
    assert panel["targets"][0]["legendFormat"] == "{{kpi_id}}", "the overrides are by the name of the series"


numbers = st.floats(-1e9, 1e9, allow_nan=False)


@given(st.sampled_from(Direction), numbers, numbers, numbers)
def test_a_value_has_the_color_of_its_verdict(direction: Direction, one: float, other: float, value: float) -> None:
    low, high = sorted((one, other))
    bands = (
        Bands(direction=direction, adequate=high, low=low)
        if direction is Direction.HIGHER
        else Bands(direction=direction, adequate=low, low=high)
    )
    for tried in (value, bands.adequate, bands.low):
        assert color_of(steps_of(bands), tried) == COLORS[bands.judge(tried)]


@pytest.mark.parametrize(
    ("unit", "number_format", "expected"),
    [
        ("USD", "#,##0", "currencyUSD"),
        ("ratio", "0.0%", "percentunit"),
        ("ratio", "0.00", "none"),
        ("days", "0.0", "suffix: days"),
        ("USD per order", "0.00", "suffix: USD per order"),
        ("$ per order", "0", "suffix: $ per order"),
        ("$tenant_id", "0", "suffix: $\u2060tenant_id"),
    ],
)
def test_units(unit: str, number_format: str, expected: str) -> None:
    assert unit_of(unit, number_format) == expected


def test_one_more_kpi_adds_no_dashboard_and_a_large_dictionary_does_not_make_a_large_one(tmp_path: Path) -> None:
    write_packs(tmp_path, NAMED * 3)
    dictionary = check_packs(tmp_path, root=Path()).dictionary
    large = list(render_all(Surroundings(dictionary)))
    small = list(render_all(Surroundings(dictionary.model_copy(update={"kpis": dictionary.kpis[:8]}))))
    assert [artifact.path for artifact in large] == [artifact.path for artifact in small]
    assert max(len(artifact.content) for artifact in large) < 300_000


def test_uids_are_stable_short_and_never_the_same_for_two_things() -> None:
    assert (view_uid("ops"), pack_uid("cfo"), kpi_uid("CFO-EF-02")) == ("kpis-ops", "kpis-pack-cfo", "kpi-cfo-ef-02")
    longest = [kpi_uid(f"ABCDEFGHIJ-ABCDEFGHIJ-ABCDEFGHIJ-ABCDEF{number}") for number in (1, 2)]
    packs = [pack_uid("p" * 62 + letter) for letter in "ab"]
    uids = [*longest, *packs, kpi_uid("PACK-CFO"), pack_uid("cfo"), view_uid("ops"), kpi_uid("OPS-1")]
    assert len(set(uids)) == len(uids)
    assert max(map(len, uids)) <= MAX_UID


@settings(max_examples=15, deadline=None)
@given(name=hostile.map(lambda each: each[:120]), purpose=hostile, unit=hostile.map(lambda each: each[:120]))
def test_hostile_text_of_a_kpi_comes_back_as_it_was(name: str, purpose: str, unit: str) -> None:
    altered = changed(shipped(), "CFO-EF-02", name=name, purpose=purpose, unit=unit)
    document = own(altered, "CFO-EF-02")
    assert document["title"] == f"CFO-EF-02: {name}"
    assert document["description"].startswith(f"{purpose}\n\nVersion ")
    assert document["panels"][0]["fieldConfig"]["defaults"]["unit"].replace("\u2060", "") in (unit_of(unit, "0"), f"suffix: {unit}")
    assert [*problems(document), *complaints(document)] == []
    kpi = next(kpi for kpi in altered.dictionary.kpis if kpi.id == "CFO-EF-02")
    assert render_anew(kpi, altered) == next(render_kpi(kpi, altered)).content
    views = {artifact.path: artifact.content for artifact in render_all(altered)}
    mappings = json.loads(views["grafana/dashboards/executive.json"])["panels"][7]["fieldConfig"]["overrides"][0]["properties"][0]["value"]
    assert mappings[0]["options"]["CFO-EF-02"]["text"] == f"CFO-EF-02: {name}"


@settings(max_examples=15, deadline=None)
@given(name=hostile.map(lambda each: each[:120]), description=hostile)
def test_hostile_text_of_a_pack_breaks_nothing(name: str, description: str) -> None:
    packs = tuple(
        pack.model_copy(update={"name": name, "description": description}) if pack.id == "cfo" else pack
        for pack in shipped().dictionary.packs
    )
    found = render_all(Surroundings(shipped().dictionary.model_copy(update={"packs": packs})))
    document = next(json.loads(artifact.content) for artifact in found if artifact.path.endswith("/pack-cfo.json"))
    assert [*problems(document), *complaints(document)] == []
    assert document["title"] == f"KPI pack {name}"
    assert document["panels"][0]["options"]["content"] == f"# {markdown(name)}\n{markdown(description)}"


@given(text)
def test_a_literal_text_holds_no_variable_and_looks_the_same(written: str) -> None:
    assert re.search(r"\$(\{|\w)|\[\[", literal(written)) is None
    assert literal(written).replace("\u2060", "") == written.replace("\u2060", "")


@given(text)
def test_text_of_a_pack_is_not_markdown_and_holds_no_variable(written: str) -> None:
    escaped = markdown(written)
    assert re.search(r"[$\[\]<>*_`{}!|\\\"'\n]", escaped) is None
    read = re.sub(r"&#(\d+);", lambda match: chr(int(match[1])), escaped)
    assert read == " ".join(written.split())


def test_equal_dictionaries_give_equal_bytes_in_any_order(around: Surroundings) -> None:
    turned = around.dictionary.model_copy(update={"kpis": around.dictionary.kpis[::-1], "packs": around.dictionary.packs[::-1]})
    assert list(render_all(Surroundings(turned))) == list(render_all(around))


def test_a_change_of_a_definition_changes_the_hash_of_its_pack_and_no_other(around: Surroundings) -> None:
    before = {artifact.path: artifact.content for artifact in render_all(around)}
    after = {artifact.path: artifact.content for artifact in render_all(changed(around, "CFO-EF-02", purpose="Another purpose"))}
    different = {path for path in before if before[path] != after[path]}
    assert "grafana/dashboards/pack-cfo.json" in different
    assert not different & {"grafana/dashboards/pack-discco.json", "grafana/dashboards/pack-skyway.json"}


def test_a_site_changes_only_where_links_lead(around: Surroundings) -> None:
    site = Site("https://kpi.acme.example", "https://docs.acme.example", "eu-central-1", "kpi-acme")
    for one, other in zip(render_all(around), render_all(around, site), strict=True):
        back = other.content.decode()
        for name, default in (
            ("https://kpi.acme.example", "https://portal.kpi.example"),
            ("https://docs.acme.example", "https://docs.kpi.example"),
            ("eu-central-1", "us-east-1"),
            ("kpi-acme-log-run", "kpi-prod-log-run"),
            ("kpi_acme", "kpi_prod"),
        ):
            back = back.replace(name, default)
        assert back == one.content.decode()


def test_provisioning_names_the_data_source_and_holds_no_secret(around: Surroundings) -> None:
    files = {artifact.path: yaml.safe_load(artifact.content) for artifact in render_all(around) if artifact.path.endswith(".yaml")}
    provider = files["grafana/provisioning/dashboards/kpi-observatory.yaml"]["providers"][0]
    source = files["grafana/provisioning/datasources/kpi-observatory.yaml"]["datasources"][0]
    assert (provider["type"], provider["allowUiUpdates"]) == ("file", False)
    assert (source["type"], source["url"]) == ("prometheus", "${KPI_PROMETHEUS_URL}")
    assert not set(source) & {"password", "secureJsonData", "basicAuthPassword"}
