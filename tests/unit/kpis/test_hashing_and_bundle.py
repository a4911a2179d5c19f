"""Equal meaning has one hash; a bundle is reproducible, complete and cached by content."""

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kpis
from kpis import bundle as bundles
from kpis import checks
from kpis.bundle import BundleError, build_bundle, bundle_bytes, read_bundle
from kpis.diagnostics import DictionaryError
from kpis.generate import write_packs
from kpis.hashing import canonical_json, definition_hash
from kpis.schema import Dictionary, Kpi
from tests.unit.kpis.build import Shop


def _shuffled(value: Any, order: random.Random) -> Any:
    if isinstance(value, dict):
        keys = list(value)
        order.shuffle(keys)
        return {key: _shuffled(value[key], order) for key in keys}
    return [_shuffled(item, order) for item in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Dictionary:
    folder = tmp_path_factory.mktemp("generated")
    write_packs(folder, 30)
    return kpis.load(folder)


@settings(deadline=None)
@given(seed=st.integers())
def test_the_order_of_fields_does_not_change_the_hash(generated: Dictionary, seed: int) -> None:
    order = random.Random(seed)  # noqa: S311 - shuffles keys, keeps no secret
    kpi = order.choice(generated.kpis)
    again = Kpi.model_validate(_shuffled(kpi.model_dump(mode="json", by_alias=True), order))
    assert definition_hash(again) == definition_hash(kpi)


@settings(deadline=None)
@given(field=st.sampled_from(["name", "purpose", "unit", "contract_version", "tier"]), number=st.integers(1, 2))
def test_a_change_of_any_field_changes_the_hash(generated: Dictionary, field: str, number: int) -> None:
    kpi = generated.kpis[0]
    value = {"contract_version": f"9.{number}.0", "tier": 2 - number}.get(field, f"other {number}")
    assert definition_hash(kpi.model_copy(update={field: value})) != definition_hash(kpi)


def test_canonical_json_has_sorted_keys_no_space_and_reads_back(generated: Dictionary) -> None:
    text = canonical_json(generated.kpis[0])
    assert ": " not in text.replace(": ", "", text.count("'ALL'"))
    assert Kpi.model_validate_json(text) == generated.kpis[0]


def test_a_bundle_reads_back_to_the_same_dictionary(generated: Dictionary) -> None:
    content = bundle_bytes(generated)
    assert read_bundle(content) == generated
    assert bundle_bytes(read_bundle(content)) == content


def test_text_with_every_kind_of_line_end_survives_the_bundle(generated: Dictionary) -> None:
    odd = generated.kpis[0].model_copy(update={"purpose": "a\u2028b\u0085c\u2029d\r\ne"})
    dictionary = generated.model_copy(update={"kpis": (odd,)})
    assert read_bundle(bundle_bytes(dictionary)).kpis[0].purpose == odd.purpose


@pytest.mark.parametrize("content", [b"", b"not gzip", bundle_bytes(Dictionary(packs=(), sources=(), signals=(), kpis=()))[:-9]])
def test_bytes_that_are_no_bundle_are_refused(content: bytes) -> None:
    with pytest.raises(BundleError, match="build it again"):
        read_bundle(content)


def test_an_unchanged_dictionary_is_not_parsed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_packs(tmp_path / "packs", 30)
    first = build_bundle(tmp_path / "packs", tmp_path / "cache")

    def refuse(*_: object) -> None:
        raise AssertionError("the packs were parsed although nothing changed")

    monkeypatch.setattr(checks, "read_dictionary", refuse)
    assert build_bundle(tmp_path / "packs", tmp_path / "cache") == first


def test_the_bundle_depends_on_the_meaning_not_on_the_layout_of_the_files(tmp_path: Path) -> None:
    write_packs(tmp_path / "packs", 30)
    first = build_bundle(tmp_path / "packs", tmp_path / "cache")
    path = tmp_path / "packs" / "generated" / "kpis-000.yaml"
    path.write_text(f"# a comment\n{path.read_text()}")
    second = build_bundle(tmp_path / "packs", tmp_path / "cache")
    assert (second.sha256, second.path) == (first.sha256, first.path)


def test_a_damaged_cache_is_built_again(tmp_path: Path) -> None:
    write_packs(tmp_path / "packs", 30)
    first = build_bundle(tmp_path / "packs", tmp_path / "cache")
    content = first.path.read_bytes()
    first.path.write_bytes(b"damaged")
    again = build_bundle(tmp_path / "packs", tmp_path / "cache")
    assert again.path.read_bytes() == content


def test_a_runbook_that_is_gone_is_found_although_the_packs_are_cached(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "REPOSITORY", shop.folder)
    packs = shop.write()
    build_bundle(packs, shop.folder / "cache")
    (shop.folder / "docs" / "runbooks" / "shop.md").unlink()
    with pytest.raises(DictionaryError, match="missing-runbook"):
        build_bundle(packs, shop.folder / "cache")


def test_invalid_packs_write_nothing(shop: Shop, tmp_path: Path) -> None:
    shop["SH-RV-01"]["expression"] = {"sql": "DROP TABLE gdp_sales"}
    with pytest.raises(DictionaryError, match="sql-writes"):
        build_bundle(shop.write(), tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_the_summary_counts_kpis_by_pack_layer_and_tenant(tmp_path: Path) -> None:
    write_packs(tmp_path / "packs", 30, tenants=["acme", "skyway"])
    summary = build_bundle(tmp_path / "packs", tmp_path / "cache").summary
    assert summary.kpis_per_pack == {"generated": 30}
    assert summary.kpis_per_layer == {"composite": 3, "primary": 24, "secondary": 3}
    assert summary.kpis_per_tenant == {"acme": 30, "skyway": 30}
    assert len(summary.for_tenant("acme")) == 30
    assert summary.rows[0].sla == ("freshness 1d (+2h)",)


@pytest.mark.parametrize("count", [1, 30, 1000])
def test_generated_packs_are_valid_and_reproducible(tmp_path: Path, count: int) -> None:
    first, second = write_packs(tmp_path / "a", count), write_packs(tmp_path / "b", count)
    assert {path.name: path.read_bytes() for path in first.iterdir()} == {path.name: path.read_bytes() for path in second.iterdir()}
    assert sum(build_bundle(tmp_path / "a", tmp_path / "cache").summary.kpis_per_layer.values()) == count


def test_packs_are_generated_over_the_sources_of_our_own_packs(tmp_path: Path) -> None:
    sources = [source for source in kpis.load().sources if any(column.type == "numeric" for column in source.columns.values())]
    write_packs(tmp_path, 30, sources=sources)
    assert build_bundle([kpis.PACKS_DIR, tmp_path], tmp_path / "cache").summary.kpis_per_pack["generated"] == 30
