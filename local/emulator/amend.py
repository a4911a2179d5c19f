"""Mends what the pinned emulator leaves out and the product relies on; runs inside the emulator, with the emulator's own Python.

Its internals are private, so each mend names what it replaces; its version is pinned, and tests against the running stack notice
when a new one needs none of them.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from datetime import date, time
from decimal import Decimal
from typing import Any

OK = 200


def amend() -> None:
    """Apply every mend."""
    publish_for_cloudwatch(importlib.import_module("ministack.services.eventbridge"))
    stream_partiql(importlib.import_module("ministack.services.dynamodb"))
    resume_streams(importlib.import_module("ministack.services.lambda_svc"))
    keep_moments(importlib.import_module("ministack.core.persistence"))
    # Its neighbour: this file runs as part of a script.
    importlib.import_module("mute_rules").amend_mute_rules(importlib.import_module("ministack.services.cloudwatch"))
    fetch_by_tls(importlib.import_module("ministack.services.s3"), importlib.import_module("ministack.core.iam_evaluator"))


def publish_for_cloudwatch(eventbridge: Any) -> None:
    """Let the agent publish alarm changes as `aws.cloudwatch`: it evaluates the alarms here, and AWS refuses that source to clients."""
    put_events = eventbridge._put_events  # noqa: SLF001

    def put(data: Any, allow_aws_source: bool = False) -> Any:
        entries = data.get("Entries", [])
        ours = bool(entries) and all(entry.get("Source") == "aws.cloudwatch" for entry in entries)
        return put_events(data, allow_aws_source=allow_aws_source or ours)

    eventbridge._put_events = put  # noqa: SLF001


def resume_streams(lambdas: Any) -> None:
    """After a restart, read streams from their beginning: their records are not kept, so a kept position lies beyond all new ones."""
    restore = lambdas._restore_esm_positions  # noqa: SLF001

    def restored(store: Any, positions: Any) -> None:
        restore(store, positions)
        if store is lambdas._dynamodb_stream_positions:  # noqa: SLF001
            for key in list(store._data):  # noqa: SLF001
                store._data[key] = 0  # noqa: SLF001

    lambdas._restore_esm_positions = restored  # noqa: SLF001


def keep_moments(persistence: Any) -> None:
    """Write moments among the kept state (rows of Athena queries have them) as text, instead of keeping nothing of that service."""
    default = persistence._json_default  # noqa: SLF001

    def with_moments(value: Any) -> Any:
        return str(value) if isinstance(value, date | time | Decimal) else default(value)

    persistence._json_default = with_moments  # noqa: SLF001


def fetch_by_tls(s3: Any, evaluator: Any) -> None:
    """CloudFront signs its requests to a bucket and sends them by TLS, however the viewer came; so bucket policies must see it."""
    allows = s3._cloudfront_origin_allows  # noqa: SLF001
    origin = evaluator._request_origin  # noqa: SLF001

    def allows_by_tls(*arguments: Any, **named: Any) -> Any:
        address, _secure = origin.get()
        token = origin.set((address, True))
        try:
            return allows(*arguments, **named)
        finally:
            origin.reset(token)

    s3._cloudfront_origin_allows = allows_by_tls  # noqa: SLF001


def stream_partiql(dynamodb: Any) -> None:
    """Write stream records for PartiQL statements, as DynamoDB Streams does; a transaction's only when it goes through."""
    pending = threading.local()

    def emit(change: tuple[Any, ...]) -> None:
        held: list[tuple[Any, ...]] | None = getattr(pending, "changes", None)
        if held is None:
            dynamodb._emit_stream_event(*change)  # noqa: SLF001
        else:
            held.append(change)

    def streamed(event: str, run: Callable[..., Any]) -> Callable[..., Any]:
        def statement(table: Any, parsed: Any, *rest: Any) -> Any:
            key = _key(dynamodb, table, parsed)
            before = _item(table, key)
            answer = run(table, parsed, *rest)
            after = _item(table, key)
            if answer[0] == OK and before is not after and (before is not None or after is not None):
                emit((table["TableName"], event, before, after))
            return answer

        return statement

    def transaction(data: Any) -> Any:
        pending.changes = []
        try:
            answer = execute_transaction(data)
        finally:
            changes: list[tuple[Any, ...]] = pending.changes
            pending.changes = None
        if answer[0] == OK:
            for change in changes:
                emit(change)
        return answer

    execute_transaction = dynamodb._execute_transaction  # noqa: SLF001
    dynamodb._execute_transaction = transaction  # noqa: SLF001
    for event, name in (("INSERT", "_partiql_insert"), ("MODIFY", "_partiql_update"), ("REMOVE", "_partiql_delete")):
        setattr(dynamodb, name, streamed(event, getattr(dynamodb, name)))


def _key(dynamodb: Any, table: Any, parsed: Any) -> tuple[Any, Any] | None:
    """Partition and sort key of the row a statement is about; None when the statement does not name one."""
    if parsed.get("op") != "INSERT":
        partition, sort, _condition, error = dynamodb._partiql_key_target(table, parsed)  # noqa: SLF001
        return None if error else (partition, sort)
    item: dict[str, Any] = parsed.get("item") or {}
    if set(item) == {"M"}:
        item = item["M"]
    read = dynamodb._extract_key_val  # noqa: SLF001
    return read(item.get(table["pk_name"])), read(item.get(table["sk_name"])) if table["sk_name"] else "__no_sort__"


def _item(table: Any, key: tuple[Any, Any] | None) -> Any:
    return None if key is None else table["items"].get(key[0], {}).get(key[1])
