"""The audit log against the ledger: every call that was carried out is one event, nothing else is, and the chain and the evidence hold."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests
from typer.testing import CliRunner

from cli.audit import app
from lambdas.adapters.signing import KmsKey
from lambdas.domain.access import Role
from lambdas.domain.audit.chain import first_break
from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.audit.evidence import fingerprint
from lambdas.domain.timestamps import iso
from tests.local.conftest import wait_until
from tests.local.workflows.company import Company
from tests.local.workflows.http import Ledger
from tests.local.workflows.people import People

_PEOPLE = frozenset(role.value for role in Role)


@dataclass
class Books:
    """What an auditor does at the end of a workflow."""

    company: Company
    people: People
    ledger: Ledger

    def events(self, **query: str) -> list[AuditEvent]:
        """Audit events as `GET /audit` tells them to the auditor, oldest first."""
        told = self.people.auditor.items("/audit", limit="100", **query)
        return [AuditEvent.model_validate(each) for each in told][::-1]

    def trail(self, kpi_id: str, environment: str = "prod") -> list[str]:
        """What people did to a KPI, oldest first."""
        return [event.action for event in self.events(kpi_id=kpi_id, environment=environment) if event.actor.role in _PEOPLE]

    def balance(self, kpi_id: str) -> None:
        """Every admin call is exactly one event, of the whole tenant and of the KPI, and all events are one unbroken chain."""
        chain = self.events()
        assert first_break(chain, tenant_id=self.company.tenant) is None
        by_people = [event for event in chain if event.actor.role in _PEOPLE]
        assert [event.seq for event in by_people] == sorted(self.ledger.seqs())
        own = [event for event in self.events(kpi_id=kpi_id) if event.actor.role in _PEOPLE]
        assert sorted(event.event_id for event in own) == sorted(each["event_id"] for each in self.ledger.about(kpi_id))
        assert all(event.reason for event in by_people), "every admin action says why"

    def evidence(self, kpi_id: str, folder: Path) -> dict[str, int]:
        """Have the evidence of the last hour made, fetch and verify it offline; gives how many records of each kind are in it."""
        now, auditor = datetime.now(UTC), self.people.auditor
        body = {"kpi_id": kpi_id, "from": iso(now - timedelta(hours=1)), "to": iso(now), "reason": "the yearly audit"}
        path = f"/evidence/{auditor.post('/evidence', body).ok(202)['export_id']}"
        wait_until(lambda: auditor.get(path).ok()["state"] != "pending", seconds=60, what=f"the evidence of {kpi_id}")
        found = auditor.get(path).ok()
        assert found["state"] == "done", found["problem"]
        bundle = folder / f"{kpi_id}.zip"
        bundle.write_bytes(requests.get(found["url"], timeout=30).content)
        checked = CliRunner().invoke(app, ["verify", str(bundle), "--fingerprint", self._fingerprint()])
        assert checked.exit_code == 0, checked.output
        assert "the evidence holds" in checked.output
        with zipfile.ZipFile(bundle) as archive:
            names = [name for name in archive.namelist() if name.startswith("records/")]
            return {Path(name).stem: len(archive.read(name).splitlines()) for name in names}

    def _fingerprint(self) -> str:
        """Of the platform's public key, got by another way than the bundle."""
        stack = self.company.stack
        return fingerprint(KmsKey(stack.client, stack.outputs["signingKeyArn"]).public_key())
