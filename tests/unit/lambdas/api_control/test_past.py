"""What was kept of versions that went wrong or were retired."""

from __future__ import annotations

import pytest

from lambdas.domain.control.states import Action
from tests.unit.lambdas.api_control.service import CFO, RIVAL, Service

VERSION = "/kpis/SKY-AD-01/versions"


@pytest.fixture
def service() -> Service:
    return Service()


def test_a_rolled_back_version_has_a_post_mortem_that_its_event_vouches_for(service: Service) -> None:
    service.live("1.0.0")
    service.live("2.0.0", purpose="Mean delay, cancelled flights left out.")
    receipt = service.post(f"{VERSION}/2.0.0/rollback", {"reason": "values doubled"}).body
    found = service.get(f"{VERSION}/2.0.0/post-mortem", by=CFO).body
    assert (found["event_id"], found["sha256"]) == (receipt["event_id"], receipt["details"]["post_mortem_sha256"])
    assert (found["snapshot"]["reason"], found["snapshot"]["failures"]) == ("values doubled", ["VALIDATION_FAIL_POST"])
    assert found["at"] == receipt["at"]


def test_each_version_has_its_own_post_mortem(service: Service) -> None:
    service.live("1.0.0")
    service.live("2.0.0", purpose="Mean delay, cancelled flights left out.")
    service.post(f"{VERSION}/2.0.0/rollback", {"reason": "values doubled"}, key="z-first")
    service.office.later(minutes=1)
    service.live("3.0.0", purpose="Mean delay, diverted flights left out.")
    service.post(f"{VERSION}/3.0.0/rollback", {"reason": "values halved"}, key="a-second")
    assert service.get(f"{VERSION}/2.0.0/post-mortem").body["snapshot"]["reason"] == "values doubled"
    assert service.get(f"{VERSION}/3.0.0/post-mortem").body["snapshot"]["reason"] == "values halved"


def test_a_retired_version_has_an_archive(service: Service) -> None:
    service.live()
    service.office.agreed(Action.DEPRECATE, "1.0.0")
    assert service.post(f"{VERSION}/1.0.0/deprecate").status == 200
    service.office.later(days=31)
    service.office.agreed(Action.RETIRE, "1.0.0")
    retired = service.post(f"{VERSION}/1.0.0/retire")
    assert retired.status == 200, retired.text
    found = service.get(f"{VERSION}/1.0.0/archive", by=CFO).body
    assert found["archive"]["consumers"] == ["dashboard: Operations daily"]
    assert found["at"] == retired.body["at"]


def test_what_has_no_past_and_what_is_not_there_have_none(service: Service) -> None:
    service.live()
    for last in ("post-mortem", "archive"):
        for who in (CFO, RIVAL):
            answer = service.get(f"{VERSION}/1.0.0/{last}", by=who)
            assert (answer.status, answer.body["code"]) == (404, "NOT_FOUND")
        assert service.get(f"{VERSION}/1.0.0/{last}", environment="stg").status == 404
