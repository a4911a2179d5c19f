"""The background services of the embedded system in starting order, behind one small interface."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from cli.errors import KpiError
from local import processes
from local.emulator import control as emulator
from local.processes import Service, ServiceState, ServiceStatus
from local.settings import LocalSettings


@dataclass(frozen=True)
class Part:
    """One service: how to start it (returns when ready), stop it (False when nothing ran) and look at it."""

    name: str
    what: str
    start: Callable[[LocalSettings], ServiceStatus]
    stop: Callable[[LocalSettings], bool]
    status: Callable[[LocalSettings], ServiceStatus]


def emulator_part() -> Part:
    return replace(_process("emulator", "the embedded AWS", emulator.service), stop=emulator.stop)


def warehouse_part() -> Part | None:
    """PostgreSQL with the demo tenants' golden data and the result store."""
    if find_spec("local.warehouse") is None:
        return None
    module: Any = import_module("local.warehouse")

    def start(settings: LocalSettings) -> ServiceStatus:
        try:
            return module.start(settings)
        except module.WarehouseError as error:
            raise KpiError("warehouse", str(error)) from error

    return Part("warehouse", "PostgreSQL: golden data and results", start, module.stop, module.status)


def agent_part() -> Part | None:
    """What AWS does and the emulator does not: containers, alarms, metrics from logs."""
    if find_spec("local.agent") is None:
        return None
    module: Any = import_module("local.agent")
    return _process("agent", "containers, metrics and alarms", module.service)


def parts() -> list[Part]:
    """Every service, in starting order; stop them in reverse."""
    return [part for part in (emulator_part(), warehouse_part(), agent_part()) if part is not None]


def is_up(status: ServiceStatus) -> bool:
    return status.state is ServiceState.RUNNING


def _process(name: str, what: str, describe: Callable[[LocalSettings], Service]) -> Part:
    return Part(
        name,
        what,
        start=lambda settings: processes.start(settings, describe(settings)),
        stop=lambda settings: processes.stop(settings, describe(settings)),
        status=lambda settings: processes.status(settings, describe(settings)),
    )
