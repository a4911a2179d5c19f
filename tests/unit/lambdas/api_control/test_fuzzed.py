"""Whatever a caller sends, the answer is a success or a problem document; never a failure on our side, never a broken chain."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.lambdas.api_control import samples
from tests.unit.lambdas.api_control.service import ADA, BEN, CFO, OPS, Service
from tests.unit.lambdas.api_control.test_isolation import ALL, Operation

KNOWN = st.sampled_from(
    ["1.0.0", "2.0.0", "SKY-AD-01", "prod", "dev", "approve", "2026-01-05T18:00:00Z", "kpi.publish", "begin", "end", "", "0"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | KNOWN | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a document."""
    yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in members:
        yield from places(inner, (*path, name))


def put(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The document with another value, or without the place."""
    if not path:
        return value
    changed = deepcopy(document)
    inner = changed
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return changed


@st.composite
def calls(draw: st.DrawFn) -> tuple[Operation, Any, dict[str, str]]:
    operation = draw(st.sampled_from(ALL))
    body = samples.body(operation.name)
    for _ in range(draw(st.integers(0, 2))):
        if body is None:
            break
        body = put(body, draw(st.sampled_from(sorted(places(body), key=str))), draw(VALUES))
    names = st.sampled_from(
        ["environment", "limit", "cursor", "q", "change", "depth", "direction", "format", "against", "state", "since", "layer"]
    )
    query = samples.query(operation.name) | draw(st.dictionaries(names, KNOWN | st.text(max_size=12), max_size=2))
    return operation, body, query


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(calls(), st.sampled_from([ADA, BEN, CFO, OPS])), min_size=1, max_size=6))
def test_any_calls_get_answers(asked: list[tuple[tuple[Operation, Any, dict[str, str]], Any]]) -> None:
    service = Service()
    service.live()
    done = len(service.office.events)
    for (operation, body, query), who in asked:
        path = samples.path(operation.path, other="id-2")
        key = "" if operation.writes else None
        answer = service.send(operation.method, path, body, by=who, tenant="skyway", key=key, query=query)
        assert answer.status < 500, answer.text
        assert answer.headers["Content-Type"] == "application/problem+json" or answer.status < 300
        assert "Traceback" not in answer.text
        if operation.writes and answer.status < 300:
            done += len(answer.body["done"]) if operation.name == "bulk" else 1
    # One event of each action that was done, none of those refused, and the audit log tells them all.
    assert len(service.get("/audit", limit="200").body["items"]) == len(service.office.events) == done
    assert service.office.chain_holds()
