"""The control plane of a deployment, so that the API, the governance worker and the reconciler decide by the same rules."""

from __future__ import annotations

import time

from lambdas.adapters.system import new_id
from lambdas.domain.control.desk import RunRecord
from lambdas.domain.control.judge import unsound
from lambdas.domain.control.service import ControlPlane
from lambdas.domain.control.unit import ControlStore
from lambdas.domain.ports import Clock
from lambdas.domain.tenants.directory import TenantDirectory


def control_plane(store: ControlStore, record: RunRecord, clock: Clock, directory: TenantDirectory | None = None) -> ControlPlane:
    """The control plane over a store.

    Args:
        store: rows and chain.
        record: what the run logs say about versions.
        clock: the time, UTC.
        directory: where the rules of change are read, when others read settings there too; one of its own otherwise.
    """
    settings = directory or TenantDirectory(store, time.monotonic)
    return ControlPlane(store, clock, new_id, settings.policy_of, record, unsound)
