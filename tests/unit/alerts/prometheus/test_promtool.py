"""What Prometheus's own tools say of what is rendered, and that they notice what is wrong."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from kpis.schema import Kpi
from tests.unit.alerts.prometheus.definitions import artifacts, checker, dictionary, kpi, write


def test_promtool_and_amtool_accept_the_whole_dictionary_and_every_generated_test_passes(tmp_path: Path) -> None:
    folder = write(tmp_path, artifacts(*dictionary().kpis))
    assert len(list((folder / "rules").iterdir())) == len(dictionary().kpis) == len(list((folder / "tests").iterdir()))
    done = [0]
    assert checker().check(folder, progress=done.append) == ()
    assert sum(done) >= 2 * len(dictionary().kpis)


def test_prometheus_loads_the_set_as_its_configuration_says(tmp_path: Path) -> None:
    folder = write(tmp_path, artifacts(kpi()))
    done = subprocess.run(
        [checker().promtool, "check", "config", "prometheus.yaml"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "SUCCESS: 24 rules found" in done.stdout


SLOS = [
    {"objective": 99.999, "window": "28d"},
    {"objective": 50, "window": "28d"},
    {"objective": 99.9, "window": "90d"},
    {"objective": 95, "window": "7d"},
    {"objective": 97.5, "window": "3d"},
    {"objective": 99, "window": "36h"},
    {"objective": 99, "window": "1d"},
    {"objective": 50, "window": "365d"},
    {"objective": 99.9, "window": "90061s"},
]


def test_objectives_and_windows_of_any_size_pass_their_own_tests(tmp_path: Path) -> None:
    found = [kpi(id=f"SLO-{number:02d}", slo=slo) for number, slo in enumerate(SLOS)]
    assert checker().check(write(tmp_path, artifacts(*found))) == ()


def test_a_kpi_of_several_tenants_and_environments_is_watched_for_each(tmp_path: Path) -> None:
    several = kpi(tenants=("acme", "beta"), environments=("dev", "prod"))
    folder = write(tmp_path, artifacts(several))
    assert checker().check(folder) == ()
    rules = yaml.safe_load((folder / "rules" / f"{several.id}.yaml").read_text())
    absent = [rule["expr"] for group in rules["groups"] for rule in group["rules"] if rule.get("alert") == "KpiDataAbsent"]
    assert len(absent) == 4


HOSTILE = "Line one\nline 'two' \"three\" {{ $labels.x }} {{{ {% raw %} << >> <% %> }} </script> \\ \\u0041 %s ☃ 統計 \u2028 {"


def test_hostile_text_reaches_the_reader_of_an_alert_as_it_was_written(tmp_path: Path) -> None:
    """The generated tests expect the text itself, so promtool proves that Prometheus's templates leave it alone."""
    found = kpi(name=HOSTILE, purpose=HOSTILE * 30, owners={"business": HOSTILE, "technical": HOSTILE})
    folder = write(tmp_path, artifacts(found))
    assert checker().check(folder) == ()
    expected = yaml.safe_load((folder / "tests" / f"{found.id}.yaml").read_text())["tests"][1]["alert_rule_test"][0]["exp_alerts"][0]
    assert expected["exp_labels"]["owner"] == HOSTILE
    assert expected["exp_annotations"]["description"].endswith(HOSTILE * 30)


