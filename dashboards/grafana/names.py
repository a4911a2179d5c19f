"""Identities of Grafana dashboards: stable, at most 40 characters, and different for different things."""

from __future__ import annotations

import hashlib
import re

MAX_UID = 40
_HASH = 8
_ALLOWED = re.compile(r"[a-z0-9_-]+\Z")


def view_uid(name: str) -> str:
    """The uid of a dashboard about many KPIs."""
    return _uid("kpis", name)


def pack_uid(pack_id: str) -> str:
    """The uid of a pack's dashboard."""
    return _uid("kpis-pack", pack_id)


def kpi_uid(kpi_id: str) -> str:
    """The uid of a KPI's own dashboard."""
    return _uid("kpi", kpi_id.lower())


def _uid(prefix: str, name: str) -> str:
    plain = f"{prefix}-{name}"
    if len(plain) <= MAX_UID and _ALLOWED.match(plain):
        return plain
    digest = hashlib.sha256(name.encode()).hexdigest()[:_HASH]
    slug = re.sub(r"[^a-z0-9_-]+", "-", plain.lower())[: MAX_UID - _HASH - 1]
    return f"{slug}-{digest}"
