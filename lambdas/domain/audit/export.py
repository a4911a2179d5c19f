"""Gathers the evidence of a KPI, environment and period, and refuses to where something does not hold (K27).

Runs and events belong to the period by the moment they started or happened: `start <= moment < end`. What the bundle says is checked
before it is signed: every run is of a definition that is in the bundle and has the hash the catalog recorded, the tenant's chain is
whole, and a signed checkpoint covers all of its events of the period.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from kpis.common import Environment, version_key
from kpis.hashing import definition_hash
from lambdas.domain.audit.chain import first_break
from lambdas.domain.audit.checkpoint import SignedCheckpoint, Signer, Verifier, chain_problem, checkpoint_problem, make_checkpoint
from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.audit.evidence import Evidence, Subject
from lambdas.domain.audit.evidence_lineage import lineage_records
from lambdas.domain.control import keys
from lambdas.domain.control.catalog import Shelf, Version
from lambdas.domain.control.requests import ChangeRequest
from lambdas.domain.control.unit import ControlStore
from lambdas.domain.entries import HOT_MONTHS
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.model import LogTable
from lambdas.domain.periods import add_months
from lambdas.domain.timestamps import iso, parse

MAX_ROWS = 200_000
"""Log rows of a bundle. A row is below 4 KB, so a bundle stays below what `verify` unpacks (1 GiB)."""
MAX_EVENTS = 200_000
"""Events of a tenant's chain that are read for one bundle; all are needed for the proofs."""
CHILDREN = {
    "sourcing": LogTable.SOURCING,
    "pre_validation": LogTable.PRE_VALIDATION,
    "post_validation": LogTable.POST_VALIDATION,
    "delivery": LogTable.DELIVERY,
}
"""Records of a bundle that are rows of a log table, by run."""
_INTERNAL = frozenset({"pk", "sk", "gsi_pk", "gsi_sk", "expires_at"})
Row = Mapping[str, Any]


class LogReads(Protocol):
    """The five log tables."""

    def runs(self, tenant_id: str, kpi_id: str, since: str, until: str) -> Iterator[Row]:
        """Rows of `log-run` of a KPI in all environments whose runs started at `since` or later and before `until` (ISO 8601)."""
        ...

    def of_runs(self, tenant_id: str, table: LogTable, run_ids: Sequence[int]) -> Iterator[Row]:
        """The rows of runs in one of the other tables, in the order of the runs."""
        ...


class ChainReads(Protocol):
    """The audit chains of tenants."""

    def read(self, tenant_id: str) -> Sequence[AuditEvent]:
        """All events of a tenant, from 1 to the head of its chain; an error when one is missing."""
        ...


class CheckpointReads(Protocol):
    """The signed checkpoints of tenants."""

    def last(self, tenant_id: str) -> SignedCheckpoint | None:
        """The checkpoint of most events; None before the first."""
        ...


class ArtifactReads(Protocol):
    """What was generated from definitions and published."""

    def files(self, tenant_id: str, environment: str, kpi_id: str, hashes: Sequence[str]) -> Iterator[Row]:
        """`set`, `definition_hash`, `contract_version`, `path` and `sha256` of each file made of one of these definitions.

        Dashboards and alarms of a tenant are those of this one in this environment, and only where they show the KPI.
        """
        ...


@dataclass(frozen=True)
class Seal:
    """The key of the platform: what it signs, its public key (PEM), what checks its signatures, and its ARN or id."""

    sign: Signer
    public_key: bytes
    verify: Verifier
    key_id: str


