"""Carries out the reconciler's actions. Every one is idempotent: the second time it changes nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kpis.bundle import read_bundle
from kpis.common import Environment
from kpis.schema import Dictionary
from lambdas.domain import drift
from lambdas.domain.audit.event import Facts
from lambdas.domain.control.states import SYSTEM
from lambdas.domain.control.unit import Change, Delete, Put
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.model import TenantSettings
from lambdas.domain.reconcile import declared
from lambdas.domain.reconcile_direct import ACTOR, Scope
from lambdas.domain.reconcile_import import CatalogImport
from lambdas.domain.tenants import keys
from lambdas.domain.tenants.model import Deployed
from lambdas.domain.timestamps import iso
from lambdas.reconciler.actions import (
    ACTIONS,
    BundleRef,
    ImportAction,
    OffboardAction,
    OnboardAction,
    PlanAction,
    ReconcileAction,
)  # fmt: skip
from lambdas.reconciler.parts import Parts, logger
from lambdas.reconciler.passes import TenantPass, tenant_of

BUDGET_SECONDS = 600.0
"""After this long a pass over all tenants hands the rest to an invocation of its own; the function has 900 s."""
_OPERATOR = ACTOR.model_copy(update={"role": SYSTEM})


class Reconciler:
    """The actions of one deployment.

    Args:
        parts: what it works with.
        monotonic: seconds of a clock that only goes forward.
        go_on: asks for another invocation with an action.
    """

    def __init__(self, parts: Parts, monotonic: Callable[[], float], go_on: Callable[[Mapping[str, Any]], None]) -> None:
        self._parts = parts
        self._monotonic = monotonic
        self._go_on = go_on

    def handle(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out an action and report what it did.

        Raises:
            pydantic.ValidationError: for an unknown or incomplete action.
            KpiError: NOT_FOUND or CONFLICT about the bundle or tenant; INTERNAL naming the tenants of a pass over all that failed.
        """
        action = ACTIONS.validate_python(dict(event))
        match action:
            case ImportAction():
                return self._import(action)
            case OnboardAction():
                return self._onboard(action)
            case OffboardAction():
                return self._offboard(action)
            case PlanAction():
                return self._plan(action)
            case ReconcileAction():
                return self._reconcile(action)

    def _import(self, action: ImportAction) -> dict[str, Any]:
        dictionary = self._dictionary(action.bundle)
        self._parts.registry.remember(action.bundle)
        if action.kpi_dashboard is not None:
            self._parts.registry.keep_stencil(action.kpi_dashboard)
        self._parts.registry.complete(_places(dictionary))
        tenants: dict[str, Any] = {}
        for tenant_id, environment in sorted(set(_places(dictionary))):
            tenant = self._parts.catalog.tenant(tenant_id, environment)
            tenants[f"{tenant_id}.{environment}"] = self._brought(dictionary, action.bundle, tenant_id, environment, tenant)
        return {"action": "import", "bundle": action.bundle.sha256, "tenants": tenants}

    def _onboard(self, action: OnboardAction) -> dict[str, Any]:
        settings = {**action.settings, "tenant_id": action.tenant_id, "environment": action.environment}
        tenant = TenantSettings.model_validate(settings)
        bundle = action.bundle or self._last_bundle()
        dictionary = self._dictionary(bundle)
        changed = self._registered(action, settings, _granted(Deployed.model_validate(settings), dictionary))
        report = self._brought(dictionary, bundle, tenant.tenant_id, tenant.environment, tenant)
        return {"action": "onboard", "tenant": f"{action.tenant_id}.{action.environment}", "settings_changed": changed} | report

    def _plan(self, action: PlanAction) -> dict[str, Any]:
        tenant = tenant_of(self._parts, action.tenant_id, action.environment)
        bundle = action.bundle or self._last_bundle()
        importing = self._importing(bundle, action.tenant_id, action.environment, dry_run=True)
        report = {"catalog": importing.run(self._dictionary(bundle)).as_json()}
        return {"action": "plan", "tenant": _name(tenant)} | report | {"drift": drift.report(TenantPass(self._parts, tenant).plan())}

    def _reconcile(self, action: ReconcileAction) -> dict[str, Any]:
        if not self._parts.registry.is_complete:
            self._parts.registry.complete(_places(self._dictionary(self._last_bundle())))
        begun, tenants, failed = self._monotonic(), dict[str, Any](), dict[str, str]()
        # Compared as the list is sorted: as text `acme.prod` comes after `acme-asia.dev`, whose turn it would skip.
        last = tuple(action.after.split("."))
        for tenant_id, environment in self._parts.registry.tenants():
            name = f"{tenant_id}.{environment}"
            if (
                (tenant_id, environment) <= last
                or action.tenant_id not in (None, tenant_id)
                or action.environment not in (None, environment)
            ):
                continue
            if self._monotonic() - begun > BUDGET_SECONDS:
                self._go_on(action.model_dump() | {"after": ".".join(last)})
                break
            last = (tenant_id, environment)
            if self._parts.store.row(tenant_id, f"{environment}#tenant") is None:
                continue  # it was offboarded since the list was read
            try:
                tenants[name] = self._mended(tenant_id, environment)
            except Exception as error:  # noqa: BLE001 - the other tenants come first; it is raised below
                logger.warning("the pass over %s failed: %s", name, error)
                failed[name] = f"{type(error).__name__}: {error}"
        if failed:
            raise KpiError(ErrorCode.INTERNAL, f"passes failed: {json.dumps(failed, sort_keys=True)[:4000]}")
        return {"action": "reconcile", "tenants": tenants}

    def _mended(self, tenant_id: str, environment: str) -> dict[str, Any]:
        one = TenantPass(self._parts, tenant_of(self._parts, tenant_id, environment))
        findings = one.plan()
        mended = one.mend(findings)
        one.count(findings)
        return {"drift": drift.report(findings), "mended": mended.as_json()}

    def _brought(
        self, dictionary: Dictionary, bundle: BundleRef, tenant_id: str, environment: str, tenant: TenantSettings | None
    ) -> dict[str, Any]:
        """Import into one tenant's catalog; the schedules follow at once, for whoever waits for a deployment to be complete."""
        report: dict[str, Any] = {"catalog": self._importing(bundle, tenant_id, environment).run(dictionary).as_json()}
        if tenant is not None and tenant.schedule_group is not None:
            findings, failed = self._parts.schedules.plan(tenant), dict[str, str]()
            changed = self._parts.schedules.apply(
                tenant, [each.name for each in findings], lambda name, error: failed.update({name: str(error)})
            )
            if failed:
                raise KpiError(ErrorCode.INTERNAL, f"schedules of {_name(tenant)} were not written: {json.dumps(failed)[:4000]}")
            report["schedules"] = {"changed": len(changed), "names": changed[: drift.LISTED]}
        return report

    def _importing(self, bundle: BundleRef, tenant_id: str, environment: str, *, dry_run: bool = False) -> CatalogImport:
        scope = Scope(tenant_id, Environment(environment), bundle.sha256)
        return CatalogImport(self._parts.catalog, self._parts.plane, scope, dry_run)

    def _registered(self, action: OnboardAction, settings: Mapping[str, Any], granted: str) -> bool:
        """Write what the stack says of the tenant; `granted` are the tables its KPIs may read, as they are declared."""
        wanted = {
            keys.deployed(action.environment): ("settings", json.dumps(settings, sort_keys=True)),
            keys.sources(action.environment): ("sources", granted),
        }
        self._parts.registry.add(action.tenant_id, action.environment)
        known = {key: self._parts.store.row(action.tenant_id, key) for key in wanted}
        now, changes, digest = iso(self._parts.clock.now()), list[Change](), hashlib.sha256()
        digest.update(self._last_end(action.tenant_id, action.environment)[0].encode())
        for key, (name, text) in wanted.items():
            row = known[key]
            if (row.text(name) if row else "[]") != text:
                expect = row.row_version if row else 0
                changes.append(Put(key, {name: text, "updated_at": now}, expect))
                digest.update(f"{key}\0{expect}\0{text}\0".encode())
        if not changes:
            return False
        event_id = f"onboard:{action.environment}:{digest.hexdigest()[:40]}"
        details = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in wanted.values()}
        self._commit(action.tenant_id, action.environment, "tenant.onboard", event_id, changes, details)
        return True

    def _offboard(self, action: OffboardAction) -> dict[str, Any]:
        parts, name = self._parts, f"{action.tenant_id}.{action.environment}"
        parts.registry.remove(action.tenant_id, action.environment)
        end, settings = self._last_end(action.tenant_id, action.environment)
        known = parts.store.row(action.tenant_id, f"{action.environment}#tenant")
        if known is not None:
            # The row goes first: a pass or the stream that is under way would bring the schedules back.
            settings = known.text("settings")
            farewell = Put(f"{_farewells(action.environment)}{iso(parts.clock.now())}", {"settings": settings}, 0)
            gone: list[Change] = [Delete(known.key, known.row_version), farewell]
            granted = parts.store.row(action.tenant_id, keys.sources(action.environment))
            gone += [Delete(granted.key, granted.row_version)] if granted else []
            digest = hashlib.sha256(f"{end}{settings}".encode()).hexdigest()
            event_id = f"offboard:{action.environment}:{known.row_version}:{digest[:40]}"
            self._commit(action.tenant_id, action.environment, "tenant.offboard", event_id, gone, {})
        elif not settings:
            return {"action": "offboard", "tenant": name, "schedules": []}
        # Also when the row was gone already: the call that took it away may have broken off here.
        tenant = TenantSettings.model_validate_json(settings)
        removed = parts.schedules.remove_all(tenant)
        parts.mutes.apply(parts.stem(action.tenant_id, action.environment), (), parts.clock.now())
        parts.dashboards.remove_all(action.tenant_id, action.environment)
        return {"action": "offboard", "tenant": name, "schedules": removed}

    def _last_end(self, tenant_id: str, environment: str) -> tuple[str, str]:
        """Key and settings of the row about the last end of the tenancy; both empty when there was none.

        The key is part of what makes an event: the same tenancy may begin and end again.
        """
        ends = [(row.key, row.text("settings")) for row in self._parts.store.rows(tenant_id, _farewells(environment))]
        return max(ends, default=("", ""))

    def _commit(self, tenant_id: str, environment: str, action: str, event_id: str, changes: list[Change], details: dict[str, Any]) -> None:
        facts = Facts(
            tenant_id=tenant_id,
            event_id=event_id,
            at=iso(self._parts.clock.now()),
            actor=_OPERATOR,
            action=action,
            object_type="tenant",
            object_id=tenant_id,
            environment=Environment(environment),
            reason="the tenant's stack was deployed" if action == "tenant.onboard" else "the tenant was offboarded",
            details={"intent": event_id, **details},
        )
        self._parts.store.commit(tenant_id, changes, facts)

    def _dictionary(self, ref: BundleRef) -> Dictionary:
        client = self._parts.clients("s3")
        try:
            content: bytes = client.get_object(Bucket=ref.bucket, Key=ref.key)["Body"].read()
        except client.exceptions.NoSuchKey as error:
            raise KpiError(
                ErrorCode.NOT_FOUND, f"bundle s3://{ref.bucket}/{ref.key} does not exist; run `pulumi up` on the platform"
            ) from error
        digest = hashlib.sha256(content).hexdigest()
        if digest != ref.sha256:
            message = f"bundle s3://{ref.bucket}/{ref.key} has digest {digest}, expected {ref.sha256}; it was changed after it was built"
            raise KpiError(ErrorCode.CONFLICT, message)
        return read_bundle(content)

    def _last_bundle(self) -> BundleRef:
        bundle = self._parts.registry.last_bundle()
        if bundle is None:
            raise KpiError(ErrorCode.NOT_FOUND, "no dictionary was imported yet; run `pulumi up` on the platform first")
        return bundle


def _granted(deployed: Deployed, dictionary: Dictionary) -> str:
    """The tables that the stack names, as the dictionary declares them.

    Raises:
        KpiError: INVALID_INPUT naming those that it does not declare.
    """
    by_id = {source.id: source for source in dictionary.sources}
    if unknown := sorted(set(deployed.sources) - by_id.keys()):
        raise KpiError(ErrorCode.INVALID_INPUT, f"config sources: {', '.join(unknown)} are not golden data tables of the dictionary")
    return declared(by_id[name] for name in sorted(set(deployed.sources)))


def _places(dictionary: Dictionary) -> Iterator[tuple[str, str]]:
    """Tenants and environments that the packs name."""
    for kpi in dictionary.kpis:
        for tenant_id in kpi.tenants:
            for environment in kpi.environments:
                yield tenant_id, environment


def _farewells(environment: str) -> str:
    """Prefix of the rows about ends of a tenancy."""
    return f"{environment}#offboarded#"


def _name(tenant: TenantSettings) -> str:
    return f"{tenant.tenant_id}.{tenant.environment}"
