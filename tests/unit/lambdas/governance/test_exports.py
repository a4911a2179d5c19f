"""The worker makes the evidence bundles that the API asks it for."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from lambdas.governance.telling import Teller
from tests.unit.lambdas.api_control.service import CFO, Service
from tests.unit.lambdas.governance.rig import Rig

ASKED = {"action": "export-evidence", "tenant_id": "skyway", "export_id": "id-1"}


def test_an_export_is_made_and_the_answer_says_what_became_of_it() -> None:
    assert Rig().governance.handle(ASKED) == {"action": "export-evidence", "state": "skyway/id-1"}


@pytest.mark.parametrize("missing", ["tenant_id", "export_id"])
def test_an_export_of_nobody_or_of_nothing_is_refused(missing: str) -> None:
    with pytest.raises(ValidationError):
        Rig().governance.handle({**ASKED, missing: ""})


def test_the_event_of_a_request_starts_the_worker_once_and_other_events_do_not() -> None:
    rig, started = Rig(), list[tuple[str, str]]()
    rig.teller = Teller(
        rig.machine, rig.memory, rig.channels, rig.channels, rig.bus, rig.places, export=lambda *asked: started.append(asked)
    )
    service = Service(rig.office)
    service.live()
    rig.office.later(days=1)
    body = {"kpi_id": "SKY-AD-01", "from": "2026-01-05T00:00:00Z", "to": "2026-01-06T00:00:00Z"}
    export_id = service.post("/evidence", body, by=CFO).body["export_id"]
    rig.tell()
    rig.again()
    assert started == [("skyway", export_id)]
