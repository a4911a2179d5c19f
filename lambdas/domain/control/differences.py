"""Where two definitions differ, by path (contract: Change requests)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, cast

from pydantic import JsonValue

from kpis.common import Frozen
from kpis.hashing import canonical_json
from kpis.schema import Kpi

NOT_CONTENT = ("change_log", "status")


class Difference(Frozen):
    """One place that differs, such as `schedule.cron`; None where a side has nothing there."""

    path: str
    before: JsonValue = None
    after: JsonValue = None


def differences(before: Kpi | None, after: Kpi | None) -> tuple[Difference, ...]:
    """Where two definitions differ, by path; the change log and the lifecycle field are not content."""
    return tuple(_compared("", _content(before), _content(after)))


def _content(kpi: Kpi | None) -> Any:
    if kpi is None:
        return {}
    content = json.loads(canonical_json(kpi))
    return {name: value for name, value in content.items() if name not in NOT_CONTENT}


def _compared(path: str, before: Any, after: Any) -> Iterator[Difference]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        left, right = cast("dict[str, Any]", before), cast("dict[str, Any]", after)
        for name in sorted(left.keys() | right.keys()):
            yield from _compared(f"{path}.{name}" if path else name, left.get(name), right.get(name))
        return
    named = _by_id(before), _by_id(after)
    if named[0] is not None and named[1] is not None:
        left, right = named[0], named[1]
        for name in sorted(left.keys() | right.keys()):
            yield from _compared(f"{path}[{name}]", left.get(name), right.get(name))
        if left == right:
            yield Difference(path=f"{path} (order)", before=list(left), after=list(right))
        return
    yield Difference(path=path, before=cast("JsonValue", before), after=cast("JsonValue", after))


def _by_id(value: Any) -> dict[str, Any] | None:
    """A list of entries with ids (rules) by id, so that one changed rule is one difference."""
    if not isinstance(value, list):
        return None
    entries = cast("list[Any]", value)
    ids = [cast("dict[str, Any]", entry).get("id") for entry in entries if isinstance(entry, dict)]
    if len(ids) != len(entries) or None in ids or len(set(ids)) != len(ids):
        return None
    return dict(zip(cast("Iterable[str]", ids), entries, strict=True))
