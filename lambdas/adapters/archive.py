"""Firehose and SNS behind the log stream."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lambdas.adapters.aws import Clients

MAX_RECORDS = 500
MAX_BYTES = 3_500_000


class FirehoseArchive:
    """Puts rows as JSON lines into the delivery stream of their table."""

    def __init__(self, clients: Clients, prefix: str) -> None:
        self._clients = clients
        self._prefix = prefix

    def stream(self, table: str) -> str:
        """`kpi-local-log-run` for the table `log-run` (and for the table's physical name)."""
        return self._prefix + table.rsplit("log-", 1)[-1]

    def put(self, table: str, rows: Sequence[Mapping[str, Any]]) -> list[int]:
        """Put rows; answers the positions the stream refused."""
        lines = [json.dumps(row, separators=(",", ":"), default=str).encode() + b"\n" for row in rows]
        refused: list[int] = []
        for start, chunk in _chunks(lines):
            answer = self._clients("firehose").put_record_batch(
                DeliveryStreamName=self.stream(table), Records=[{"Data": line} for line in chunk]
            )
            if answer.get("FailedPutCount"):
                refused += [start + index for index, response in enumerate(answer["RequestResponses"]) if response.get("ErrorCode")]
        return refused


def _chunks(lines: Sequence[bytes]) -> list[tuple[int, list[bytes]]]:
    """Batches within Firehose's limits of 500 records and 4 MiB, with the position each starts at."""
    chunks: list[tuple[int, list[bytes]]] = []
    size = 0
    for position, line in enumerate(lines):
        if not chunks or len(chunks[-1][1]) == MAX_RECORDS or size + len(line) > MAX_BYTES:
            chunks.append((position, []))
            size = 0
        chunks[-1][1].append(line)
        size += len(line)
    return chunks


class TopicAlert:
    """Publishes to one SNS topic."""

    def __init__(self, clients: Clients, topic_arn: str) -> None:
        self._clients = clients
        self._topic_arn = topic_arn

    def send(self, subject: str, document: Mapping[str, Any]) -> None:
        self._clients("sns").publish(TopicArn=self._topic_arn, Subject=subject, Message=json.dumps(document))
