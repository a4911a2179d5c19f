"""What was kept of versions that went wrong or were retired (K28 C and D)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from lambdas.api.control.asked import Asked, Reply
from lambdas.api.control.past_models import Archive, PostMortem
from lambdas.api.control.ports import Ports
from lambdas.api.control.requests import Nothing, Place
from lambdas.domain.control import keys
from lambdas.domain.errors import ErrorCode, KpiError


def post_mortem(ports: Ports, asked: Asked[Nothing, Place]) -> Reply:
    """The newest post-mortem of a version."""
    where = asked.where
    prefix = keys.post_mortem(where.environment, where.kpi_id, "")
    rows = [row for row in ports.plane.store.rows(where.tenant_id, prefix) if row.text("contract_version") == where.version]
    if not rows:
        raise _nothing(asked, "was never rolled back")
    row = max(rows, key=lambda each: each.text("at"))
    text = row.text("snapshot")
    return Reply(
        PostMortem(
            kpi_id=where.kpi_id,
            contract_version=where.version,
            environment=where.environment,
            at=row.text("at"),
            event_id=row.key.removeprefix(prefix),
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            snapshot=json.loads(text),
        )
    )


def archive(ports: Ports, asked: Asked[Nothing, Place]) -> Reply:
    """The archive of a retired version."""
    where = asked.where
    row = ports.plane.store.row(where.tenant_id, keys.archive(where.environment, where.kpi_id, where.version))
    if row is None:
        raise _nothing(asked, "was never retired")
    return Reply(
        Archive(
            kpi_id=where.kpi_id,
            contract_version=where.version,
            environment=where.environment,
            at=row.text("at"),
            archive=json.loads(row.text("archive")),
        )
    )


def _nothing(asked: Asked[Any, Any], why: str) -> KpiError:
    where = asked.where
    return KpiError(ErrorCode.NOT_FOUND, f"{where.kpi_id} {where.version} {why} in {where.environment}")