@dataclass(frozen=True)
class Exporter:
    """The ports of an export."""

    catalog: ControlStore
    logs: LogReads
    chains: ChainReads
    checkpoints: CheckpointReads
    artifacts: ArtifactReads
    seal: Seal

    def gather(self, subject: Subject, now: datetime) -> Evidence:
        """Everything of a bundle, for `make_bundle`.

        Raises:
            KpiError: INVALID_INPUT for a period that has not ended, has left the tables, or holds too much; NOT_FOUND for a KPI without
                versions there; CONFLICT when the evidence contradicts itself or there is no chain; its message says what to do.
        """
        asked = checked(subject, now)
        shelf = Shelf(self.catalog, asked.tenant_id, Environment(asked.environment))
        rows = self._runs(asked)
        versions = _versions(shelf, asked, rows)
        hashes = {number: version.hash for number, version in versions.items()}
        runs = [_run(row, hashes) for row in rows]
        children = self._children(asked, runs)
        events, checkpoint = self._chain(asked, now)
        made = self.artifacts.files(asked.tenant_id, asked.environment, asked.kpi_id, sorted(hashes.values()))
        return Evidence(
            subject=asked,
            definitions=[version.kpi for version in versions.values()],
            events=events,
            checkpoint=checkpoint,
            public_key=self.seal.public_key,
            records={
                "runs": runs,
                **children,
                "approvals": self._approvals(asked, versions),
                "lineage": lineage_records(shelf, list(versions.values()), runs, children["sourcing"]),
                "artifacts": _sorted(made, "set", "path"),
            },
        )

    def _runs(self, asked: Subject) -> list[Row]:
        found: list[Row] = []
        for row in self.logs.runs(asked.tenant_id, asked.kpi_id, asked.period_start, asked.period_end):
            if row["environment"] == asked.environment:
                found.append(row)
            _limit(len(found), MAX_ROWS, "log rows", "ask for a shorter period")
        return sorted(found, key=lambda row: (int(row["run_id"]), _ENTRIES.get(str(row["entry"]), 2), str(row["entry"])))

    def _children(self, asked: Subject, runs: Sequence[Row]) -> dict[str, list[Row]]:
        run_ids = list(dict.fromkeys(int(row["run_id"]) for row in runs))
        found: dict[str, list[Row]] = {}
        count = len(runs)
        for name, table in CHILDREN.items():
            found[name] = []
            for row in self.logs.of_runs(asked.tenant_id, table, run_ids):
                found[name].append(_columns(row))
                count += 1
                _limit(count, MAX_ROWS, "log rows", "ask for a shorter period")
        return found

    def _approvals(self, asked: Subject, versions: Mapping[str, Version]) -> list[Row]:
        """Requests about the definitions in the bundle, and those made in the period."""
        found: list[ChangeRequest] = []
        for row in self.catalog.rows(asked.tenant_id, keys.REQUESTS):
            if row.text("kpi_id") != asked.kpi_id or row.text("environment") != asked.environment:
                continue
            created = row.text("created_at")
            if created < asked.period_end and (created >= asked.period_start or row.text("contract_version") in versions):
                found.append(ChangeRequest.model_validate_json(row.text("request")))
        return [each.model_dump(mode="json") for each in sorted(found, key=lambda each: (each.created_at, each.request_id))]

    def _chain(self, asked: Subject, now: datetime) -> tuple[list[AuditEvent], SignedCheckpoint]:
        """The chain and a checkpoint after the period over all of its events: the last one, or one for the bundle alone.

        What is made here is not stored, so it names no checkpoint before it: of those that do, each must have one successor.
        """
        tenant = asked.tenant_id
        # The checkpoint first: events that come while the chain is read make it longer, never shorter.
        last = self.checkpoints.last(tenant)
        events = list(self.chains.read(tenant))
        if not events:
            raise KpiError(ErrorCode.CONFLICT, f"the audit log of {tenant} has no chain yet; it begins with the first change by an admin")
        _limit(len(events), MAX_EVENTS, f"audit events of {tenant}", "an archive of the chain is needed before more can be exported")
        broken = first_break(events, tenant_id=tenant)
        if broken is not None:
            raise KpiError(ErrorCode.CONFLICT, f"the audit chain of {tenant} is broken, nothing is exported: {broken}")
        if last is not None:
            self._hold(last, events, tenant)
            after = events[last.checkpoint.size :]
            if last.checkpoint.at >= asked.period_end and all(event.at >= asked.period_end for event in after):
                return events, last
        made = make_checkpoint(events, at=iso(now), previous=None, sign=self.seal.sign, key_id=self.seal.key_id)
        if made is None:
            raise ValueError("a chain with events gives a checkpoint")
        return events, made

    def _hold(self, last: SignedCheckpoint, events: Sequence[AuditEvent], tenant: str) -> None:
        """The stored checkpoint is of the key and of this chain, or nothing is exported."""
        if last.checkpoint.tenant_id != tenant:
            problem = f"it is of tenant '{last.checkpoint.tenant_id}'"
        else:
            problem = checkpoint_problem(last, self.seal.verify) or chain_problem(events, last.checkpoint)
        if problem is not None:
            raise KpiError(
                ErrorCode.CONFLICT,
                f"the checkpoint of {tenant} over {last.checkpoint.size} events, signed by {last.key_id}, does not hold: {problem}; "
                f"export with the key that signed it ({self.seal.key_id} was given), or find out who changed the log",
            )


