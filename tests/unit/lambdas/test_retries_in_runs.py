"""Another attempt of a run starts minutes later: it computes what is active then, not what was active when the first one began."""

from __future__ import annotations

import pytest

from kpis.schema import Kpi
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.model import Outcome, RunRequest, RunStatus
from lambdas.domain.opening import Opened
from tests.unit.lambdas.gate import NEW, OLD, WHOLE, Gate, gate, paused
from tests.unit.lambdas.memory import MemoryCatalog
from tests.unit.lambdas.test_closing import Desk

BROKEN = Outcome(status=RunStatus.FAILED, error_code=ErrorCode.SQL_ERROR, error_message="boom")


def another_attempt(opened: Opened, definition: Kpi) -> RunRequest:
    again = Desk().close(definition, BROKEN, **opened.run.model_dump()).next_request
    assert again is not None
    return again


@pytest.mark.parametrize("trigger", ["time", "event"])
def test_an_attempt_after_a_rollback_computes_what_was_rolled_back_to(trigger: str) -> None:
    again = another_attempt(gate(of=NEW).open(trigger_type=trigger), NEW)
    assert again.contract_version == "1.1.0"
    opened = gate(of=OLD, beside=[NEW]).opener.open(again, None)
    assert (opened.run.contract_version, opened.run.retry_seq, opened.outcome) == ("1.0.0", 1, None)
    assert opened.run.period == again.period


def test_an_attempt_of_what_was_unpublished_meanwhile_computes_nothing_and_says_so() -> None:
    again = another_attempt(gate(of=OLD).open(), OLD)
    door = Gate(MemoryCatalog(beside=[OLD]))
    opened = door.opener.open(again, None)
    assert opened.outcome is not None
    assert (opened.outcome.status, opened.outcome.error_code) == (RunStatus.SKIPPED, ErrorCode.CONFLICT)
    assert "SKY-AD-01 1.0.0 does not run any more in prod" in str(opened.outcome.error_message)
    closed = Desk(logs=door.logs).close(OLD, opened.outcome, **opened.run.model_dump())
    assert closed.next_request is None


def test_an_attempt_while_nothing_changed_computes_the_same_version() -> None:
    again = another_attempt(gate(of=OLD).open(), OLD)
    assert gate(of=OLD).opener.open(again, None).run.contract_version == "1.0.0"


def test_a_version_that_somebody_named_by_hand_is_tried_again_as_it_is() -> None:
    again = another_attempt(gate(of=OLD, beside=[NEW]).open(trigger_type="manual", contract_version="1.1.0"), NEW)
    assert gate(of=OLD, beside=[NEW]).opener.open(again, None).run.contract_version == "1.1.0"


def test_a_pause_that_began_between_two_attempts_stops_the_second() -> None:
    again = another_attempt(gate(of=OLD).open(), OLD)
    opened = gate(paused(WHOLE), of=OLD).opener.open(again, None)
    assert opened.outcome is not None
    assert opened.outcome.error_code is ErrorCode.PAUSED


def test_a_first_run_of_what_is_not_published_is_refused_as_before() -> None:
    with pytest.raises(KpiError, match="has no active version"):
        Gate(MemoryCatalog(beside=[OLD])).open()
