"""An artifact set on disk: what is written, what is left alone, what is taken away."""

from __future__ import annotations

import copy
import random
from pathlib import Path

import pytest

from artifacts import registry
from artifacts.build import build, check
from artifacts.manifest import sha256
from artifacts.render import RenderError
from kpis.diagnostics import DictionaryError
from tests.unit.artifacts.conftest import Workshop


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_kpi_gets_a_page_a_runbook_and_sql_for_each_warehouse(workshop: Workshop):
    built = build(workshop.sources(), workshop.place)
    made = set(built.manifest.kpis["SH-RV-01"].files)
    wanted = {"docs/dictionary/SH-RV-01.md", "docs/runbooks/kpis/SH-RV-01.md"}
    wanted |= {f"sql/{dialect}/SH-RV-01.sql" for dialect in ("postgres", "redshift", "athena", "duckdb")}
    assert wanted <= made


def test_the_manifest_leads_from_the_hash_of_a_definition_to_the_hashes_of_its_files(workshop: Workshop):
    built = build(workshop.sources(), workshop.place)
    on_disk = contents(workshop.place.out)
    assert {name: sha256(on_disk[name]) for name in built.manifest.files()} == built.manifest.files()
    made = built.manifest.kpis["SH-RV-01"]
    assert all(made.definition.encode() in on_disk[name] for name in made.files)


def test_the_order_of_the_packs_entries_changes_no_byte(workshop: Workshop, tmp_path: Path):
    build(workshop.sources(), workshop.place)
    other = Workshop(tmp_path / "other")
    entries = list(workshop.shop.documents.items())
    random.Random(7).shuffle(entries)  # noqa: S311 - any order will do
    other.shop.documents = {name: copy.deepcopy(document) for name, document in entries}
    build(other.sources(), other.place)
    mine, theirs = contents(workshop.place.out), contents(other.place.out)
    mine.pop("manifest.json")  # its `inputs` are the packs' own bytes
    theirs.pop("manifest.json")
    assert mine == theirs


def test_a_second_build_renders_and_writes_nothing(workshop: Workshop):
    build(workshop.sources(), workshop.place)
    before = {path: path.stat().st_mtime_ns for path in workshop.place.out.rglob("*")}
    again = build(workshop.sources(), workshop.place)
    assert (again.rendered, again.written.new, again.written.changed) == (0, [], [])
    assert {path: path.stat().st_mtime_ns for path in workshop.place.out.rglob("*")} == before


def test_a_changed_kpi_renders_itself_and_its_neighbours_only(workshop: Workshop):
    build(workshop.sources(), workshop.place)
    workshop.shop["SH-RV-02"]["purpose"] = "How much was ordered"
    built = build(workshop.sources(), workshop.place)
    # SH-AV-01 reads it, so its page names it; SH-RV-01 and SH-IX-01 do not touch it.
    assert built.rendered == 2
    assert built.kept == 2
    assert "docs/dictionary/SH-RV-02.md" in built.written.changed
    assert not any("SH-RV-01" in name for name in built.written.changed)


def test_a_file_that_somebody_edited_is_put_right(workshop: Workshop):
    build(workshop.sources(), workshop.place)
    page = workshop.place.path("docs/dictionary/SH-RV-01.md")
    right = page.read_bytes()
    page.write_bytes(right + b"and something else")
    built = build(workshop.sources(), workshop.place)
    assert page.read_bytes() == right
    assert built.written.changed == ["docs/dictionary/SH-RV-01.md"]


def test_the_files_of_a_kpi_that_is_gone_go_too(workshop: Workshop):
    build(workshop.sources(), workshop.place)
    del workshop.shop.documents["SH-IX-01"]
    built = build(workshop.sources(), workshop.place)
    assert "docs/dictionary/SH-IX-01.md" in built.written.removed
    assert not list(workshop.place.out.rglob("*SH-IX-01*"))


def test_a_page_of_an_unknown_kpi_is_found_without_a_manifest(workshop: Workshop):
    build(workshop.sources(), workshop.place)
    (workshop.place.out / "manifest.json").unlink()
    left_over = workshop.place.path("docs/dictionary/SH-XX-99.md")
    left_over.write_text("A KPI nobody has any more\n")
    assert check(workshop.sources(), workshop.place) == ["docs/dictionary/SH-XX-99.md"]
    assert build(workshop.sources(), workshop.place).written.removed == ["docs/dictionary/SH-XX-99.md"]
    assert not left_over.exists()


def test_the_check_names_each_page_that_is_not_what_the_dictionary_says(workshop: Workshop):
    build(workshop.sources(), workshop.place)
    assert check(workshop.sources(), workshop.place) == []
    workshop.place.path("docs/runbooks/kpis/SH-RV-01.md").unlink()
    workshop.shop["SH-IX-01"]["purpose"] = "Something else"
    found = check(workshop.sources(), workshop.place)
    assert "docs/runbooks/kpis/SH-RV-01.md" in found
    assert "docs/dictionary/SH-IX-01.md" in found
    assert not any("SH-RV-02" in name for name in found)


def test_a_dictionary_with_a_problem_writes_nothing(workshop: Workshop):
    workshop.shop["SH-AV-01"]["expression"] = {"formula": "revenue / nothing"}
    with pytest.raises(DictionaryError):
        build(workshop.sources(), workshop.place)
    assert not workshop.place.out.exists()


def test_two_renderers_of_one_file_are_refused_by_its_name(workshop: Workshop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(registry, "RENDERERS", (*registry.RENDERERS, registry.Renderer("again", "artifacts.pages")))
    with pytest.raises(RenderError, match=r"docs/dictionary/SH-.*\.md: two renderers"):
        build(workshop.sources(), workshop.place)
