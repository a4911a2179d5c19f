"""The identity of a definition: canonical JSON and its SHA-256."""

from __future__ import annotations

import hashlib
import json

from pydantic import BaseModel


def canonical_json(entry: BaseModel) -> str:
    """The entry as JSON with sorted keys, no whitespace and no absent fields: equal meaning gives equal text."""
    content = entry.model_dump(mode="json", by_alias=True, exclude_none=True)
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def definition_hash(entry: BaseModel) -> str:
    """SHA-256 (64 hex digits) of the entry's canonical JSON."""
    return hashlib.sha256(canonical_json(entry).encode()).hexdigest()
