"""A dictionary written as packs is read as the equal dictionary."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kpis.checks import check_packs
from kpis.exchange.packs import export_packs, yaml_bytes
from kpis.generate import write_packs
from kpis.loader import load_dictionary
from kpis.schema import Dictionary
from kpis.yaml_nodes import read_nodes
from tests.unit.kpis.exchange.conftest import ROOT, with_text


def written(dictionary: Dictionary, folder: Path) -> Path:
    for artifact in export_packs(dictionary):
        path = folder / artifact.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(artifact.content)
    return folder


def test_the_packs_of_the_product_come_back_as_they_were(dictionary: Dictionary, tmp_path: Path) -> None:
    assert check_packs(written(dictionary, tmp_path), root=ROOT).dictionary == dictionary


def test_a_large_generated_pack_comes_back_as_it_was(tmp_path: Path) -> None:
    generated = load_dictionary(write_packs(tmp_path / "in", 100))
    assert load_dictionary(written(generated, tmp_path / "out")) == generated


@pytest.mark.parametrize(
    "text", ["08", "1e5", "no", "null", "a: b", "# x", "- x", "two\nlines\n", " lead", "{{ x }}", "'", '"', "漢字", "</script>", "*a"]
)
def test_hostile_text_comes_back_as_it_was(dictionary: Dictionary, text: str, tmp_path: Path) -> None:
    changed = with_text(dictionary, text)
    assert load_dictionary(written(changed, tmp_path)) == changed


def test_a_field_a_variant_removes_stays_removed(dictionary: Dictionary, tmp_path: Path) -> None:
    """A parent's value must not come back when the variant has none."""
    variant = next(kpi for kpi in dictionary.kpis if kpi.parent)
    without = variant.model_copy(update={"alerts": (), "extensions": (), "entity_dimension": None, "consumers": ()})
    changed = dictionary.model_copy(update={"kpis": tuple(without if kpi is variant else kpi for kpi in dictionary.kpis)})
    assert load_dictionary(written(changed, tmp_path)) == changed


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives_the_file(text: str) -> None:
    nodes, problems = read_nodes("x.yaml", yaml_bytes([{"key": text, "list": [text]}]))
    assert problems == []
    assert nodes[0].plain() == {"key": text, "list": [text]}


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.booleans() | st.none())
def test_any_number_survives_the_file(value: float | None) -> None:
    nodes, problems = read_nodes("x.yaml", yaml_bytes([{"key": value}]))
    assert problems == []
    assert nodes[0].plain() == {"key": value}


def test_half_of_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="half of a surrogate pair"):
        yaml_bytes([{"key": "\ud800"}])


def test_what_defaults_and_parents_say_is_not_written_again(dictionary: Dictionary) -> None:
    files = {artifact.path: list(yaml.safe_load_all(artifact.content)) for artifact in export_packs(dictionary)}
    variant = next(document for document in files["skyway/1-primary.yaml"] if document["id"] == "SKY-OT-01-A0")
    assert "owners" not in variant
    assert variant["verdict"] == {"adequate": 0.62, "low": 0.5}


def test_equal_dictionaries_give_equal_bytes_in_any_order(dictionary: Dictionary) -> None:
    turned = dictionary.model_copy(
        update={"kpis": dictionary.kpis[::-1], "sources": dictionary.sources[::-1], "packs": dictionary.packs[::-1]}
    )
    assert list(export_packs(turned)) == list(export_packs(dictionary))