MUTATIONS: dict[str, tuple[str, str, str]] = {
    "the thresholds of two burn tiers are swapped": (
        r"\(13\.44((?:.|\n)*?)\(13\.44((?:.|\n)*?)\(5\.6((?:.|\n)*?)\(5\.6",
        r"(5.6\1(5.6\2(13.44\3(13.44",
        "ALERTS",
    ),
    "a burn factor is a little too low": (r"\(13\.44 \* 0\.001\)", "(13.1 * 0.001)", "ALERTS"),
    "a burn factor is a little too high": (r"\(5\.6 \* 0\.001\)", "(5.7 * 0.001)", "ALERTS"),
    "a burn alert forgets its short window": (r"\n +and\n +kpi:sla_error:ratio_avg5m\{[^}]*\} > \(13\.44 \* 0\.001\)", "", "ALERTS"),
    "a burn alert looks at a longer window": (r"ratio_avg1h(\{[^}]*\} > )", r"ratio_avg2h\1", "ALERTS"),
    "an error ratio is recorded over another window": (r"\[30m\]", "[40m]", "ratio_avg30m"),
    "the SLO's window is averaged over another window": (r"\[28d:1h\]", "[1m:1m]", "ratio_avg28d"),
    "good time is taken for bad": (r"1 - avg by", "avg by", "KpiErrorBudgetBurn"),
    "Low is taken for Critical": (r"== 2", ">= 1", "KpiVerdictCritical"),
    "Critical is never reached": (r"== 2", "== 3", "KpiVerdictCritical"),
    "the limit of a late result is five minutes off": (r"> 90000", "> 90300", "KpiResultStale"),
    "the limit of old data is five minutes off": (r"> 172860", "> 172560", "KpiDataStale"),
    "an alert has another severity": (r'severity: "critical"', 'severity: "low"', "KpiErrorBudgetBurn"),
    "an alert has another burn tier": (r"burn_tier: fast", "burn_tier: slow", "KpiErrorBudgetBurn"),
    "an alert has another owner": (r'owner: "Finance Data Engineering"(\n +burn)', r'owner: "Somebody"\1', "KpiErrorBudgetBurn"),
    "the origin of the rules is wrong": (
        r'contract_version: "1\.0\.0"(\n +definition_hash: "[^"]*"\n  - name)',
        r'contract_version: "9.0.0"\1',
        "kpi:slo:info",
    ),
    "an alert is of another definition": (
        r'definition_hash: "[0-9a-f]{64}"\n      - alert',
        'definition_hash: "0"\n      - alert',
        "KpiErrorBudgetBurn",
    ),
    "nothing watches for absent data": (r"      - alert: KpiDataAbsent(?:.|\n)*?(?=      - alert: KpiVerdict)", "", "KpiDataAbsent"),
    "absent data are watched for another tenant": (
        r'absent\(kpi_sla_ok\{tenant_id="acme"',
        'absent(kpi_sla_ok{tenant_id="other"',
        "KpiDataAbsent",
    ),
    "the objective is another one": (r"vector\(0\.999\)", "vector(0.99)", "slo_objective"),
    "a rule reads another KPI": (
        r'min by \(([^)]*)\) \(kpi_sla_ok\{kpi_id="CFO-HX-01"',
        r'min by (\1) (kpi_sla_ok{kpi_id="CFO-HX-02"',
        "KpiSlaBreached",
    ),
}


@pytest.fixture(scope="module")
def mutants(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One KPI, its tests as generated and its rules changed, once for each mutation: what promtool says, by mutation."""
    found = kpi()
    rules, tests = (artifact.content.decode() for artifact in artifacts(found)[:2])
    folder = write(tmp_path_factory.mktemp("mutants"), artifacts(found))
    for number, (pattern, replacement, _) in enumerate(MUTATIONS.values()):
        changed, count = re.subn(pattern, replacement, rules, count=1)
        assert count == 1, f"{pattern} is not in the rules"
        (folder / "rules" / f"M-{number}.yaml").write_text(changed)
        (folder / "tests" / f"M-{number}.yaml").write_text(tests.replace(f"rules/{found.id}.yaml", f"rules/M-{number}.yaml"))
    said = {problem.file: problem.what for problem in checker().check(folder)}
    return {name: said.get(f"tests/M-{number}.yaml", "") for number, name in enumerate(MUTATIONS)}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_the_generated_test_fails_by_name_when(mutation: str, mutants: dict[str, str]) -> None:
    assert re.search(MUTATIONS[mutation][2], mutants[mutation]), mutants[mutation] or "promtool found nothing wrong"


def test_only_the_files_of_kpis_asked_for_are_checked(tmp_path: Path) -> None:
    one, other = kpi(), kpi("CFO-LQ-07")
    folder = write(tmp_path, artifacts(one, other))
    (folder / "rules" / f"{other.id}.yaml").write_text("groups: 7")
    assert checker().check(folder, [one.id]) == ()
    assert {problem.file for problem in checker().check(folder)} == {f"rules/{other.id}.yaml", f"tests/{other.id}.yaml"}
    with pytest.raises(FileNotFoundError, match="NO-01"):
        checker().check(folder, ["NO-01"])


def test_equal_definitions_give_equal_bytes_in_any_order() -> None:
    kpis = dictionary().kpis
    forward = {artifact.path: artifact.content for artifact in artifacts(*kpis)}
    assert forward == {artifact.path: artifact.content for artifact in artifacts(*reversed(kpis))}


def test_every_artifact_of_a_kpi_names_its_definition() -> None:
    found: Kpi = kpi()
    rules, tests, *_ = artifacts(found)
    digest = json.loads(json.dumps(yaml.safe_load(rules.content)))["groups"][1]["rules"][6]["labels"]["definition_hash"]
    assert len(digest) == 64
    for artifact in (rules, tests):
        assert artifact.kpi_ids == (found.id,)
        assert f"sha256 {digest}" in artifact.content.decode().splitlines()[1]
