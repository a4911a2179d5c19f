"""Documents become complete by inheritance, and nothing written in a file can crash the loader."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import kpis
from kpis.diagnostics import DictionaryError
from kpis.loader import read_dictionary
from kpis.schema import Kpi
from kpis.yaml_nodes import MAX_DEPTH, read_nodes
from tests.unit.kpis.build import PRIMARY, Shop

VARIANT = {"kind": "kpi", "id": "SH-RV-09", "parent": "SH-RV-01", "contract_version": "2.0.0", "variant_label": "acme", "tenants": ["acme"]}


def _kpi(shop: Shop, kpi_id: str) -> Kpi:
    return next(kpi for kpi in kpis.load(shop.write()).kpis if kpi.id == kpi_id)


def _variant(shop: Shop, **fields: object) -> None:
    shop.add(VARIANT, change_log=[{"version": "2.0.0", "date": "2025-11-02", "author": "a", "summary": "s"}], **fields)


def test_a_kpi_takes_from_the_pack_what_it_does_not_say(shop: Shop) -> None:
    kpi = _kpi(shop, "SH-RV-01")
    assert (kpi.pack, kpi.unit, kpi.owners.business, kpi.tenants) == ("shop", "USD", "CFO", ("acme", "skyway"))


def test_maps_merge_key_by_key_and_lists_are_replaced(shop: Shop) -> None:
    shop["SH-RV-01"].update(owners={"business": "COO"}, sla=[{"type": "latency", "target": "5s", "grace": "1s"}])
    kpi = _kpi(shop, "SH-RV-01")
    assert (kpi.owners.business, kpi.owners.technical) == ("COO", "Platform")
    assert [sla.type for sla in kpi.sla] == ["latency"]


def test_a_field_written_as_null_is_not_inherited(shop: Shop) -> None:
    shop["SH-RV-01"]["schedule"] = {"trigger": "event", "event": "gdp-updated", "cron": None}
    kpi = _kpi(shop, "SH-RV-01")
    assert (kpi.schedule.cron, kpi.schedule.event) == (None, "gdp-updated")


def test_a_variant_inherits_the_parent_but_keeps_its_own_version_chain(shop: Shop) -> None:
    shop["SH-RV-01"]["verdict"] = {"adequate": 500}
    _variant(shop, verdict={"low": 400})
    variant = _kpi(shop, "SH-RV-09")
    assert (variant.name, variant.expression) == ("Revenue", _kpi(shop, "SH-RV-01").expression)
    assert (variant.verdict.adequate, variant.verdict.low) == (500, 400)
    assert (variant.contract_version, variant.change_log[0].version) == ("2.0.0", "2.0.0")


def test_a_variant_of_a_variant_inherits_from_the_nearest(shop: Shop) -> None:
    _variant(shop, unit="EUR", tenants=["acme"])
    shop.add(VARIANT, id="SH-RV-10", parent="SH-RV-09", change_log=PRIMARY["change_log"], contract_version="1.0.0")
    assert (_kpi(shop, "SH-RV-10").unit, _kpi(shop, "SH-RV-10").name) == ("EUR", "Revenue")


def test_times_versions_and_dates_stay_text() -> None:
    nodes, problems = read_nodes("x.yaml", b"by: 06:00\nversion: 1.10.0\ndate: 2013-10-29\nword: no\nflag: true\nratio: 1e-3\n")
    assert problems == []
    assert nodes[0].plain() == {"by": "06:00", "version": "1.10.0", "date": "2013-10-29", "word": "no", "flag": True, "ratio": 0.001}


def test_loading_invalid_packs_raises_every_problem_at_once(shop: Shop) -> None:
    shop["SH-RV-01"]["layer"] = "nonsense"
    shop["SH-RV-02"]["contract_version"] = "one"
    with pytest.raises(DictionaryError, match="2 problems") as error:
        kpis.load(shop.write())
    assert len(error.value.diagnostics) == 2


@pytest.mark.parametrize("text", [b"[" * 100_000, b"- " * 100_000, b"? " * 1_000, b"{a: " * 50_000, b"a: *nobody", b"*a : 1"])
def test_deep_or_circular_yaml_is_a_diagnostic_not_a_crash(text: bytes) -> None:
    _, problems = read_nodes("x.yaml", text)
    assert problems
    assert all(problem.code in ("yaml-syntax", "yaml-alias") for problem in problems)


def test_a_document_may_be_as_deep_as_the_limit() -> None:
    nodes, problems = read_nodes("x.yaml", b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    assert (len(nodes), problems) == (1, [])


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
_FIELDS = st.sampled_from([*Kpi.model_fields, "columns", "table", "defaults", "type", "source", "column", "period_column"])
_VALUES = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_FIELDS, inner, max_size=4), max_leaves=12)


@settings(max_examples=150, deadline=None)
@given(content=st.binary(max_size=400) | st.text(max_size=400).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_without_raising(content: bytes) -> None:
    nodes, problems = read_nodes("x.yaml", content)
    assert all(problem.line >= 1 and problem.message for problem in problems)
    assert all(json.dumps(node.plain()) for node in nodes)


@settings(max_examples=100, deadline=None)
@given(field=_FIELDS, value=_VALUES, entry=st.sampled_from(["shop", "GDP_Sales", "gdp-updated", "SH-RV-01", "SH-AV-01", "SH-IX-01"]))
def test_any_value_in_any_field_is_reported_or_accepted(
    tmp_path_factory: pytest.TempPathFactory, field: str, value: object, entry: str
) -> None:
    shop = Shop(tmp_path_factory.mktemp("any"))
    shop[entry][field] = value
    problems = shop.check()
    assert all(problem.file and problem.line >= 1 and problem.code for problem in problems)


def test_an_empty_folder_is_a_problem_because_nothing_was_checked(tmp_path: Path) -> None:
    (tmp_path / "packs").mkdir()
    assert [problem.code for problem in read_dictionary(tmp_path / "packs").diagnostics] == ["no-packs"]


def test_the_loader_agrees_with_an_ordinary_yaml_reader_on_our_own_packs() -> None:
    for path in sorted(kpis.PACKS_DIR.rglob("*.yaml")):
        nodes, problems = read_nodes(path.name, path.read_bytes())
        assert problems == []
        documents = [document for document in yaml.safe_load_all(path.read_text()) if document is not None]
        assert [sorted(node.plain()) for node in nodes] == [sorted(document) for document in documents]


@pytest.mark.parametrize("version", ["1.0.0\n", "1.0", "01.0.0", "v1.0.0", ""])
def test_a_version_of_another_form_is_refused(shop: Shop, version: str) -> None:
    shop["SH-RV-01"]["contract_version"] = version
    assert "invalid-value" in {problem.code for problem in shop.check()}
