"""Asking a view through Athena: pages, failures and time-outs, always for one tenant."""

from typing import Any

import pytest

from views.execute import AthenaViews, ViewQueryError


class Athena:
    """Answers like Athena: states in order, then pages of rows."""

    def __init__(self, states: list[str], pages: list[list[list[str | None]]] | None = None, reason: str = "") -> None:
        self.states, self.pages, self.reason = states, pages or [], reason
        self.started: list[dict[str, Any]] = []
        self.stopped: list[str] = []

    def start_query_execution(self, **request: Any) -> dict[str, str]:
        self.started.append(request)
        return {"QueryExecutionId": "query-1"}

    def get_query_execution(self, **_: Any) -> dict[str, Any]:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return {"QueryExecution": {"Status": {"State": state, "StateChangeReason": self.reason}}}

    def get_query_results(self, *, NextToken: str = "0", **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's name
        number = int(NextToken)
        rows = [{"Data": [{} if cell is None else {"VarCharValue": cell} for cell in row]} for row in self.pages[number]]
        following = {"NextToken": str(number + 1)} if number + 1 < len(self.pages) else {}
        return {"ResultSet": {"Rows": rows}, **following}

    def stop_query_execution(self, **request: Any) -> None:
        self.stopped.append(request["QueryExecutionId"])


def _views(athena: Athena, **options: Any) -> AthenaViews:
    return AthenaViews(athena, "kpi-local", "kpi_local", sleep=lambda _: None, **options)  # pyright: ignore[reportArgumentType]


def test_rows_of_every_page_are_returned_under_the_header() -> None:
    athena = Athena(["QUEUED", "RUNNING", "SUCCEEDED"], [[["run_id", "status"], ["2", None]], [["1", "success"]]])
    result = _views(athena).ask("vw_kpi_run_overview", tenant="acme")
    assert result.records() == [{"run_id": "2", "status": None}, {"run_id": "1", "status": "success"}]


def test_the_query_runs_in_the_workgroup_and_names_the_tenant() -> None:
    athena = Athena(["SUCCEEDED"], [[["run_id"]]])
    assert _views(athena).ask("vw_kpi_sla_violations", tenant="acme", limit=5).rows == ()
    (request,) = athena.started
    assert request["WorkGroup"] == "kpi-local"
    assert "tenant_id = 'acme'" in request["QueryString"]
    assert request["QueryString"].endswith("LIMIT 5")


def test_a_failed_query_gives_athenas_reason() -> None:
    with pytest.raises(ViewQueryError, match="query-1 failed: TABLE_NOT_FOUND"):
        _views(Athena(["RUNNING", "FAILED"], reason="TABLE_NOT_FOUND")).ask("vw_kpi_run_overview", tenant="acme")


def test_a_query_that_takes_too_long_is_stopped() -> None:
    athena = Athena(["RUNNING"])
    with pytest.raises(ViewQueryError, match="longer than 3 s"):
        _views(athena, timeout=3.0).ask("vw_kpi_run_overview", tenant="acme")
    assert athena.stopped == ["query-1"]


def test_a_hostile_tenant_never_reaches_athena() -> None:
    athena = Athena(["SUCCEEDED"])
    with pytest.raises(ValueError, match="is not a tenant id"):
        _views(athena).ask("vw_kpi_run_overview", tenant="x' OR 1=1 --")
    assert athena.started == []
