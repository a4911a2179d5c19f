"""What the routes about a tenant itself need of the world."""

from __future__ import annotations

from dataclasses import dataclass

from lambdas.domain.tenants.connections import Vault
from lambdas.domain.tenants.directory import TenantDirectory


@dataclass(frozen=True)
class TenantPorts:
    """`directory`: the settings of tenants, the same one that rules and limits are asked of; `vault`: where connections' values go."""

    directory: TenantDirectory
    vault: Vault
