"""Runs obey what the control plane says: pauses skip them, the first one afterwards proves itself."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import jinja2
import pytest

from kpis.hashing import definition_hash
from lambdas.adapters.catalog import DynamoCatalog
from lambdas.adapters.items import to_item
from lambdas.domain.control import keys
from lambdas.domain.control.pauses import Banner, Scope
from lambdas.domain.control.unit import Row
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.fold import fold_runs
from lambdas.domain.model import Active, LogTable, Outcome, Run, RunStatus
from lambdas.domain.standing import Standing
from lambdas.domain.timestamps import iso
from tests.unit.lambdas.conftest import ROOT
from tests.unit.lambdas.gate import BEFORE, CONSISTENT, JFK, NEW_YORK, OLD, WHOLE, Gate, canary, gate, paused
from tests.unit.lambdas.memory import NOW, MemoryCatalog, MemoryLogs, kpi
from tests.unit.lambdas.rig import Engine
from tests.unit.lambdas.test_closing import Desk


@pytest.mark.parametrize("scope", [Scope(), WHOLE])
def test_a_paused_run_is_opened_and_closed_as_skipped_with_the_reason_and_when_it_is_back(scope: Scope) -> None:
    banner = Banner(text="Moving", eta="2013-10-30T12:00:00Z")
    door = gate(paused(scope, until=iso(NOW + timedelta(hours=2)), banner=banner), of=kpi(sla=CONSISTENT))
    opened = door.open()
    assert opened.outcome is not None
    assert (opened.outcome.status, opened.outcome.error_code) == (RunStatus.SKIPPED, ErrorCode.PAUSED)
    desk = Desk(logs=door.logs)
    handed_on = opened.as_json()
    document = Outcome.model_validate(handed_on["outcome"])
    closed = desk.close(kpi(sla=CONSISTENT), document, **Run.model_validate(handed_on["run"]).model_dump())
    (run,) = fold_runs(door.logs.rows(LogTable.RUN))
    assert (run["status"], run["error_code"], run["sla_breached"]) == ("skipped", "PAUSED", False)
    assert "2013-10-30T12:00:00Z" in run["error_message"]
    assert "p-1" in run["error_message"]
    assert "warehouse move" in run["error_message"]
    assert closed.next_request is None, "a pause is not cured by another attempt"
    assert desk.bus.kinds() == ["kpi.run.failed"], "and nobody is paged for an SLA"
    assert desk.metrics.emitted[0]["RunsSkipped"] == 1
    assert desk.metrics.emitted[0]["SlaBreaches"] == 0


@pytest.mark.parametrize(
    "row",
    [
        paused(Scope(kpi_id="SKY-XX-01")),
        paused(WHOLE, until=iso(NOW)),
        paused(WHOLE, start=iso(NOW + timedelta(minutes=1))),
        paused(WHOLE, ended_at=iso(NOW - timedelta(minutes=1))),
        paused(JFK),
    ],
    ids=["another KPI", "over now", "not yet", "resumed", "one entity"],
)
def test_a_pause_of_something_else_or_of_another_time_stops_nothing(row: Row) -> None:
    assert gate(row).open().outcome is None


def test_a_backfill_of_last_year_is_stopped_by_todays_pause() -> None:
    last_year = {"start": "2012-10-29T00:00:00Z", "end": "2012-10-30T00:00:00Z"}
    assert gate(paused(WHOLE)).open(trigger_type="manual", period=last_year).outcome is not None


def test_only_an_explicit_manual_run_goes_ahead_and_the_log_names_the_pause() -> None:
    door = gate(paused(WHOLE))
    assert door.open(trigger_type="manual", triggered_by="cli/ada").outcome is not None
    opened = door.open(trigger_type="manual", triggered_by="cli/ada", during_pause=True)
    assert opened.outcome is None
    assert door.logs.rows(LogTable.RUN)[-1]["triggered_by"] == "cli/ada (despite pause p-1)"
    broken = Outcome(status=RunStatus.FAILED, error_code=ErrorCode.SQL_ERROR, error_message="boom")
    again = Desk(logs=door.logs).close(kpi(), broken, **opened.run.model_dump()).next_request
    assert again is not None
    assert (again.during_pause, again.triggered_by) == (True, "cli/ada")


def test_a_manual_run_that_needed_no_exception_does_not_claim_one() -> None:
    door = gate()
    door.open(trigger_type="manual", triggered_by="cli/ada", during_pause=True)
    assert door.logs.rows(LogTable.RUN)[0]["triggered_by"] == "cli/ada"


@pytest.mark.parametrize("trigger", ["time", "event"])
def test_no_schedule_or_event_can_ask_to_override_a_pause(trigger: str) -> None:
    door = gate(paused(WHOLE))
    with pytest.raises(KpiError, match="only manual runs may run during a pause") as refused:
        door.open(trigger_type=trigger, during_pause=True)
    assert refused.value.code is ErrorCode.INVALID_INPUT
    assert not door.logs.entries


def test_a_paused_entity_is_left_out_of_what_is_asked_for() -> None:
    door = gate(paused(JFK))
    whole, part, only = door.open(), door.open(entities=["JFK", "LGA"]), door.open(entities=["JFK"])
    assert (whole.run.entities, whole.run.excluded, whole.outcome) == (None, ("JFK",), None)
    assert (part.run.entities, part.run.excluded, part.outcome) == (("LGA",), ("JFK",), None)
    assert only.outcome is not None
    assert "JFK of SKY-AD-01 is paused" in str(only.outcome.error_message)


def test_an_overridden_entity_pause_excludes_nothing_and_is_logged() -> None:
    opened = gate(paused(JFK)).open(trigger_type="manual", during_pause=True)
    assert (opened.run.excluded, opened.run.despite_pause) == ((), "p-1")


def test_a_paused_entity_is_not_delivered(engine: Engine) -> None:
    outcome = engine.run(kpi(sla=[]), excluded=("JFK",))
    assert outcome.status is RunStatus.SUCCESS
    assert set(engine.delivered()) == {"ALL", "LGA"}


def test_when_every_entity_is_paused_the_run_is_skipped(engine: Engine) -> None:
    outcome = engine.run(kpi(error_policy={"on_failure": "fallback"}), excluded=("ALL", "JFK", "LGA"), last_attempt=True)
    assert (outcome.status, outcome.error_code) == (RunStatus.SKIPPED, ErrorCode.PAUSED)
    assert engine.delivered() == {}


def test_a_fallback_does_not_bring_back_a_paused_entity(engine: Engine) -> None:
    of = kpi(error_policy={"on_failure": "fallback"}, expression={"sql": "SELECT broken FROM gdp_flights"})
    engine.past(of, {1: 5.0}, entity="JFK")
    engine.past(of, {1: 6.0}, run_id=2, entity="LGA")
    assert engine.run(of, excluded=("JFK",), last_attempt=True).status is RunStatus.PARTIAL
    latest = engine.database.execute("results", "SELECT entity FROM kpi_result WHERE run_id = 1000")
    assert latest == [("LGA",)]


@pytest.mark.parametrize(("excluded", "breached"), [((), True), (("JFK",), False)])
def test_a_paused_entity_is_not_missed_by_the_sla(excluded: tuple[str, ...], breached: bool) -> None:
    one = Outcome(status=RunStatus.SUCCESS, delivered=True, entities_delivered=1, rows_processed=1, value=1.0)
    assert Desk().close(kpi(sla=CONSISTENT), one, excluded=excluded).as_json()["sla_breached"] is breached


# The first run afterwards.

ENDED = NOW - timedelta(minutes=30)
RESUMED = paused(WHOLE, ended_at=iso(ENDED))


def close_row(started_at: Any, status: str = "success", environment: str = "prod") -> dict[str, Any]:
    return {"started_at": iso(started_at), "status": status, "environment": environment, "run_id": 1}


@pytest.mark.parametrize(
    ("closes", "due"),
    [
        ([], True),
        ([close_row(BEFORE)], True),
        ([close_row(ENDED, "failed"), close_row(BEFORE)], True),
        ([close_row(ENDED, "partial")], True),
        ([close_row(ENDED, environment="dev")], True),
        ([close_row(ENDED)], False),
    ],
    ids=["never ran", "ran before", "failed since", "fell back since", "ran elsewhere", "delivered since"],
)
def test_proof_is_owed_until_a_run_since_the_pause_delivered(closes: list[dict[str, Any]], due: bool) -> None:
    door = gate(RESUMED)
    door.logs.closes = closes
    assert door.open().run.enforce_post is due


def test_a_run_that_is_skipped_proves_nothing_and_asks_for_no_proof() -> None:
    again = paused(WHOLE, owed_since=iso(BEFORE - timedelta(hours=1)))
    assert not gate(again).open().run.enforce_post
    assert gate(again).open(trigger_type="manual", during_pause=True).run.enforce_post, "what is owed stays owed"


def test_a_kpi_that_was_never_paused_owes_nothing_and_the_log_is_not_read() -> None:
    class Unread(MemoryLogs):
        def recent_closes(self, tenant_id: str, kpi_id: str, limit: int) -> Any:
            raise AssertionError(f"the log of {tenant_id} {kpi_id} was read {limit} runs back")

    door = Gate(MemoryCatalog(kpi()), Unread())
    assert not door.open().run.enforce_post


def test_a_proof_once_seen_is_not_looked_up_again_until_the_next_pause() -> None:
    reads: list[str] = []

    class Counted(MemoryLogs):
        def recent_closes(self, tenant_id: str, kpi_id: str, limit: int) -> Any:
            reads.append(kpi_id)
            return super().recent_closes(tenant_id, kpi_id, limit)

    door = Gate(MemoryCatalog(kpi(), pauses=[RESUMED]), Counted(closes=[close_row(ENDED)]))
    assert [door.open().run.enforce_post for _ in range(3)] == [False] * 3
    assert len(reads) == 1
    door.catalog.pauses = [paused(WHOLE, ended_at=iso(NOW))]
    assert door.open().run.enforce_post
    assert len(reads) == 2


WARNING = {"id": "plausible", "check": "value_range", "severity": "warn", "max": 1}


def test_a_rule_that_only_warns_stops_the_first_run_after_a_pause(engine: Engine) -> None:
    of = kpi(post_validation=[WARNING])
    stopped = engine.run(of, run_id=1, enforce_post=True)
    assert (stopped.status, stopped.error_code) == (RunStatus.FAILED, ErrorCode.VALIDATION_FAIL_POST)
    assert engine.delivered() == {}
    (row,) = engine.logs.rows(LogTable.POST_VALIDATION)
    assert (row["severity"], row["result"]) == ("error", "fail"), "the log says how the run was judged"
    assert engine.run(of, run_id=2).status is RunStatus.SUCCESS, "other runs deliver with the warning"


# What Open costs and how the state machine goes on.


class FakeDynamo:
    """Answers from rows, and counts the calls. `unprocessed` keys are left to the caller once."""

    def __init__(self, rows: dict[str, dict[str, Any]], unprocessed: tuple[str, ...] = ()) -> None:
        self.items = {key: to_item({"pk": "skyway", "sk": key} | row) for key, row in rows.items()}
        self.unprocessed = unprocessed
        self.calls: list[str] = []

    def batch_get_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        self.calls.append("batch_get_item")
        (wanted,) = RequestItems.values()
        assert wanted["ConsistentRead"]
        left = [key for key in wanted["Keys"] if key["sk"]["S"] in self.unprocessed]
        found = [key["sk"]["S"] for key in wanted["Keys"] if key not in left and key["sk"]["S"] in self.items]
        return {
            "Responses": {"catalog": [self.items[key] for key in found]},
            "UnprocessedKeys": {"catalog": {"Keys": left}} if left else {},
        }

    def get_item(self, TableName: str, Key: Any, ConsistentRead: bool) -> dict[str, Any]:  # noqa: N803
        self.calls.append("get_item")
        assert (TableName, ConsistentRead) == ("catalog", True)
        item = self.items.get(Key["sk"]["S"])
        return {"Item": item} if item else {}

    def query(self, **arguments: Any) -> dict[str, Any]:
        self.calls.append("query")
        assert arguments["ConsistentRead"]
        prefix = arguments["ExpressionAttributeValues"][":sk"]["S"]
        return {"Items": [item for key, item in self.items.items() if key.startswith(prefix)]}


ROWS: dict[str, dict[str, Any]] = {
    "prod#active#SKY-AD-01": {"contract_version": "1.0.0", "definition_hash": definition_hash(OLD)},
    "prod#canary#SKY-AD-01": {"canary": canary(NEW_YORK).model_dump_json()},
    **{row.key: dict(row.values) for row in (paused(Scope(), pause_id="all"), paused(WHOLE), paused(JFK))},
    **{row.key: dict(row.values) for row in (paused(Scope(kpi_id="SKY-XX-01")), paused(Scope(kpi_id="SKY-AD-012", entity="JFK")))},
}


@pytest.mark.parametrize("unprocessed", [(), ("prod#pause#*", "prod#active#SKY-AD-01")])
def test_version_canary_and_pauses_of_one_kpi_are_read_in_two_calls(unprocessed: tuple[str, ...]) -> None:
    dynamo = FakeDynamo(ROWS, unprocessed)
    standing = DynamoCatalog(lambda _service: dynamo, "catalog").standing("skyway", "prod", "SKY-AD-01")  # type: ignore[arg-type]
    assert standing.active == Active("1.0.0", definition_hash(OLD))
    assert standing.canary == canary(NEW_YORK)
    assert {row.key for row in standing.pauses} == {keys.pause("prod", scope.key) for scope in (Scope(), WHOLE, JFK)}
    assert [call for call in dynamo.calls if call != "get_item"] == ["batch_get_item", "query"]
    assert dynamo.calls.count("get_item") == len(unprocessed)


def test_a_kpi_nobody_registered_stands_nowhere() -> None:
    standing = DynamoCatalog(lambda _service: FakeDynamo({}), "catalog").standing("skyway", "prod", "SKY-AD-01")  # type: ignore[arg-type]
    assert standing == Standing(None)


def test_the_state_machine_closes_a_run_that_comes_with_its_outcome_before_it_looks_at_lanes() -> None:
    template = (ROOT / "infra" / "templates" / "kpi_run.asl.json.j2").read_text()
    names = ("run_open", "run_light", "run_close")
    values: dict[str, Any] = {"functions": {name: name for name in names}, "cluster_arn": "c", "task_definition_arn": "t", "container": "r"}
    text = jinja2.Template(template).render(values | {"subnet_ids": [], "security_group_ids": []})
    first = json.loads(text)["States"]["Lane"]["Choices"][0]
    assert first == {"Variable": "$.outcome", "IsPresent": True, "Next": "Close"}
    assert "outcome" in gate(paused(WHOLE)).open().as_json()
    assert "outcome" not in gate().open().as_json()
