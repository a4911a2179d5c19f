"""What an export gathers from a control plane and its logs, and what it refuses to sign."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cli.audit import verifier_of
from kpis.hashing import definition_hash
from lambdas.domain.audit import export as exports
from lambdas.domain.audit.chain import Broken
from lambdas.domain.audit.checkpoint import SignedCheckpoint, make_checkpoint
from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.audit.evidence import Evidence, Subject, make_bundle
from lambdas.domain.audit.export import Exporter, Seal
from lambdas.domain.audit.verify import Verified, verify_bundle
from lambdas.domain.control import keys
from lambdas.domain.control.states import Action
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.ids import make_run_id
from lambdas.domain.model import LogTable
from lambdas.domain.timestamps import iso
from tests.unit.lambdas.audit.factory import Key, key
from tests.unit.lambdas.control.office import MONDAY, TENANT, Office, kpi, reader

KPI = "SKY-AD-01"
SUBJECT = Subject(TENANT, "prod", KPI, "2026-01-05", "2026-01-06")
TUESDAY = datetime(2026, 1, 6, 9, 0, tzinfo=UTC)


@dataclass
class World:
    """An office that publishes, a log of runs, and what was generated."""

    office: Office = field(default_factory=Office)
    rows: dict[LogTable, list[dict[str, Any]]] = field(default_factory=lambda: {table: [] for table in LogTable})
    checkpoint: SignedCheckpoint | None = None
    signer: Key = field(default_factory=key)

    def run(self, version: str = "1.0.0", *, after: float = 1.0, env: str = "prod", **more: Any) -> int:
        """A run so many hours after Monday's start of work, with a row in each table."""
        at = MONDAY + timedelta(hours=after)
        run_id = make_run_id(at, len(self.rows[LogTable.RUN]))
        base = {"run_id": run_id, "tenant_id": TENANT, "environment": env, "kpi_id": KPI, "pk": TENANT, "expires_at": 1}
        opened = base | {"contract_version": version, "started_at": iso(at), "gsi_pk": "x", "gsi_sk": "y"} | more
        # As the index may answer: in no order that the bundle could rely on.
        self.rows[LogTable.RUN] += [opened | {"entry": "close", "status": "success"}, opened | {"entry": "open"}]
        read = {"source_type": "gdp", "source_object": "GDP_Flights", "source_version": "1.0.0", "attributes": '["delay"]'}
        self.rows[LogTable.SOURCING].append(base | read)
        for table in (LogTable.PRE_VALIDATION, LogTable.POST_VALIDATION, LogTable.DELIVERY):
            self.rows[table].append(base | {"rule_id": "aligned"})
        return run_id

    # The ports of an export

    def runs(self, tenant_id: str, kpi_id: str, since: str, until: str) -> Iterator[dict[str, Any]]:
        assert tenant_id == TENANT
        yield from (row for row in self.rows[LogTable.RUN] if row["kpi_id"] == kpi_id and since <= row["started_at"] < until)

    def of_runs(self, tenant_id: str, table: LogTable, run_ids: Sequence[int]) -> Iterator[dict[str, Any]]:
        assert tenant_id == TENANT
        yield from (row for run_id in run_ids for row in self.rows[table] if row["run_id"] == run_id)

    def read(self, tenant_id: str) -> Sequence[AuditEvent]:
        assert tenant_id == TENANT
        return self.office.events

    def last(self, tenant_id: str) -> SignedCheckpoint | None:
        assert tenant_id == TENANT
        return self.checkpoint

    def files(self, tenant_id: str, environment: str, kpi_id: str, hashes: Sequence[str]) -> Iterator[dict[str, Any]]:
        assert (tenant_id, environment) == (TENANT, "prod")
        for path in ("prometheus/b.yaml", "grafana/a.json"):
            yield {"set": "s", "definition_hash": hashes[0], "contract_version": "1.0.0", "path": f"{path}/{kpi_id}", "sha256": "0" * 64}

    def exporter(self) -> Exporter:
        pem = self.signer.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return Exporter(self.office.store, self, self, self, self, Seal(self.signer.sign, pem, self.signer.verify, "key"))

    def gather(self, subject: Subject = SUBJECT, now: datetime = TUESDAY) -> Evidence:
        return self.exporter().gather(subject, now)

    def checked(self, subject: Subject = SUBJECT) -> Verified | Broken:
        """What an auditor finds in the bundle."""
        content = make_bundle(self.gather(subject), made_at=iso(TUESDAY), sign=self.signer.sign)
        return verify_bundle(content, verifier_of)

    def sign(self, count: int, signer: Key | None = None, at: datetime = TUESDAY) -> None:
        by = signer or self.signer
        self.checkpoint = make_checkpoint(self.office.events[:count], at=iso(at), previous=None, sign=by.sign, key_id="key")


