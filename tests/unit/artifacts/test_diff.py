"""What a reviewer is told about a change: everything that changed, in words, and whom it reaches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from artifacts.alarm_changes import alarm_changes
from artifacts.definition_changes import Kind, KpiChange, kpi_changes, source_changes
from artifacts.diff import CostChange, Diff, LimitChange
from artifacts.diff_report import headline, to_json, to_markdown, to_text
from artifacts.file_changes import file_changes
from kpis.checks import check_packs
from kpis.schema import Dictionary, Kpi
from tests.unit.kpis.build import PRIMARY, Shop

CHANGES: dict[str, tuple[Any, str]] = {
    "name": ("Turnover", "name: Revenue -> Turnover"),
    "purpose": ("Money that came in", "purpose: What was sold -> Money that came in"),
    "layer": (None, ""),
    "contract_version": ("1.1.0", "version: 1.0.0 -> 1.1.0"),
    "status": ("deprecated", "status: active -> deprecated"),
    "owners": ({"business": "CEO", "technical": "Platform"}, "business owner: CFO -> CEO"),
    "criticality": ("critical", "criticality: high -> critical"),
    "tier": (0, "tier: 2 -> 0"),
    "sensitivity": ("restricted", "sensitivity: internal -> restricted"),
    "tenants": (["acme"], "tenants: acme, skyway -> acme"),
    "environments": (["dev", "prod"], "environments: prod -> dev, prod"),
    "parent": ("SH-RV-02", "parent: none -> SH-RV-02"),
    "variant_label": ("acme", "variant label: none -> acme"),
    "entity_dimension": ("region", "entity: none -> region"),
    "grain": ("week", "grain: day -> week"),
    "unit": ("EUR", "unit: USD -> EUR"),
    "format": ("0", "format: 0.00 -> 0"),
    "verdict": ({"direction": "higher_is_better", "adequate": 120, "low": 50}, "Adequate from 100, Low from 50 USD -> higher"),
    "lane": ("heavy", "lane: light -> heavy"),
    "schedule": ({"frequency": "daily", "trigger": "time", "cron": "0 5 * * *"}, "cron 0 2 * * * UTC -> daily, cron 0 5 * * * UTC"),
    "sla": ([{"type": "freshness", "target": "12h", "grace": "2h"}], "SLA freshness: freshness 1d (+2h) -> freshness 12h (+2h)"),
    "error_policy": ({"retry": {"count": 5}, "on_failure": "fallback"}, "on failure: suppress -> fallback"),
    "runbook": ("docs/runbooks/other.md", "runbook: docs/runbooks/shop.md -> docs/runbooks/other.md"),
    "sources": ([{"gdp": "GDP_Sales", "attributes": ["amount", "region"]}], "source gdp:GDP_Sales: amount -> amount, region"),
    "extensions": ([{"kind": "YoY"}], "extension YoY added: YoY"),
    "pre_validation": ([], "check before execution there removed: source_present there (error)"),
    "post_validation": (
        [{"id": "range", "check": "value_range", "min": 0}],
        "check before delivery range added: value_range range (error)",
    ),
    "alerts": ([{"channel": "slack", "target": "#x"}], "alert route slack #x added: slack #x from medium"),
    "reports": ([{"frequency": "weekly", "recipients": ["a@b.example"]}], "report weekly added: a@b.example"),
    "consumers": ([{"type": "team", "name": "Treasury"}], "consumer team Treasury added: team Treasury"),
    "slo": ({"objective": 99.5, "window": "7d"}, "service level: default of its tier ->"),
    "expression": ({"sql": PRIMARY["expression"]["sql"].replace("SUM", "MAX")}, "MAX(amount)"),
}
UNREAD = {"kind", "id", "pack", "layer", "change_log"}
"""Fields that are no change of their own: the id is the KPI, the change log is the author's words for the others."""


def dictionary(folder: Path, **fields: Any) -> Dictionary:
    shop = Shop(folder)
    base = check_packs(shop.write(), root=folder).dictionary
    if not fields:
        return base
    kpis = tuple(
        Kpi.model_validate(kpi.model_dump(mode="json", by_alias=True) | fields) if kpi.id == "SH-RV-01" else kpi for kpi in base.kpis
    )
    return base.model_copy(update={"kpis": kpis})


def only(changes: tuple[KpiChange, ...]) -> KpiChange:
    (change,) = changes
    return change


def whole(before: Dictionary, after: Dictionary) -> Diff:
    return Diff("main", kpi_changes(before, after), source_changes(before, after), (), file_changes(before, after), (), ())


def test_every_field_of_a_kpi_has_words():
    assert set(Kpi.model_fields) - UNREAD <= set(CHANGES)


@pytest.mark.parametrize("field", [name for name in CHANGES if name != "layer"])
def test_a_change_of_one_field_is_told_in_words(tmp_path: Path, field: str):
    value, words = CHANGES[field]
    change = only(kpi_changes(dictionary(tmp_path), dictionary(tmp_path, **{field: value})))
    assert change.kind is Kind.CHANGED
    assert words in "\n".join([*(each.text for each in change.fields), *change.formula])


