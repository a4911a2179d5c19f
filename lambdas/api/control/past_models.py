"""What is answered about the past of a version."""

from __future__ import annotations

from pydantic import JsonValue

from kpis.common import Environment
from lambdas.api.control.responses import Answer


class PostMortem(Answer):
    """What was known when a version was rolled back: `snapshot` has its runs, failures and the rules that were not kept.

    `sha256` is of the snapshot as it was kept; the audit event of the rollback (`event_id`) names it.
    """

    kpi_id: str
    contract_version: str
    environment: Environment
    at: str
    event_id: str
    sha256: str
    snapshot: dict[str, JsonValue]


class Archive(Answer):
    """What a retired version read, under which names, and who consumed it."""

    kpi_id: str
    contract_version: str
    environment: Environment
    at: str
    archive: dict[str, JsonValue]
