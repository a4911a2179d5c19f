"""What a pass of the import knows of a KPI in an environment, and whether the control plane has taken it in hand (docs/adr/0008)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from lambdas.domain.control import keys
from lambdas.domain.control.canary import UNDER_WAY, Canary
from lambdas.domain.control.pauses import read_pauses
from lambdas.domain.control.states import VersionStatus
from lambdas.domain.control.unit import Row

AUTHOR = "reconciler"
"""Who writes what comes from the packs."""
_VERSION = (
    "sk", "kpi_id", "contract_version", "content_hash", "definition_hash", "status", "row_version", "imported_version", "bundle",
    "authors", "ran_at",
)  # fmt: skip


class CatalogRows(Protocol):
    """Catalog rows of one tenant by the beginning of their keys, each with `sk`."""

    def rows(
        self, tenant_id: str, prefix: str, attributes: Sequence[str] = (), *, consistent: bool = False
    ) -> Iterable[Mapping[str, Any]]: ...


@dataclass(frozen=True)
class KnownVersion:
    """A definition row without its definition."""

    row: Row

    @property
    def number(self) -> str:
        return self.row.text("contract_version")

    @property
    def status(self) -> str:
        return self.row.text("status")

    @property
    def as_imported(self) -> bool:
        """Whether it is still as the import left it. Rows of the first releases of the import have no `row_version` at all."""
        values = self.row.values
        return values.get("row_version") is None or values.get("row_version") == values.get("imported_version")

    @property
    def from_packs(self) -> bool:
        """Whether its content came from the packs."""
        return bool(self.row.text("bundle")) or self.only_ours

    @property
    def only_ours(self) -> bool:
        """Whether nobody but the reconciler wrote a draft's content."""
        return list(self.row.values.get("authors") or ()) == [AUTHOR]

    @property
    def editable(self) -> bool:
        """Whether it is a draft or a proposal that never ran and that no person wrote."""
        return self.only_ours and not self.row.text("ran_at") and self.status in (VersionStatus.DRAFT, VersionStatus.PROPOSED)


@dataclass
class Known:
    """One KPI: its versions by number, the key and row_version of its pointer, and the keys of what it waits for."""

    versions: dict[str, KnownVersion] = field(default_factory=dict[str, KnownVersion])
    pointer: Row | None = None
    triggers: set[str] = field(default_factory=set[str])
    held: bool = False

    @property
    def managed(self) -> bool:
        """Whether an administrator acted on it: a version is not as imported, or a request, a canary or a pause is under way."""
        return self.held or not all(each.as_imported for each in self.versions.values())

    @property
    def from_packs(self) -> bool:
        """Whether any version of it came from the packs."""
        return any(each.from_packs for each in self.versions.values())

    @property
    def running(self) -> KnownVersion | None:
        """The version that runs."""
        return self.versions.get(self.pointer.text("contract_version")) if self.pointer else None


def read_known(rows: CatalogRows, tenant_id: str, environment: str, at: datetime) -> tuple[dict[str, Known], bool]:
    """Every KPI of an environment, by id, and whether a pause of everything is in force."""
    found: defaultdict[str, Known] = defaultdict(Known)

    def read(prefix: str, attributes: Sequence[str] = ()) -> list[Row]:
        return [Row(str(row["sk"]), row) for row in rows.rows(tenant_id, prefix, attributes, consistent=True)]

    for row in read(f"{environment}#kpi#", _VERSION):
        found[row.text("kpi_id")].versions[row.text("contract_version")] = KnownVersion(row)
    for row in read(keys.all_active(environment)):
        found[row.text("kpi_id")].pointer = row
    for row in read(f"{environment}#trigger#", ("sk", "kpi_id")):
        found[row.text("kpi_id")].triggers.add(row.key)
    for row in read(keys.open_request(environment, "")):
        found[row.text("kpi_id")].held = True
    canaries = (Canary.model_validate_json(row.text("canary")) for row in read(keys.canary(environment, "")))
    for kpi_id in (each.kpi_id for each in canaries if each.state in UNDER_WAY):
        found[kpi_id].held = True
    paused = {pause.scope.kpi_id for pause in read_pauses(read(keys.pauses(environment))) if pause.holds(at)}
    for kpi_id in paused - {None}:
        found[str(kpi_id)].held = True
    return dict(found), None in paused