def test_nothing_changed_means_an_empty_diff(tmp_path: Path):
    diff = whole(dictionary(tmp_path), dictionary(tmp_path))
    assert diff.empty
    assert headline(diff) == "nothing changed since main"
    assert "Nothing" in to_markdown(diff)


def test_a_changed_formula_shows_its_lines_and_asks_for_a_major_version(tmp_path: Path):
    change = only(kpi_changes(dictionary(tmp_path), dictionary(tmp_path, expression=CHANGES["expression"][0])))
    assert (change.needed, change.enough) == ("major", False)
    assert any(line.startswith("-SELECT") and "SUM(amount)" in line for line in change.formula)


def test_those_who_read_a_changed_kpi_are_named_also_through_others(tmp_path: Path):
    diff = whole(dictionary(tmp_path), dictionary(tmp_path, consumers=[{"type": "team", "name": "Treasury"}]))
    assert only(tuple(diff.kpis)).downstream == ("SH-AV-01", "SH-IX-01")
    assert diff.affected == ("SH-AV-01", "SH-IX-01")
    assert diff.audience == ("team Treasury",)


def test_a_new_and_a_removed_kpi_are_told_apart(tmp_path: Path):
    base = dictionary(tmp_path)
    less = base.model_copy(update={"kpis": tuple(kpi for kpi in base.kpis if kpi.id != "SH-IX-01")})
    assert [change.kind for change in kpi_changes(less, base)] == [Kind.ADDED]
    assert [change.kind for change in kpi_changes(base, less)] == [Kind.REMOVED]
    paths = {change.path: change.kind for change in file_changes(base, less)}
    assert paths["docs/dictionary/SH-IX-01.md"] is Kind.REMOVED


def test_a_changed_table_names_its_readers(tmp_path: Path):
    base = dictionary(tmp_path)
    (source,) = base.sources
    moved = base.model_copy(update={"sources": (source.model_copy(update={"table": "gdp_orders"}),)})
    (change,) = source_changes(base, moved)
    assert change.readers == ("SH-RV-01", "SH-RV-02")
    assert [field.text for field in change.fields] == ["table: gdp_sales -> gdp_orders"]


def test_only_files_of_the_changed_kpi_and_its_neighbours_differ(tmp_path: Path):
    changes = file_changes(dictionary(tmp_path), dictionary(tmp_path, name="Turnover"))
    per_kpi = {change.path for change in changes if "SH-" in change.path}
    assert per_kpi
    assert not any("SH-RV-02" in path for path in per_kpi)
    assert all(change.added + change.removed > 0 for change in changes)


def test_the_three_forms_tell_the_same_facts(tmp_path: Path):
    diff = Diff(
        "main",
        kpi_changes(dictionary(tmp_path), dictionary(tmp_path, tier=0)),
        (),
        (),
        file_changes(dictionary(tmp_path), dictionary(tmp_path, tier=0)),
        (CostChange("acme.prod", 10.0, 10.7, {"CloudWatch": 0.7}),),
        (LimitChange("Dashboards", "acme.prod", 400, 501, 500, "over"),),
    )
    document = json.loads(to_json(diff))
    assert document["kpis"][0]["kpi_id"] == "SH-RV-01"
    assert document["costs"][0]["after"] == 10.7
    for text in (to_text(diff), to_markdown(diff)):
        assert "SH-RV-01" in text
        assert "+0.70" in text
        assert "over" in text
    assert "+0.70 USD a month; 1 AWS quotas are exceeded" in headline(diff)


def test_hostile_words_stay_words_in_a_pull_request(tmp_path: Path):
    hostile = "</details><img src=x onerror=alert(1)> @everyone `x` | [a](javascript:b)"
    text = to_markdown(whole(dictionary(tmp_path), dictionary(tmp_path, name=hostile)))
    assert "<img" not in text
    assert "@everyone" not in text
    inline = [child for token in MarkdownIt("commonmark", {"html": True}).parse(text) for child in token.children or ()]
    assert not [child for child in inline if child.type in ("link_open", "image")]
    assert text.count("</details>") == 1


def test_a_changed_threshold_of_an_alarm_is_told_with_its_stack():
    from dataclasses import replace

    import alerts
    from tests.unit.alerts.factory import row, summary

    before = alerts.platform_alarms(summary(row()), deployment="local", region="us-east-1", account_id="123456789012")
    first = before.metrics[0]
    after = replace(before, metrics=(replace(first, threshold=first.threshold + 5), *before.metrics[1:]))
    (change,) = alarm_changes("platform.local", before, after)
    assert (change.stack, change.alarm, change.kind) == ("platform.local", first.name, Kind.CHANGED)
    (field,) = change.fields
    assert field.what == "condition"
    assert str(field.after).endswith(f"{first.threshold + 5:g}")
