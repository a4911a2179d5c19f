"""The four views of K8 answer over the logs of the running stack: DynamoDB stream, Firehose, Parquet, Glue, Athena."""

import subprocess
import sys
from typing import Any

import pytest

from lambdas.domain.fold import fold_runs
from tests.local.conftest import Stack, wait_until
from tests.unit.views.test_views import SEED_COLUMNS
from views import VIEWS
from views.execute import AthenaViews

pytestmark = pytest.mark.local
TENANTS = ("acme", "skyway", "discco")


@pytest.fixture(scope="module")
def views(stack: Stack) -> AthenaViews:
    return AthenaViews(stack.client("athena"), stack.outputs["athenaWorkgroup"], stack.outputs["glueDatabase"])


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_answers_with_exactly_the_seeds_columns(views: AthenaViews, name: str) -> None:
    assert views.ask(name, tenant="acme", limit=1).columns == tuple(SEED_COLUMNS[name].split())


@pytest.mark.parametrize("tenant", TENANTS)
@pytest.mark.parametrize("name", VIEWS)
def test_a_view_shows_only_its_tenants_rows(views: AthenaViews, name: str, tenant: str) -> None:
    assert {row["tenant_id"] for row in views.ask(name, tenant=tenant).records()} <= {tenant}


def test_the_overview_agrees_with_the_run_log_it_came_from(stack: Stack, views: AthenaViews) -> None:
    """Every run that ended long enough ago to have reached the lake is there, with its status and breach."""
    expected = {str(run["run_id"]): _outcome(run) for run in fold_runs(stack.log_rows("run", "acme")) if run.get("status")}
    assert expected

    def shown() -> dict[str, Any]:
        rows = views.ask("vw_kpi_run_overview", tenant="acme").records()
        return {row["run_id"] or "": (row["kpi_id"], row["status"], row["sla_breached"]) for row in rows}

    wait_until(lambda: expected.items() <= shown().items(), seconds=30, what="every closed run of acme in vw_kpi_run_overview")


def _outcome(run: dict[str, Any]) -> tuple[str, str, str]:
    return str(run["kpi_id"]), str(run["status"]), str(run["sla_breached"]).lower()


def test_every_run_of_the_lineage_view_names_its_sources(stack: Stack, views: AthenaViews) -> None:
    found = {
        (row["run_id"], row["source_type"], row["source_object"]) for row in views.ask("vw_kpi_lineage_sources", tenant="acme").records()
    }
    logged = {(str(row["run_id"]), row["source_type"], row["source_object"]) for row in stack.log_rows("sourcing", "acme")}
    assert found
    assert found <= logged


def test_kpi_view_prints_a_tenants_rows(stack: Stack) -> None:
    command = [sys.executable, "-m", "cli", "view", "vw_kpi_run_overview", "--tenant", "acme", "--limit", "2", "--json"]
    done = subprocess.run(command, cwd=stack.settings.root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert '"tenant_id": "acme"' in done.stdout