_WENT_LIVE = ("published_at", "restored_at")
_ENTRIES = {"open": 0, "close": 1}


def checked(subject: Subject, now: datetime) -> Subject:
    """The subject with its period as the logs write moments.

    Raises:
        KpiError: INVALID_INPUT for a period no evidence can be of.
    """
    try:
        start, end = parse(subject.period_start), parse(subject.period_end)
    except ValueError as error:
        raise KpiError(ErrorCode.INVALID_INPUT, f"the period: {error}; give ISO 8601 dates or moments") from error
    if start >= end:
        raise KpiError(ErrorCode.INVALID_INPUT, f"the period ends ({iso(end)}) before it starts ({iso(start)})")
    if end > now:
        raise KpiError(ErrorCode.INVALID_INPUT, f"the period ends at {iso(end)}, after now ({iso(now)}); evidence is of what has ended")
    if add_months(start, HOT_MONTHS) < now:
        raise KpiError(
            ErrorCode.INVALID_INPUT,
            f"the period starts at {iso(start)}; log rows leave the tables after {HOT_MONTHS} months, older ones are in the lake only",
        )
    return replace(subject, period_start=iso(start), period_end=iso(end))


def _versions(shelf: Shelf, asked: Subject, runs: Iterable[Row]) -> dict[str, Version]:
    """The versions that ran, oldest first; where none ran, the one that went live last before the end of the period."""
    kpi_id = asked.kpi_id
    ran: dict[str, int] = {}
    for row in runs:
        ran.setdefault(str(row["contract_version"]), int(row["run_id"]))
    if not ran:
        version = _last_live(shelf, kpi_id, asked.period_end)
        if version is None:
            message = f"{kpi_id} has no runs in the period and was not live in {shelf.environment} before its end"
            raise KpiError(ErrorCode.NOT_FOUND, message)
        return {version.number: _same(version)}
    found: dict[str, Version] = {}
    for number in sorted(ran, key=version_key):
        version = shelf.find(kpi_id, number)
        if version is None:
            raise KpiError(
                ErrorCode.CONFLICT, f"run {ran[number]} used {kpi_id} {number}, which the catalog of {shelf.environment} has not"
            )
        found[number] = _same(version)
    return found


def _last_live(shelf: Shelf, kpi_id: str, until: str) -> Version | None:
    """What runs, or ran last, as far as it went live before a moment. Of what was imported nobody knows when; it counts while it runs."""
    moments: dict[str, Version] = {}
    for row in shelf.store.rows(shelf.tenant_id, keys.versions(shelf.environment, kpi_id)):
        at = max((row.text(name) for name in _WENT_LIVE if row.text(name) < until), default="")
        if at:
            moments[at] = Version(row)
    if moments:
        return moments[max(moments)]
    active = shelf.active(kpi_id)
    return active if active is not None and not any(map(active.row.text, _WENT_LIVE)) else None


def _same(version: Version) -> Version:
    """The version, when its content is what the catalog recorded the hash of."""
    found = definition_hash(version.kpi)
    if found != version.hash:
        raise KpiError(
            ErrorCode.CONFLICT,
            f"{version.kpi.id} {version.number} in {version.environment} has hash {found[:12]}…, but the catalog recorded "
            f"{version.hash[:12]}…: it was changed past the control plane",
        )
    return version


def _run(row: Row, hashes: Mapping[str, str]) -> Row:
    """A row of the run log with the hash of the definition it used."""
    number = str(row["contract_version"])
    logged = row.get("definition_hash")
    if logged is not None and logged != hashes[number]:
        raise KpiError(
            ErrorCode.CONFLICT,
            f"run {row['run_id']} used a definition with hash {str(logged)[:12]}…, but {row['kpi_id']} {number} has {hashes[number][:12]}…",
        )
    return _columns(row) | {"definition_hash": hashes[number]}


def _columns(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _INTERNAL}


def _sorted(rows: Iterable[Row], *names: str) -> list[Row]:
    return sorted(rows, key=lambda row: tuple(str(row[name]) for name in names))


def _limit(count: int, most: int, what: str, todo: str) -> None:
    if count > most:
        raise KpiError(ErrorCode.INVALID_INPUT, f"a bundle holds at most {most} {what}; {todo}")
