"""Taking a version away: unpublish, deprecate with a warning and a grace, retire into the archive (K21, K28 D)."""

from __future__ import annotations

import json
from dataclasses import dataclass

from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.control import keys
from lambdas.domain.control.approvals import closed
from lambdas.domain.control.catalog import Version, expectation, remembered, switched
from lambdas.domain.control.desk import Call, Desk, Notify
from lambdas.domain.control.impact import impact_of
from lambdas.domain.control.publishing import Signed, held_back, ready
from lambdas.domain.control.requests import RequestState
from lambdas.domain.control.states import Action
from lambdas.domain.control.unit import Change, Put
from lambdas.domain.timestamps import iso


@dataclass(frozen=True)
class Removal:
    """The end of versions. Every method needs a request that was signed off for it."""

    desk: Desk

    def unpublish(self, call: Call, kpi_id: str, contract_version: str, *, break_glass: bool = False) -> AuditEvent:
        """Stop a KPI: nothing of it runs until a version is published. The version stays as it is; a change needs a new one."""
        step = self.desk.begin(call, "kpi.unpublish", "kpi", kpi_id, version=contract_version, break_glass=break_glass)
        if step.done is not None:
            return step.done
        signed = ready(self.desk, step, kpi_id, contract_version, Action.UNPUBLISH, break_glass=break_glass)
        waits = held_back(step, signed)
        if waits is not None:
            return waits
        changes: list[Change] = [
            signed.version.moved(signed.line.target, step.at, ran_at=signed.version.row.text("ran_at") or iso(step.at), approved_hash=None),
            *switched(call.environment, self.desk.shelf(call).active_row(kpi_id), signed.version.kpi, None),
            *closed(signed.request, signed.row, RequestState.DONE),
        ]
        return step.commit(
            changes,
            before=signed.version.hash,
            request=signed.request,
            notify=_told(signed),
            version=contract_version,
            break_glass=signed.broke_glass or None,
        )

    def deprecate(self, call: Call, kpi_id: str, contract_version: str) -> AuditEvent:
        """Warn consumers: the KPI runs on until it is retired, which the grace allows at the earliest. Its variants are to be reviewed."""
        step = self.desk.begin(call, "kpi.deprecate", "kpi", kpi_id, version=contract_version)
        if step.done is not None:
            return step.done
        signed = ready(self.desk, step, kpi_id, contract_version, Action.DEPRECATE)
        until = iso(step.at + self.desk.rules(call).grace)
        impact = impact_of(call.tenant_id, signed.version.kpi, self.desk.shelf(call).around(kpi_id), step.at, ends=True)
        changes: list[Change] = [
            signed.version.moved(signed.line.target, step.at, deprecated_at=iso(step.at), retire_after=until),
            *closed(signed.request, signed.row, RequestState.DONE),
        ]
        if impact.variants:
            key = keys.review(call.environment, kpi_id)
            review = {"kpi_id": kpi_id, "variants": list(impact.variants), "due": until, "why": f"parent {kpi_id} is deprecated"}
            changes.append(Put(key, review, expectation(self.desk.store.row(call.tenant_id, key))))
        return step.commit(
            changes,
            before=signed.version.hash,
            after=signed.version.hash,
            request=signed.request,
            notify=(Notify.OWNERS, Notify.CONSUMERS),
            version=contract_version,
            retire_after=until,
            consumers=list(impact.consumers),
            review_variants=list(impact.variants),
        )

    def retire(self, call: Call, kpi_id: str, contract_version: str, *, break_glass: bool = False) -> AuditEvent:
        """End a deprecated version after its grace, when nobody active reads it. Its definition stays, its lineage goes to the archive."""
        step = self.desk.begin(call, "kpi.retire", "kpi", kpi_id, version=contract_version, break_glass=break_glass)
        if step.done is not None:
            return step.done
        signed = ready(self.desk, step, kpi_id, contract_version, Action.RETIRE, break_glass=break_glass)
        waits = held_back(step, signed)
        if waits is not None:
            return waits
        shelf = self.desk.shelf(call)
        pointer = shelf.active_row(kpi_id)
        running = pointer is not None and pointer.text("contract_version") == contract_version
        key = keys.archive(call.environment, kpi_id, contract_version)
        archive = {"kpi_id": kpi_id, "contract_version": contract_version, "archive": _archive(signed.version), "at": iso(step.at)}
        changes: list[Change] = [
            signed.version.moved(signed.line.target, step.at, retired_at=iso(step.at)),
            Put(key, archive, 0),
            *closed(signed.request, signed.row, RequestState.DONE),
        ]
        row, history = shelf.history(kpi_id)
        if running:
            changes += switched(call.environment, pointer, signed.version.kpi, None)
        if running or contract_version in history:
            kept = [] if running else [each for each in history if each != contract_version]
            changes += remembered(call.environment, kpi_id, row, kept)
        return step.commit(
            changes,
            before=signed.version.hash,
            request=signed.request,
            notify=_told(signed),
            version=contract_version,
            archive=key,
            break_glass=signed.broke_glass or None,
        )


def _told(signed: Signed) -> tuple[str, ...]:
    return (Notify.OWNERS, Notify.CONSUMERS, *((Notify.PAGE,) if signed.broke_glass else ()))


def _archive(version: Version) -> str:
    """Lineage and mappings of a version, as JSON: what it read, under which names, and who consumed it."""
    kpi = version.kpi
    content = {
        "definition_hash": version.hash,
        "golden_data": {ref.gdp: sorted(ref.attributes) for ref in kpi.gdp_sources},
        "upstream": {ref.alias: f"{ref.kpi} {ref.version or 'active'}" for ref in kpi.kpi_sources},
        "tables": {source.id: f"{source.table} {source.version}" for source in version.sources.values()},
        "consumers": [f"{consumer.type}: {consumer.name}" for consumer in kpi.consumers],
        "reports": [f"{report.frequency}: {', '.join(report.recipients)}" for report in kpi.reports],
        "parent": kpi.parent,
        "superseded_by": version.row.text("superseded_by") or None,
    }
    return json.dumps(content, sort_keys=True)
