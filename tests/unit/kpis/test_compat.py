"""A version number says what changed: major for the meaning, minor for an addition, patch for a fix."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import kpis
from cli.app import app
from kpis.compat import Bump, actual_bump, compatibility_problems
from kpis.loader import read_dictionary
from tests.unit.kpis.build import PRIMARY, SQL, Shop

_SAME_SQL = f"-- how much was sold\n{SQL.replace('SUM(amount)', 'sum( amount )')}"
CHANGES: list[tuple[dict[str, Any], Bump]] = [
    ({}, Bump.NONE),
    ({"status": "deprecated"}, Bump.NONE),
    ({"name": "Turnover"}, Bump.PATCH),
    ({"expression": {"sql": _SAME_SQL}}, Bump.PATCH),
    ({"extensions": [{"kind": "YoY"}]}, Bump.MINOR),
    (
        {"pre_validation": [*PRIMARY["pre_validation"], {"id": "fresh", "check": "freshness", "source": "GDP_Sales", "max_age": "1d"}]},
        Bump.MINOR,
    ),
    ({"sla": [{"type": "freshness", "target": "1d", "grace": "2h"}, {"type": "latency", "target": "5s", "grace": "1s"}]}, Bump.MINOR),
    ({"expression": {"sql": SQL.replace("SUM", "AVG")}}, Bump.MAJOR),
    ({"purpose": "What was paid"}, Bump.MAJOR),
    ({"unit": "EUR"}, Bump.MAJOR),
]
_VERSIONS = {Bump.NONE: "1.0.0", Bump.PATCH: "1.0.1", Bump.MINOR: "1.1.0", Bump.MAJOR: "2.0.0"}


def _codes(shop: Shop, version: str, changes: dict[str, Any]) -> set[str]:
    before = kpis.load(shop.write())
    shop["SH-RV-01"].update(changes, contract_version=version)
    shop["SH-RV-01"]["change_log"] = [*PRIMARY["change_log"], {"version": "9.9.9", "date": "2025-11-02", "author": "a", "summary": "s"}]
    return {problem.code for problem in compatibility_problems(before, read_dictionary(shop.write()))}


@pytest.mark.parametrize(("changes", "needed"), CHANGES)
def test_a_change_with_the_bump_it_needs_passes(shop: Shop, changes: dict[str, Any], needed: Bump) -> None:
    assert _codes(shop, _VERSIONS[needed], changes) == set()


@pytest.mark.parametrize(("changes", "needed"), [change for change in CHANGES if change[1] is not Bump.NONE])
def test_a_change_with_a_smaller_bump_is_reported(shop: Shop, changes: dict[str, Any], needed: Bump) -> None:
    expected = {"breaking-change"} if needed is Bump.MAJOR else {"version-bump-missing"}
    assert _codes(shop, _VERSIONS[Bump(needed - 1)], changes) == expected


def test_versions_only_go_up(shop: Shop) -> None:
    assert _codes(shop, "0.9.0", {}) == {"version-decreased"}
    assert (actual_bump("1.9.0", "1.10.0"), actual_bump("1.10.0", "1.9.0")) == (Bump.MINOR, None)


def test_a_removed_kpi_is_reported_because_contracts_are_retired(shop: Shop) -> None:
    before = kpis.load(shop.write())
    del shop.documents["SH-IX-01"]
    assert {problem.code for problem in compatibility_problems(before, read_dictionary(shop.write()))} == {"kpi-removed"}


@pytest.fixture
def repository(shop: Shop) -> Shop:
    shop.write()
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    for arguments in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", *arguments], cwd=shop.folder, check=True)
    return shop


def _check(shop: Shop, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["check", str(shop.write()), "--root", str(shop.folder), *arguments])


def test_kpi_check_against_a_revision_finds_a_breaking_change(repository: Shop) -> None:
    assert _check(repository, "--against", "HEAD").exit_code == 0
    repository["SH-RV-01"]["purpose"] = "Something else"
    result = _check(repository, "--against", "HEAD")
    assert result.exit_code == 1
    assert "breaking-change: SH-RV-01: purpose changed since 1.0.0, which needs a major version" in result.output


def test_kpi_check_says_when_a_revision_does_not_exist(repository: Shop) -> None:
    result = _check(repository, "--against", "--output=/tmp/x")
    assert result.exit_code != 0
    assert "is not a revision" in str(result.exception)


def test_kpi_check_prints_every_problem_and_exits_with_one(shop: Shop) -> None:
    shop["SH-RV-01"]["purposes"] = "x"
    result = _check(shop)
    assert result.exit_code == 1
    line = shop.line_of("purposes:")
    assert f"packs/shop/shop.yaml:{line}: unknown-field: 'purposes' is not a field; did you mean 'purpose'?" in result.output
    assert result.output.splitlines()[-1].startswith("1 problem in 1 packs")


def test_kpi_check_answers_in_json(shop: Shop) -> None:
    shop["SH-RV-01"]["purposes"] = "x"
    answer = json.loads(_check(shop, "--json").output)
    assert (answer["ok"], answer["problems"][0]["code"], answer["counts"]["kpis"]) == (False, "unknown-field", 3)


def test_kpi_check_refuses_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["check", str(tmp_path / "nowhere")])
    assert "does not exist" in str(result.exception)


def test_our_own_packs_have_no_problem() -> None:
    result = CliRunner().invoke(app, ["check"])
    assert result.exit_code == 0, result.output
