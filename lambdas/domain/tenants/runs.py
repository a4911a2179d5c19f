"""What the run engine is told of a tenant: its registration, with what administrators changed of it since."""

from __future__ import annotations

import json
from typing import Any

from lambdas.domain.model import TenantSettings

SEEN = ("timezone", "currency")
"""Members of the settings that runs read; the others are for the control plane."""


def for_runs(deployed: str, decided: str | None) -> TenantSettings:
    """The settings of a tenant for its runs.

    Args:
        deployed: JSON of the row `{environment}#tenant`.
        decided: JSON of the row `{environment}#settings`, None where there is none.
    """
    settings: dict[str, Any] = json.loads(deployed)
    changes: dict[str, Any] = json.loads(decided) if decided else {}
    return TenantSettings.model_validate(settings | {name: changes[name] for name in SEEN if changes.get(name) is not None})
