"""Names of state machine executions: the same cause gives the same name, and Step Functions refuses to run a name twice."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

MAX_LENGTH = 80
_DIGEST = 16


def execution_name(kind: str, tenant_id: str, kpi_id: str, cause: Any) -> str:
    """`{kind}-{tenant}-{kpi}-{digest of the cause}`, at most 80 characters; `cause` is any JSON value."""
    digest = hashlib.sha256(json.dumps(cause, sort_keys=True, default=str).encode()).hexdigest()[:_DIGEST]
    stem = re.sub(r"[^A-Za-z0-9_-]", "-", f"{kind}-{tenant_id}-{kpi_id}")
    return f"{stem[: MAX_LENGTH - _DIGEST - 1]}-{digest}"
