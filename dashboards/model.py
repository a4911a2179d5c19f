"""What rendering takes and gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Required, TypedDict

PORTAL = "https://portal.kpi.invalid"
API = "https://api.kpi.invalid"
"""Stand for addresses that exist only after their resources; the stack puts the real ones in their place."""


@dataclass(frozen=True)
class Dashboard:
    """A CloudWatch dashboard: `key` names the Pulumi resource, `name` is the physical name, `body` the JSON text CloudWatch takes."""

    key: str
    name: str
    body: str


@dataclass(frozen=True)
class Links:
    """Where people find the rest, without a slash at the end; None leaves the link out and shows what it would have led to.

    `docs` is where the repository is published: `docs/runbooks/x.md` follows it.
    """

    portal: str | None = None
    api: str | None = None
    docs: str | None = None


class Surroundings(TypedDict, total=False):
    """The arguments of rendering that say what is around the dashboards; see `Scene`."""

    digest: Required[str]
    alarms: tuple[str, ...]
    links: Links
    runbook_exists: Callable[[str], bool] | None


@dataclass(frozen=True)
class Scene:
    """The stack whose dashboards are rendered.

    `digest` is the SHA-256 of the dictionary's bundle, `alarms` are the physical names of all alarms of the stack in the order shown, and
    `runbook_exists` answers for a path such as `docs/runbooks/x.md` (None: not checked).
    """

    deployment: str
    region: str
    account_id: str
    digest: str
    alarms: tuple[str, ...] = ()
    links: Links = Links()
    runbook_exists: Callable[[str], bool] | None = None

    @property
    def platform(self) -> str:
        """The stem of the platform's physical names."""
        return f"kpi-{self.deployment}"

    def function_arn(self, name: str) -> str:
        """ARN of one of the platform's functions."""
        return f"arn:aws:lambda:{self.region}:{self.account_id}:function:{self.platform}-{name}"

    def alarm_arn(self, name: str) -> str:
        """ARN of an alarm by its physical name."""
        return f"arn:aws:cloudwatch:{self.region}:{self.account_id}:alarm:{name}"

    @property
    def state_machine_arn(self) -> str:
        """ARN of the state machine that runs KPIs."""
        return f"arn:aws:states:{self.region}:{self.account_id}:stateMachine:{self.platform}-run"
