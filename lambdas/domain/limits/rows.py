"""What the limits need of a store: conditional writes of single rows, which succeed for one of those who try at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Row:
    """A row as it was read. `version` counts its writes from 1."""

    values: Mapping[str, Any]
    version: int


class Rows(Protocol):
    """Rows of tenants. Reads see every write that was answered before (strongly consistent)."""

    def read(self, tenant_id: str, key: str) -> Row | None: ...

    def swap(self, tenant_id: str, key: str, values: Mapping[str, Any], expect: int) -> bool:
        """Write a whole row if its version is `expect` (0: it does not exist), as version `expect + 1`; whether that was so.

        `expires_at` among the values is when the store may drop the row, in epoch seconds; it may do so late, or never.
        """
        ...


@dataclass(frozen=True)
class Mark:
    """What a conditional write of a bucket met: `full_at` after it when `done`, else as it stands (None: there is no bucket)."""

    done: bool
    full_at: int | None


class Buckets(Protocol):
    """One number for each bucket (epoch microseconds). Both writes are one conditional UpdateItem that returns what it met."""

    def push(self, tenant_id: str, key: str, by: int, at_least: int, at_most: int) -> Mark:
        """`SET full_at = full_at + :by` where `full_at BETWEEN :at_least AND :at_most`."""
        ...

    def restart(self, tenant_id: str, key: str, full_at: int, before: int) -> Mark:
        """`SET full_at = :full_at` where `attribute_not_exists(full_at) OR full_at < :before`."""
        ...
