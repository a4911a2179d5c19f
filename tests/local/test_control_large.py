"""A definition that is nearly too large is refused with what to do before the table does, and leaves nothing behind."""

from __future__ import annotations

import pytest

from kpis.schema import Kpi
from tests.local.test_control_http import service, tables
from tests.local.test_control_store import Tables
from tests.unit.lambdas.api_control.service import Service
from tests.unit.lambdas.control.office import kpi

__all__ = ["service", "tables"]
"""Fixtures."""
pytestmark = pytest.mark.local
VERSION = "/kpis/SKY-AD-01/versions/1.0.0"


def large(recipients: int, letter: str) -> Kpi:
    return kpi(reports=[{"frequency": "daily", "recipients": [f"{letter * 100}{number}@example.com" for number in range(recipients)]}])


@pytest.mark.parametrize("recipients", [1200, 2000])
def test_a_request_that_no_row_would_hold_is_refused_and_a_smaller_definition_goes_on(
    service: Service, tables: Tables, recipients: int
) -> None:
    assert service.post("/kpis", service.written(large(recipients, "x"))).status == 201
    refused = service.post(f"{VERSION}/submit")
    assert (refused.status, refused.body["code"]) == (400, "INVALID_INPUT")
    assert "make the definition smaller" in refused.body["detail"]
    assert len(tables.chain()) == 1
    smaller = {"reason": "fewer recipients"} | service.written(large(100, "y"))
    assert service.send("PUT", VERSION, smaller).status == 200
    assert service.post(f"{VERSION}/submit").status == 200
    assert len(tables.chain()) == 3
