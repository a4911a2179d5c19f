"""Which alarms a stack has: those rendered from its config file in `stacks/` and the packs it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import alerts
from alerts.specs import AlarmSet, CompositeAlarm, MetricAlarm
from kpis.summary import DictionarySummary, summarize
from kpis.yaml_nodes import read_nodes

REPOSITORY = Path(__file__).parents[2]
DEFAULT_PACKS = "kpis/packs"
PLATFORM = "platform"
_PREFIX, _SUFFIX = "Pulumi.", ".yaml"
_PROJECT = "kpi-observatory:"
# A deployment without a stack file; the numbers only appear in ARNs.
_REGION, _ACCOUNT = "us-east-1", "123456789012"


class UnknownStackError(LookupError):
    """There is no such stack, or its file does not say what alarms are made of."""


@dataclass(frozen=True)
class Deployment:
    """Where a stack's alarms live; `tenant_id` and `environment` are empty for a platform."""

    stack: str
    deployment: str
    region: str
    account_id: str
    packs: str
    tenant_id: str = ""
    environment: str = ""

    @property
    def platform(self) -> str:
        """What begins the names of the platform, such as kpi-local."""
        return f"kpi-{self.deployment}"

    @property
    def stem(self) -> str:
        """What begins the names of the stack's alarms."""
        return f"{self.platform}-{self.tenant_id}-{self.environment}" if self.tenant_id else self.platform

    @property
    def words(self) -> Mapping[str, str]:
        """What `${...}` stands for in a test."""
        return {
            "stem": self.stem,
            "platform": self.platform,
            "tenant_id": self.tenant_id,
            "environment": self.environment,
            "region": self.region,
            "account_id": self.account_id,
        }


@dataclass(frozen=True)
class Deployed:
    """A stack and its alarms. `around` are those of its platform: a tenant's composite may name them, or be suppressed by one."""

    where: Deployment
    alarms: AlarmSet
    around: AlarmSet = field(default_factory=lambda: AlarmSet((), ()))

    @cached_property
    def by_key(self) -> Mapping[str, MetricAlarm | CompositeAlarm]:
        """The alarms by the key that names them within the stack."""
        return {alarm.key: alarm for alarm in (*self.alarms.metrics, *self.alarms.composites)}

    @cached_property
    def by_name(self) -> Mapping[str, MetricAlarm | CompositeAlarm]:
        """The alarms by physical name, those of the platform included."""
        sets = (self.around, self.alarms)
        return {alarm.name: alarm for each in sets for alarm in (*each.metrics, *each.composites)}


class Stacks:
    """The stacks of a repository; each dictionary is read once and each alarm set rendered once."""

    def __init__(self, root: Path = REPOSITORY) -> None:
        self._root = root
        self._summaries: dict[str, DictionarySummary] = {}
        self._deployed: dict[Deployment, Deployed] = {}

    def names(self) -> tuple[str, ...]:
        """Every stack with a file, sorted."""
        found = (self._root / "stacks").glob(f"{_PREFIX}*{_SUFFIX}")
        return tuple(sorted(path.name.removeprefix(_PREFIX).removesuffix(_SUFFIX) for path in found))

    def where(self, stack: str) -> Deployment:
        """Where a stack is deployed.

        Raises:
            UnknownStackError: when it has no file, or the file lacks what alarms need.
        """
        path = self._root / "stacks" / f"{_PREFIX}{stack}{_SUFFIX}"
        if stack not in self.names():
            raise UnknownStackError(f"stack '{stack}' has no file stacks/{path.name}; there are {', '.join(self.names()) or 'none'}")
        documents, problems = read_nodes(path.name, path.read_bytes())
        if problems or not documents:
            raise UnknownStackError(f"stacks/{path.name} cannot be read: {problems[0] if problems else 'it is empty'}")
        config = _config(documents[0].plain())
        layer, _, environment = stack.rpartition(".")
        platform = stack if layer == PLATFORM else str(config.get(f"{_PROJECT}platform", ""))
        if not platform.startswith(f"{PLATFORM}."):
            raise UnknownStackError(f"stacks/{path.name}: '{_PROJECT}platform' is '{platform}'; expected a stack such as platform.prod")
        return Deployment(
            stack=stack,
            deployment=platform.removeprefix(f"{PLATFORM}."),
            region=str(config.get("aws:region", _REGION)),
            account_id=str(config.get(f"{_PROJECT}accountId", _ACCOUNT)),
            packs=str(config.get(f"{_PROJECT}packs", DEFAULT_PACKS)),
            tenant_id="" if layer == PLATFORM else layer,
            environment="" if layer == PLATFORM else environment,
        )

    def unnamed(self, deployment: str, tenant: str | None, environment: str, packs: str | None) -> Deployment:
        """A deployment that has no stack file."""
        stack = f"{tenant}.{environment}" if tenant else f"{PLATFORM}.{deployment}"
        where = environment if tenant else ""
        return Deployment(stack, deployment, _REGION, _ACCOUNT, packs or DEFAULT_PACKS, tenant or "", where)

    def deployed(self, where: Deployment) -> Deployed:
        """The alarms rendered for a stack.

        Raises:
            kpis.diagnostics.DictionaryError: when its packs are not valid.
        """
        if where not in self._deployed:
            summary = self.summary(where.packs)
            place = {"deployment": where.deployment, "region": where.region, "account_id": where.account_id}
            platform = alerts.platform_alarms(summary, **place)
            if where.tenant_id:
                own = alerts.tenant_alarms(summary, tenant_id=where.tenant_id, environment=where.environment, **place)
                self._deployed[where] = Deployed(where, own, platform)
            else:
                self._deployed[where] = Deployed(where, platform)
        return self._deployed[where]

    def summary(self, packs: str) -> DictionarySummary:
        """The dictionary's summary of a folder of packs, from the repository root."""
        from kpis.loader import load_dictionary

        if packs not in self._summaries:
            self._summaries[packs] = summarize(load_dictionary(self._root / packs))
        return self._summaries[packs]


def _config(document: Any) -> dict[str, Any]:
    found = cast("dict[str, Any]", document).get("config") if isinstance(document, dict) else None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
