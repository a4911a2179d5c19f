"""The demo tenants' warehouse and the result store: PostgreSQL on this machine.

`start`, `stop`, `status` and `service` run it, `prepare` makes roles, databases and data, `secrets` says which connection goes
into which secret.
"""

from __future__ import annotations

from local.warehouse.databases import DEMO_TENANTS, RESULTS_DATABASE, admin_url, prepare, secrets
from local.warehouse.server import WarehouseError, service, start, status, stop

__all__ = [
    "DEMO_TENANTS",
    "RESULTS_DATABASE",
    "WarehouseError",
    "admin_url",
    "prepare",
    "secrets",
    "service",
    "start",
    "status",
    "stop",
]
