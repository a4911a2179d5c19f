"""Insert-only writes: the single write that policies of append-only tables allow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def insert(client: Any, table: str, row: Mapping[str, str]) -> None:
    """Insert a row of text attributes; a row with the same key makes DynamoDB refuse with DuplicateItemException."""
    names = sorted(row)
    fields = ", ".join(f"'{name}': ?" for name in names)
    client.execute_statement(
        Statement=f'INSERT INTO "{table}" VALUE {{{fields}}}',
        Parameters=[{"S": row[name]} for name in names],
    )
