"""What the environment tells the governance worker beyond what every function is told."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from lambdas.adapters.checkpoints import LockMode, Retention
from lambdas.adapters.settings import require
from lambdas.domain.errors import ErrorCode, KpiError

_NAMES = {
    "change_machine_arn": "KPI_CHANGE_MACHINE_ARN",
    "approvals_queue": "KPI_APPROVALS_QUEUE",
    "audit_bucket": "KPI_AUDIT_BUCKET",
    "audit_lock": "KPI_AUDIT_LOCK",
    "signing_key_arn": "KPI_SIGNING_KEY_ARN",
}


@dataclass(frozen=True)
class GovernanceSettings:
    """Names of what the worker works with. `retention` is how checkpoints are locked."""

    change_machine_arn: str
    approvals_queue: str
    audit_bucket: str
    signing_key_arn: str
    retention: Retention


def governance_settings(environ: Mapping[str, str] | None = None) -> GovernanceSettings:
    """Read the settings; `KPI_AUDIT_LOCK` is the mode and the days, such as `COMPLIANCE:2555`.

    Raises:
        KpiError: INTERNAL naming every variable that is missing, or a lock that is none.
    """
    env = os.environ if environ is None else environ
    require(env, _NAMES.values())
    found = {field: env[name] for field, name in _NAMES.items()}
    mode, _, days = found.pop("audit_lock").partition(":")
    if mode not in list(LockMode) or not days.isdigit():
        raise KpiError(ErrorCode.INTERNAL, f"KPI_AUDIT_LOCK is '{mode}:{days}'; expected a mode and days, such as COMPLIANCE:2555")
    return GovernanceSettings(retention=Retention(LockMode(mode), timedelta(days=int(days))), **found)