@pytest.fixture
def world() -> World:
    made = World()
    made.office.live(kpi("1.0.0"))
    made.office.live(reader())
    return made


def refused(world: World, subject: Subject = SUBJECT, now: datetime = TUESDAY) -> KpiError:
    with pytest.raises(KpiError) as error:
        world.gather(subject, now)
    return error.value


def test_a_bundle_of_two_versions_that_ran_is_sound_and_has_all_that_explains_them(world: World):
    world.run("1.0.0")
    world.office.later(hours=2)
    world.office.live(kpi("2.0.0", purpose="Another."))
    world.run("2.0.0", after=3)
    assert isinstance(world.checked(), Verified)
    evidence = world.gather()
    first, second = evidence.definitions
    assert [row["definition_hash"] for row in evidence.records["runs"]] == [definition_hash(first)] * 2 + [definition_hash(second)] * 2
    assert [row["entry"] for row in evidence.records["runs"]] == ["open", "close"] * 2
    assert {name: len(list(rows)) for name, rows in evidence.records.items()} == {
        "runs": 4,
        "sourcing": 2,
        "pre_validation": 2,
        "post_validation": 2,
        "delivery": 2,
        "approvals": 2,
        "lineage": 2,
        "artifacts": 2,
    }
    assert not {"pk", "sk", "gsi_pk", "gsi_sk", "expires_at"} & {name for row in evidence.records["runs"] for name in row}


def test_the_lineage_of_each_version_says_what_its_own_runs_read(world: World):
    world.run("1.0.0")
    world.office.live(kpi("2.0.0", purpose="Another."))
    last = world.run("2.0.0", after=3)
    first, second = world.gather().records["lineage"]
    links = {(link["source"], link["target"]): link for link in second["links"]}
    assert int(links["gdp:GDP_Flights", f"kpi:{KPI}"]["last_run"]) == last
    assert int(first["links"][0]["last_run"]) < last
    assert (f"kpi:{KPI}", "kpi:SKY-RT-01") in links, "who reads it is shown too"
    for record, version in ((first, "1.0.0"), (second, "2.0.0")):
        assert record["contract_version"] == version
        assert [node["version"] for node in record["nodes"] if node["id"] == f"kpi:{KPI}"] == [version]


def test_lineage_goes_up_to_the_tables_however_many_kpis_are_between(world: World):
    world.office.live(reader(id="SKY-RT-02", sources=[{"kpi": "SKY-RT-01", "as": "a"}]))
    (record,) = world.gather(replace(SUBJECT, kpi_id="SKY-RT-02")).records["lineage"]
    assert {node["id"]: node["distance"] for node in record["nodes"]}["gdp:GDP_Flights"] == -3


def test_only_the_period_the_environment_and_the_kpi_that_were_asked_for_are_in(world: World):
    inside = world.run()
    world.run(after=-10)
    world.run(after=15)
    world.run(env="dev")
    world.run(kpi_id="SKY-RT-01")
    evidence = world.gather()
    assert {row["run_id"] for row in evidence.records["runs"]} == {inside}
    assert {row["run_id"] for row in evidence.records["delivery"]} == {inside}


def test_requests_about_a_version_that_ran_are_in_however_old_and_those_of_other_kpis_never(world: World):
    world.run(after=24)
    tuesday = replace(SUBJECT, period_start="2026-01-06", period_end="2026-01-07")
    found = world.gather(tuesday, TUESDAY + timedelta(days=1)).records["approvals"]
    assert [(each["kpi_id"], each["contract_version"], each["state"]) for each in found] == [(KPI, "1.0.0", "done")]
    assert {decision["by"]["subject"] for each in found for decision in each["decisions"]} == {"ben"}


def test_requests_made_after_the_period_are_not_in(world: World):
    world.run()
    world.office.later(days=1)
    world.office.agreed(Action.DEPRECATE, "1.0.0")
    found = world.gather(now=TUESDAY + timedelta(days=1)).records["approvals"]
    assert [each["action"] for each in found] == ["publish"]


