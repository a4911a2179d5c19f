"""What rendering gives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Dashboard:
    """A CloudWatch dashboard: `key` names the Pulumi resource, `name` is the physical name, `body` the JSON text CloudWatch takes."""

    key: str
    name: str
    body: str
