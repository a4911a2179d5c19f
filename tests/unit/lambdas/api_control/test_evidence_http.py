"""Evidence over HTTP: asked for by an auditor, made by the worker, fetched by a link, and sound without the platform."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import pytest

from cli.audit import verifier_of
from lambdas.domain.audit.evidence import Evidence, Subject
from lambdas.domain.audit.export_jobs import PATIENCE, ExportState, Gatherer, export_evidence
from lambdas.domain.audit.verify import Verified, verify_bundle
from lambdas.domain.errors import ErrorCode, KpiError
from tests.unit.lambdas.api_control.service import ADA, CFO, RIVAL, Claims, Got, Service, person
from tests.unit.lambdas.audit.test_export import World
from tests.unit.lambdas.control.office import TENANT

DEV = person("dev", "client-admin", environments="dev")


@dataclass
class Auditing:
    """A service a day after its first run, with the worker at hand."""

    service: Service = field(default_factory=Service)

    def __post_init__(self) -> None:
        self.world = World(office=self.service.office)
        self.service.live()
        self.world.run()
        self.service.office.later(days=1)

    def ask(self, by: Claims = CFO, key: str = "", **changes: str) -> Got:
        body = {"kpi_id": "SKY-AD-01", "from": "2026-01-05T00:00:00Z", "to": "2026-01-06T00:00:00Z", "reason": "yearly audit"}
        return self.service.post("/evidence", body | changes, by=by, key=key)

    def work(self, export_id: str, gatherer: Gatherer | None = None) -> ExportState:
        office = self.service.office
        return export_evidence(
            office.store,
            self.service.reads.bundles,
            lambda: gatherer or self.world.exporter(),
            self.world.signer.sign,
            tenant_id=TENANT,
            export_id=export_id,
            now=office.clock.now(),
        )


class Failing:
    """Evidence that cannot be gathered."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        self.error = KpiError(code, message)

    def gather(self, subject: Subject, now: datetime) -> Evidence:
        del subject, now
        raise self.error


@pytest.fixture
def auditing() -> Auditing:
    return Auditing()


def test_an_auditor_asks_waits_and_gets_a_bundle_that_holds(auditing: Auditing) -> None:
    service = auditing.service
    asked = auditing.ask()
    assert (asked.status, asked.body["state"]) == (202, "pending")
    export_id = asked.body["export_id"]
    waiting = service.get(f"/evidence/{export_id}", by=CFO).body
    assert (waiting["state"], waiting["url"], waiting["reason"], waiting["requested_by"]) == ("pending", None, "yearly audit", "cfo")
    assert auditing.work(export_id) is ExportState.DONE
    done = service.get(f"/evidence/{export_id}", by=CFO).body
    bundle = service.reads.bundles.made[TENANT, export_id]
    assert (done["state"], done["bytes"], done["problem"]) == ("done", len(bundle), None)
    assert done["url"] == f"https://bundles.example/{TENANT}/{export_id}.zip?signed"
    assert done["url_expires_at"] == "2026-01-06T09:15:00.000Z"
    found = verify_bundle(bundle, verifier_of)
    assert isinstance(found, Verified)
    assert (found.manifest.kpi_id, found.manifest.period_start, found.manifest.period_end) == (
        "SKY-AD-01",
        "2026-01-05T00:00:00.000Z",
        "2026-01-06T00:00:00.000Z",
    )


def test_asking_is_one_audit_event_that_says_who_why_and_what(auditing: Auditing) -> None:
    before = len(auditing.service.office.events)
    first = auditing.ask(key="evidence-1")
    again = auditing.ask(key="evidence-1")
    assert again.body == first.body
    assert len(auditing.service.office.events) == before + 1
    (event,) = auditing.service.get("/audit", action="evidence.export", kpi_id="SKY-AD-01", environment="prod").body["items"]
    assert (event["actor"]["subject"], event["reason"], event["details"]["export_id"]) == ("cfo", "yearly audit", first.body["export_id"])
    assert auditing.service.office.chain_holds()


def test_a_worker_that_comes_twice_makes_one_bundle_and_one_that_nobody_asked_for_makes_none(auditing: Auditing) -> None:
    export_id = auditing.ask().body["export_id"]
    auditing.work(export_id)
    made = auditing.service.reads.bundles.made[TENANT, export_id]
    assert auditing.work(export_id, Failing(ErrorCode.INTERNAL, "never asked")) is ExportState.DONE
    assert auditing.service.reads.bundles.made[TENANT, export_id] is made
    with pytest.raises(KpiError, match="there is no evidence export id-99 of skyway"):
        auditing.work("id-99")


def test_evidence_that_contradicts_itself_fails_in_words_and_a_fault_is_tried_again(auditing: Auditing) -> None:
    export_id = auditing.ask().body["export_id"]
    with pytest.raises(KpiError):
        auditing.work(export_id, Failing(ErrorCode.INTERNAL, "S3 did not answer"))
    assert auditing.service.get(f"/evidence/{export_id}").body["state"] == "pending"
    auditing.work(export_id, Failing(ErrorCode.CONFLICT, "the audit chain of skyway is broken"))
    answer = auditing.service.get(f"/evidence/{export_id}").body
    assert (answer["state"], answer["problem"], answer["url"]) == ("failed", "the audit chain of skyway is broken", None)


def test_what_was_never_finished_has_failed_after_a_while(auditing: Auditing) -> None:
    export_id = auditing.ask().body["export_id"]
    auditing.service.office.later(seconds=PATIENCE.total_seconds())
    assert auditing.service.get(f"/evidence/{export_id}").body["state"] == "pending"
    auditing.service.office.later(seconds=1)
    answer = auditing.service.get(f"/evidence/{export_id}").body
    assert answer["state"] == "failed"
    assert "ask for it again" in answer["problem"]


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"kpi_id": "SKY-NO-99"}, 404, "there is no KPI SKY-NO-99"),
        ({"to": "2026-01-07T00:00:00Z"}, 400, "evidence is of what has ended"),
        ({"to": "2026-01-04T00:00:00Z"}, 400, "before it starts"),
        ({"from": "2020-01-01T00:00:00Z"}, 400, "in the lake only"),
        ({"from": "yesterday"}, 400, "from"),
        ({"reason": " "}, 400, "reason"),
        ({"bucket": "mine"}, 400, "bucket"),
    ],
)
def test_what_cannot_be_exported_is_refused_before_anyone_works(
    auditing: Auditing, changes: dict[str, str], status: int, words: str
) -> None:
    before = len(auditing.service.office.events)
    answer = auditing.ask(**changes)
    assert (answer.status, words in answer.text) == (status, True), answer.text
    assert len(auditing.service.office.events) == before


def test_an_export_is_seen_by_its_tenant_in_its_environment_only(auditing: Auditing) -> None:
    export_id = auditing.ask(by=ADA).body["export_id"]
    auditing.work(export_id)
    assert auditing.service.get(f"/evidence/{export_id}", by=RIVAL).status == 404
    assert auditing.service.get(f"/evidence/{export_id}", by=ADA, environment="dev").status == 404
    assert auditing.service.get(f"/evidence/{export_id}", by=DEV).status == 403
    assert auditing.ask(by=DEV).status == 403
    assert auditing.ask(by=RIVAL).status == 404