def test_without_runs_the_active_version_is_shown(world: World):
    evidence = world.gather()
    assert [each.contract_version for each in evidence.definitions] == ["1.0.0"]
    assert list(evidence.records["runs"]) == []
    assert isinstance(world.checked(), Verified)


def test_equal_evidence_is_gathered_from_logs_that_answer_in_another_order(world: World):
    for hour in range(1, 4):
        world.run(after=hour)
    before = world.gather()
    for rows in world.rows.values():
        rows.reverse()
    after = world.gather()
    assert json.dumps(before.records["runs"]) == json.dumps(after.records["runs"])
    assert [row["path"] for row in after.records["artifacts"]] == [f"grafana/a.json/{KPI}", f"prometheus/b.yaml/{KPI}"]


def test_a_run_of_a_version_the_catalog_has_not_is_refused_by_name(world: World):
    run_id = world.run("3.0.0")
    error = refused(world)
    assert error.code is ErrorCode.CONFLICT
    assert error.message == f"run {run_id} used {KPI} 3.0.0, which the catalog of prod has not"


def test_a_run_that_logged_another_definition_hash_is_refused(world: World):
    run_id = world.run(definition_hash="f" * 64)
    assert f"run {run_id} used a definition with hash ffffffffffff…" in refused(world).message


def test_a_definition_changed_past_the_control_plane_is_refused(world: World):
    world.run()
    row = world.office.store.tables[TENANT][keys.version("prod", KPI, "1.0.0")]
    row["definition"] = row["definition"].replace("Operations", "Somebody", 1)
    assert "it was changed past the control plane" in refused(world).message


def test_a_stored_checkpoint_that_covers_the_period_is_used(world: World):
    world.sign(len(world.office.events))
    assert world.gather().checkpoint is world.checkpoint


def test_events_of_the_period_after_the_stored_checkpoint_are_covered_by_a_new_one(world: World):
    world.sign(2)
    checkpoint = world.gather().checkpoint.checkpoint
    assert (checkpoint.size, checkpoint.previous) == (len(world.office.events), None)
    assert isinstance(world.checked(), Verified)


def test_a_checkpoint_from_before_the_end_of_the_period_does_not_do(world: World):
    world.sign(len(world.office.events), at=MONDAY)
    assert world.gather().checkpoint.checkpoint.at == iso(TUESDAY)
    assert isinstance(world.checked(), Verified)


def test_events_after_the_period_need_no_new_checkpoint(world: World):
    world.sign(len(world.office.events))
    world.office.later(days=1)
    world.office.live(kpi("2.0.0", purpose="Another."))
    assert world.gather(now=TUESDAY + timedelta(days=1)).checkpoint is world.checkpoint


def test_a_checkpoint_of_another_key_is_refused(world: World):
    world.sign(2, signer=Key())
    assert "its signature is not one of the key; export with the key that signed it" in refused(world).message


def test_a_chain_shorter_than_its_checkpoint_is_refused(world: World):
    world.sign(len(world.office.events))
    world.office.events.pop()
    assert "it was cut short" in refused(world).message


def test_an_edited_event_is_refused_with_its_number(world: World):
    world.office.events[2] = world.office.events[2].model_copy(update={"reason": "another"})
    assert "is broken, nothing is exported: event 3" in refused(world).message


def test_a_tenant_without_a_chain_has_no_evidence(world: World):
    world.office.events.clear()
    assert refused(world).code is ErrorCode.CONFLICT


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        ("yesterday", "2026-01-06", "give ISO 8601"),
        ("2026-01-06", "2026-01-05", "before it starts"),
        ("2026-01-05", "2026-01-05", "before it starts"),
        ("2026-01-05", "2026-01-07", "after now"),
        ("2023-12-31", "2026-01-05", "in the lake only"),
    ],
)
def test_a_period_that_cannot_be_exported_is_refused(world: World, start: str, end: str, words: str):
    error = refused(world, replace(SUBJECT, period_start=start, period_end=end))
    assert error.code is ErrorCode.INVALID_INPUT
    assert words in error.message


def test_a_kpi_that_is_not_there_is_not_found(world: World):
    assert refused(world, replace(SUBJECT, kpi_id="SKY-XX-99")).code is ErrorCode.NOT_FOUND


def test_a_period_with_too_many_rows_is_refused_before_they_are_all_read(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(exports, "MAX_ROWS", 5)
    world.run()
    world.run(after=2)
    assert "at most 5 log rows; ask for a shorter period" in refused(world).message
