"""The demo packs: complete, sound, and using everything the dictionary can say."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from kpis import rules
from kpis.checks import check_dictionary
from kpis.common import Lane, Layer
from kpis.loader import read_dictionary
from kpis.schema import ExtensionKind, Kpi, OnFailure, Trigger
from tests.oracle import FORMULAS

ROOT = Path(__file__).resolve().parents[3]
LOADED = read_dictionary(ROOT / "kpis" / "packs")
KPIS = {kpi.id: kpi for kpi in LOADED.dictionary.kpis}


def checks_of(union: object) -> set[str]:
    """The `check` words of a union of rules."""
    return {str(get_args(rule.model_fields["check"].annotation)[0]) for rule in get_args(get_args(union)[0])}


def test_the_packs_have_no_problem() -> None:
    assert [str(problem) for problem in (*LOADED.diagnostics, *check_dictionary(LOADED, ROOT))] == []


@pytest.mark.parametrize(("pack", "tenant", "least"), [("skyway", "skyway", 12), ("discco", "discco", 8), ("cfo", "acme", 10)])
def test_each_pack_has_its_kpis_in_all_three_layers_and_a_variant(pack: str, tenant: str, least: int) -> None:
    own = [kpi for kpi in KPIS.values() if kpi.pack == pack]
    assert len(own) >= least
    assert {kpi.layer for kpi in own} == set(Layer)
    assert {kpi.tenants for kpi in own} == {(tenant,)}
    assert [kpi for kpi in own if kpi.parent and kpi.variant_label]


def test_every_check_of_every_rule_is_used() -> None:
    pre = {rule.check for kpi in KPIS.values() for rule in kpi.pre_validation}
    post = {rule.check for kpi in KPIS.values() for rule in kpi.post_validation}
    assert pre == checks_of(rules.PreRule)
    assert post == checks_of(rules.PostRule)


def test_every_kind_of_sla_extension_trigger_lane_and_failure_is_used() -> None:
    assert {sla.type for kpi in KPIS.values() for sla in kpi.sla} == {"freshness", "latency", "availability", "consistency"}
    assert {extension.kind for kpi in KPIS.values() for extension in kpi.extensions} == set(ExtensionKind)
    assert {kpi.schedule.trigger for kpi in KPIS.values()} == set(Trigger)
    assert {kpi.lane for kpi in KPIS.values()} == set(Lane)
    assert {kpi.error_policy.on_failure for kpi in KPIS.values()} == set(OnFailure)


def test_every_kpi_says_how_it_is_judged_and_what_its_verdict_agrees_with() -> None:
    assert [kpi.id for kpi in KPIS.values() if not any(rule.check == "verdict_alignment" for rule in kpi.post_validation)] == []


def test_the_oracle_knows_every_kpi() -> None:
    assert set(FORMULAS) == set(KPIS)


def test_the_flow_of_the_seed_finds_its_kpi() -> None:
    kpi = KPIS["CFO-EF-02"]
    assert kpi.contract_version == "1.0.0"
    assert (kpi.schedule.cron, kpi.schedule.timezone) == ("0 2 * * *", "UTC")
    assert {source.gdp for source in kpi.gdp_sources} == {"GDP_Receivables", "GDP_Sales"}


def upstream(kpi: Kpi) -> list[Kpi]:
    return [KPIS[source.kpi] for source in kpi.kpi_sources]


def test_what_reads_kpis_runs_after_them_and_at_their_grain() -> None:
    late = [
        (kpi.id, read.id)
        for kpi in KPIS.values()
        for read in upstream(kpi)
        if kpi.grain is not read.grain or _minute(kpi) <= _minute(read) or kpi.schedule.timezone != read.schedule.timezone
    ]
    assert late == []


def _minute(kpi: Kpi) -> int:
    """The time of day of a schedule, in minutes; events come when the data do, before every schedule."""
    if kpi.schedule.cron is None:
        return 0
    minute, hour, *_ = kpi.schedule.cron.split()
    return int(hour) * 60 + int(minute)
