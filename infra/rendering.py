"""Everything the stacks declare that comes from the dictionary, rendered once and kept by digest."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pulumi

import alerts
import dashboards
import views
from dashboards.model import API, PORTAL
from dashboards.validate import DashboardError
from infra import packages
from infra.components.lake import LogTable
from infra.config import Common, PlatformConfig, TenantConfig
from infra.names import LOG_TABLES, Names
from kpis.bundle import Bundle, build_bundle, read_bundle
from kpis.diagnostics import DictionaryError

CACHE = ".local/cache"
PACKAGE_CACHE = ".local/packages"
_PARTITION = "tenant_id"


@dataclass(frozen=True)
class Declared:
    """What watches a stack: its dashboards, its alarms, and when those are mute."""

    dashboards: Sequence[dashboards.Dashboard]
    alarms: alerts.AlarmSet
    mutes: Sequence[alerts.MuteRule]


@dataclass(frozen=True)
class PlatformRendering(Declared):
    """What the platform stack declares from the dictionary."""

    bundle: Bundle
    log_tables: tuple[LogTable, ...]
    queries: Mapping[str, str]
    portal: Mapping[str, Path]
    kpi_dashboard: str


@dataclass(frozen=True)
class TenantRendering(Declared):
    """What a tenant stack declares from the dictionary."""

    bundle: Bundle


def load_bundle(packs: str, root: Path) -> Bundle:
    """The dictionary's bundle and summary; an unchanged dictionary is not parsed again.

    Raises:
        pulumi.RunError: when the folder is missing, or with every problem of the packs.
    """
    folder = root / packs
    if not folder.is_dir():
        raise pulumi.RunError(f"packs: folder '{packs}' does not exist below the repository root; expected a folder of dictionary packs")
    try:
        return build_bundle(folder, root / CACHE)
    except DictionaryError as error:
        raise pulumi.RunError(f"the dictionary in '{packs}' is not valid; run `kpi check`\n{error}") from error


def platform(names: Names, config: PlatformConfig, root: Path) -> PlatformRendering:
    """Render everything of a platform stack.

    Raises:
        pulumi.RunError: as `load_bundle`, and with every problem of the alarms, the change windows and the dashboards.
    """
    bundle = load_bundle(config.packs, root)
    return PlatformRendering(
        **vars(of_platform(names, config, bundle, root)),
        bundle=bundle,
        log_tables=log_tables(),
        queries=views.athena_queries(names.glue_database),
        portal=portal_files(bundle, root),
        kpi_dashboard=kpi_dashboard(names, config, bundle),
    )


def of_platform(names: Names, config: PlatformConfig, bundle: Bundle, root: Path) -> Declared:
    """What watches a platform.

    Raises:
        pulumi.RunError: with every problem of the alarms, the change windows and the dashboards.
    """
    where = {"deployment": names.deployment, "region": names.region, "account_id": names.account_id}
    with refused():
        alarms = alerts.platform_alarms(bundle.summary, **where)
        mutes = alerts.mute_rules(alarms, [each.window() for each in config.change_windows], stem=names.prefix)
        boards = dashboards.render_platform(
            bundle.summary, packs=config.pack_dashboards, **where, **surroundings(config, bundle, alarms, root)
        )
    return Declared(boards, alarms, mutes)


def kpi_dashboard(names: Names, config: Common, bundle: Bundle) -> str:
    """What the reconciler makes dashboards of single KPIs from.

    Raises:
        pulumi.RunError: with every problem of it.
    """
    with refused():
        return dashboards.render_kpi_stencil(
            deployment=names.deployment,
            region=names.region,
            account_id=names.account_id,
            digest=bundle.sha256,
            links=links(config),
        )


def tenant(names: Names, tenant_id: str, environment: str, config: TenantConfig, root: Path) -> TenantRendering:
    """Render everything of a tenant stack.

    Raises:
        pulumi.RunError: as `load_bundle`, and with every problem of the alarms, the maintenance windows and the dashboards.
    """
    bundle = load_bundle(config.packs, root)
    return TenantRendering(**vars(of_tenant(names, tenant_id, environment, config, bundle, root)), bundle=bundle)


def of_tenant(names: Names, tenant_id: str, environment: str, config: TenantConfig, bundle: Bundle, root: Path) -> Declared:
    """What watches one tenant and environment.

    Raises:
        pulumi.RunError: with every problem of the alarms, the maintenance windows and the dashboards.
    """
    where = {"deployment": names.deployment, "region": names.region, "account_id": names.account_id}
    whom = {"tenant_id": tenant_id, "environment": environment}
    with refused():
        alarms = alerts.tenant_alarms(bundle.summary, **whom, **where)
        mutes = alerts.mute_rules(alarms, [each.window() for each in config.maintenance_windows], stem=names.tenant(tenant_id, environment))
        boards = dashboards.render_tenant(
            bundle.summary, every_view=config.every_dashboard, **whom, **where, **surroundings(config, bundle, alarms, root)
        )
    return Declared(boards, alarms, mutes)


def surroundings(config: Common, bundle: Bundle, alarms: alerts.AlarmSet, root: Path) -> dashboards.Surroundings:
    """What the dashboards of a stack point at; addresses that exist only after their resources are put in by the program."""
    return {
        "digest": bundle.sha256,
        # Composites first: they say what matters, the others why.
        "alarms": tuple(alarm.name for alarm in (*alarms.composites, *alarms.metrics)),
        "links": links(config),
        "runbook_exists": lambda path: (root / path).is_file(),
    }


def links(config: Common) -> dashboards.Links:
    """Where dashboards lead; stand-ins for what exists only after its resource."""
    return dashboards.Links(portal=PORTAL, api=API, docs=config.docs_url)


@contextmanager
def refused() -> Generator[None]:
    """Every problem of alarms, of the windows in which they are mute, and of dashboards, as the engine reports errors.

    Raises:
        pulumi.RunError: with what `alerts.AlarmError` or `DashboardError` says.
    """
    try:
        yield
    except (alerts.AlarmError, DashboardError) as error:
        raise pulumi.RunError(str(error)) from error


def log_tables() -> tuple[LogTable, ...]:
    """The log tables as Glue tables; the tenant is a partition, so it is not a column of the files."""
    return tuple(
        LogTable(table.name, stream, {name: kind for name, kind in table.glue_columns.items() if name != _PARTITION})
        for stream, table in zip(LOG_TABLES, views.log_tables(), strict=True)
    )


def portal_files(bundle: Bundle, root: Path) -> dict[str, Path]:
    """The generated pages on disk, rendered once for each dictionary and renderer."""
    folder = root / CACHE / f"portal-{bundle.sha256[:24]}-{_code_digest(root / 'dashboards')}"
    if not folder.is_dir():
        draft = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
        for key, content in dashboards.render_portal(read_bundle(bundle.path.read_bytes()), digest=bundle.sha256).items():
            path = draft / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        draft.replace(folder)
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}


def build_packages(target: packages.Target, root: Path) -> packages.Built:
    """Both function packages.

    Raises:
        pulumi.RunError: when one cannot be built.
    """
    try:
        built = tuple(packages.build(spec, target, root, root / PACKAGE_CACHE) for spec in (packages.CONTROL, packages.RUNNER))
    except packages.PackageError as error:
        raise pulumi.RunError(str(error)) from error
    return packages.Built(target, built)


def _code_digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".py", ".j2", ".html", ".css", ".js"):
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]
