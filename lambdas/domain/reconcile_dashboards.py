"""Dashboards of single KPIs that a tenant asked for by its setting `dashboards`, kept in step with it and with what runs.

Their body comes from a stencil that the platform's stack gives, and holds nothing of a definition: its tables read the definition when
somebody looks. So an edit of a KPI changes no dashboard, and no text of a dictionary gets into one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from pydantic import JsonValue

from kpis.common import Frozen
from lambdas.domain.control import keys
from lambdas.domain.control.unit import OneRow
from lambdas.domain.drift import Difference, Finding, Grade, Part
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.tenants import keys as tenant_keys
from lambdas.domain.tenants.model import Overrides

_TENANT, _ENVIRONMENT, _KPI = "kpi-variable-tenant", "kpi-variable-environment", "kpi-variable-kpi"
"""Stand for ids in the stencil (dashboards/context.py). Ids hold no character that means anything in JSON, Markdown code or a query."""
_OF_A_KPI = re.compile(r"[a-z0-9]+(-[a-z0-9]+){1,3}")
"""What follows the prefix: an id has at most four parts, and names of a tenant whose own id begins alike would have more."""


class Stencil(Frozen):
    """Bodies to fill in: `tier_0` for KPIs that have series of their own, `standard` for all others."""

    standard: dict[str, JsonValue]
    tier_0: dict[str, JsonValue]

    def body(self, tenant_id: str, environment: str, kpi_id: str, *, tier_0: bool) -> str:
        """The body of one KPI's dashboard, as JSON in one form."""
        text = same_form(self.tier_0 if tier_0 else self.standard)
        return text.replace(_TENANT, tenant_id).replace(_ENVIRONMENT, environment).replace(_KPI, kpi_id)


def same_form(body: Mapping[str, JsonValue]) -> str:
    """A body as JSON that equals another one only when both show the same."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"))


class Boards(Protocol):
    """The dashboards of an account."""

    def names(self, prefix: str) -> Iterable[str]:
        """Names of dashboards that begin with a prefix."""
        ...

    def body(self, name: str) -> str | None:
        """What a dashboard shows, as JSON in one form; None when it is gone."""
        ...

    def put(self, name: str, body: str) -> None:
        """Create the dashboard, or make it what is given."""
        ...

    def delete(self, name: str) -> None:
        """Remove it; one that is gone is what was wanted."""
        ...


def prefix_of(stem: str) -> str:
    """How the names of a tenant's dashboards of single KPIs begin; `stem` is what the names of all its dashboards begin with."""
    return f"{stem}-kpi-"


@dataclass(frozen=True)
class _Seen:
    """By the names of dashboards: the KPIs that should have one, what it should show, and what those that there are show."""

    wanted: Mapping[str, tuple[str, bool]]
    bodies: Mapping[str, str]
    found: Mapping[str, str | None]

    def findings(self) -> list[Finding]:
        """The differences."""
        findings = [
            Finding(Part.DASHBOARD, name, Difference.MISSING, Grade.MEDIUM, f"{self.wanted[name][0]} has no dashboard")
            for name in sorted(self.wanted.keys() - self.found.keys())
        ]
        findings += [
            Finding(Part.DASHBOARD, name, Difference.EXTRA, Grade.LOW, "nobody asked for it, or its KPI does not run")
            for name in sorted(self.found.keys() - self.wanted.keys())
        ]
        findings += [
            Finding(Part.DASHBOARD, name, Difference.DIFFERENT, Grade.MEDIUM, "it shows something else")
            for name in sorted(self.bodies.keys() & self.found.keys())
            if self.found[name] != self.bodies[name]
        ]
        return findings


@dataclass(frozen=True)
class DashboardKeeper:
    """Keeps dashboards of single KPIs. A tenant may ask for few, so it always looks at all of them.

    `stencil`: what the platform's stack gave, None before it gave any. `stem`: what the names of all dashboards of a tenant in an
    environment begin with.
    """

    rows: OneRow
    boards: Boards
    stencil: Callable[[], Stencil | None]
    stem: Callable[[str, str], str]

    def asked(self, tenant_id: str, environment: str) -> tuple[str, ...]:
        """The KPIs that the tenant's settings name."""
        row = self.rows.row(tenant_id, tenant_keys.settings(environment))
        return (Overrides.model_validate_json(row.text("settings")).dashboards or ()) if row else ()

    def plan(self, tenant_id: str, environment: str) -> list[Finding]:
        """What differs."""
        return self._look(tenant_id, environment).findings()

    def apply(self, tenant_id: str, environment: str) -> list[str]:
        """Bring the dashboards in step; answers the names of those that were not.

        Raises:
            KpiError: INTERNAL when the stencil is gone and one is to be made of it.
        """
        seen = self._look(tenant_id, environment)
        changed = [finding.name for finding in seen.findings()]
        for name in changed:
            if name not in seen.wanted:
                self.boards.delete(name)
            elif name in seen.bodies:
                self.boards.put(name, seen.bodies[name])
            else:
                raise KpiError(ErrorCode.INTERNAL, "what dashboards of KPIs are made of is gone; deploy the platform's stack")
        return changed

    def remove_all(self, tenant_id: str, environment: str) -> None:
        """Take all of them away."""
        for name in self._found(tenant_id, environment):
            self.boards.delete(name)

    def _wanted(self, tenant_id: str, environment: str) -> dict[str, tuple[str, bool]]:
        """KPI and whether it has series of its own, by the name of its dashboard; those that do not run have none."""
        wanted: dict[str, tuple[str, bool]] = {}
        for kpi_id in self.asked(tenant_id, environment):
            pointer = self.rows.row(tenant_id, keys.active(environment, kpi_id))
            if pointer is None:
                continue
            row = self.rows.row(tenant_id, keys.version(environment, kpi_id, pointer.text("contract_version")))
            tier_0 = row is not None and json.loads(row.text("definition"))["tier"] == 0
            wanted[f"{prefix_of(self.stem(tenant_id, environment))}{kpi_id.lower()}"] = (kpi_id, tier_0)
        return wanted

    def _look(self, tenant_id: str, environment: str) -> _Seen:
        wanted, found = self._wanted(tenant_id, environment), self._found(tenant_id, environment)
        stencil = self.stencil() if wanted else None
        bodies: dict[str, str] = {}
        if stencil is not None:
            for name, (kpi_id, tier_0) in wanted.items():
                bodies[name] = stencil.body(tenant_id, environment, kpi_id, tier_0=tier_0)
        return _Seen(wanted, bodies, {name: self.boards.body(name) if name in bodies else None for name in found})

    def _found(self, tenant_id: str, environment: str) -> set[str]:
        prefix = prefix_of(self.stem(tenant_id, environment))
        return {name for name in self.boards.names(prefix) if _OF_A_KPI.fullmatch(name.removeprefix(prefix))}
