"""Where a Grafana's links lead: what differs between installations, kept in hidden constants of every dashboard."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Site:
    """Addresses without a slash at the end, and names of the platform's deployment.

    `portal` is the dictionary page, `docs` the published documentation (or the repository's web page), `platform` the prefix of the
    deployment's AWS names. Dashboards hold them as constants, so a copy can be changed without rendering again.
    """

    portal: str = "https://portal.kpi.example"
    docs: str = "https://docs.kpi.example"
    region: str = "us-east-1"
    platform: str = "kpi-prod"

    @property
    def lake(self) -> str:
        """The Glue database of the run logs and views."""
        return self.platform.replace("-", "_")

    @property
    def run_log(self) -> str:
        """The DynamoDB table of runs."""
        return f"{self.platform}-log-run"


def drill_down(uid: str, kpi_id: str) -> str:
    """The address of the KPI drill-down in this Grafana; `kpi_id` may be a variable of Grafana."""
    return f"/d/{uid}?${{tenant_id:queryparam}}&${{environment:queryparam}}&var-kpi_id={kpi_id}"


def links_of(uid: str, kpi_id: str) -> list[dict[str, object]]:
    """Data links of a series about one KPI: its history, its page in the dictionary, its runs and its runbook."""
    pages = [
        ("History", drill_down(uid, kpi_id), False),
        ("Definition", f"${{portal:raw}}/#{kpi_id}", True),
        (
            "Runs",
            "https://${region:raw}.console.aws.amazon.com/dynamodbv2/home?region=${region:raw}#item-explorer?table=${run_log:raw}",
            True,
        ),
        ("Runbook", f"${{docs:raw}}/docs/runbooks/kpis/{kpi_id}.md", True),
    ]
    return [{"title": title, "url": url, "targetBlank": blank} for title, url, blank in pages]
