"""A failure that nobody foresaw: the caller gets its trace id and nothing else, and the id finds it in the logs."""

from __future__ import annotations

import json
import logging

import pytest

from lambdas.api.control.failures import failed


def test_the_trace_id_of_an_answer_finds_the_failure_in_the_logs(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer = failed(ZeroDivisionError("secret of the service"), "1-5759e988-bd862e3fe1be46a994272793")
    told = json.loads(str(answer.body))
    assert (answer.status_code, told["code"]) == (500, "INTERNAL")
    assert "secret" not in str(answer.body)
    (record,) = caplog.records
    assert told["trace_id"] in record.getMessage()
    assert record.exc_info is not None
