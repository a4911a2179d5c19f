"""Makes metrics of logs: embedded metric format, and the metric filters somebody defined.

The agent's own store gets each sample exactly once. The emulator's copy, which dashboards and the command line read, gets it at
most once: after a crash between the two it is a batch short rather than a batch double.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local.agent import log_filters
from local.agent.clients import Clients
from local.agent.emf import EmfError, samples_of
from local.agent.status import StatusFile
from local.agent.store import EventKey, Sample, Store

PREFIXES = ("/aws/lambda/kpi-", "/kpi/")
_DEFINITIONS_SECONDS = 5.0
_HOUSEKEEPING_SECONDS = 3600.0
# Events reach a log group up to this late: a batch is stamped when it is written, then sent.
_OVERLAP_MS = 30_000
_PAGE = 10_000
_PUT = 500


@dataclass(frozen=True)
class MetricFilter:
    """One transformation of a metric filter of a log group."""

    group: str
    pattern: str
    namespace: str
    metric: str
    value: str
    dimensions: tuple[tuple[str, str], ...]
    unit: str


class LogMetrics:
    """Follows the log groups of the product."""

    def __init__(self, clients: Clients, store: Store, status: StatusFile) -> None:
        self._clients = clients
        self._store = store
        self._status = status
        self._definitions: tuple[float, list[str], dict[str, list[MetricFilter]]] = (-_DEFINITIONS_SECONDS, [], {})
        self._housekept = 0.0

    def step(self) -> None:
        """Look at every group once."""
        groups, filters = self._known()
        for group in groups:
            self._follow(group, filters.get(group, []))
        if time.monotonic() - self._housekept > _HOUSEKEEPING_SECONDS:
            self._store.forget_old_samples(time.time())
            self._housekept = time.monotonic()

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def _known(self) -> tuple[list[str], dict[str, list[MetricFilter]]]:
        read_at, groups, filters = self._definitions
        if time.monotonic() - read_at >= _DEFINITIONS_SECONDS:
            logs = self._clients("logs")
            filters = self._filters(logs)
            pages = (page for prefix in PREFIXES for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix))
            groups = sorted({group["logGroupName"] for page in pages for group in page["logGroups"]} | set(filters))
            self._definitions = (time.monotonic(), groups, filters)
        return groups, filters

    def _filters(self, logs: Any) -> dict[str, list[MetricFilter]]:
        found: dict[str, list[MetricFilter]] = {}
        for page in logs.get_paginator("describe_metric_filters").paginate():
            for definition in page["metricFilters"]:
                for each in transformations(definition):
                    try:
                        log_filters.matcher(each.pattern)
                    except log_filters.UnsupportedPatternError as error:
                        self._status.error(f"metrics: metric filter {definition['filterName']}: {error}")
                        continue
                    found.setdefault(each.group, []).append(each)
        return found

    def _follow(self, group: str, filters: list[MetricFilter]) -> None:
        watermark = self._store.watermark(group)
        since = max(0, watermark - _OVERLAP_MS)
        try:
            events = list(self._events(group, since))
        except self._clients("logs").exceptions.ResourceNotFoundException:
            return
        newest = max((event["timestamp"] for event in events), default=watermark)
        if not events or (newest == watermark and not self._fresh(group, events)):
            return
        done = self._store.known_events(group)
        keys = list(_keys(events))
        fresh = [(key, event) for key, event in zip(keys, events, strict=True) if key not in done]
        samples = [sample for _, event in fresh for sample in self._samples(event, filters)]
        self._store.record_events(group, [key for key, _ in fresh], samples, newest, newest - _OVERLAP_MS)
        self._put(samples)
        self._status.add(metrics_forwarded=len(samples))

    def _fresh(self, group: str, events: list[Mapping[str, Any]]) -> bool:
        done = self._store.known_events(group)
        return any(key not in done for key in _keys(events))

    def _events(self, group: str, since: int) -> Iterator[Mapping[str, Any]]:
        """Everything of a group since a moment, oldest first. The emulator gives no token, so a full page is continued by time."""
        while True:
            page: list[Mapping[str, Any]] = self._clients("logs").filter_log_events(logGroupName=group, startTime=since, limit=_PAGE)[
                "events"
            ]
            if len(page) < _PAGE or page[0]["timestamp"] == page[-1]["timestamp"]:
                yield from page
                return
            last = page[-1]["timestamp"]
            yield from (event for event in page if event["timestamp"] < last)
            since = last

    def _samples(self, event: Mapping[str, Any], filters: Iterable[MetricFilter]) -> Iterator[Sample]:
        message: str = event["message"]
        try:
            yield from samples_of(message)
        except EmfError as error:
            self._status.add(emf_rejected=1)
            self._status.error(f"metrics: {error}")
        for each in filters:
            sample = filtered(each, message, event["timestamp"] / 1000)
            if sample is not None:
                yield sample

    def _put(self, samples: list[Sample]) -> None:
        by_namespace: dict[str, list[dict[str, Any]]] = {}
        for sample in samples:
            by_namespace.setdefault(sample.namespace, []).append(_datum(sample))
        for namespace, data in by_namespace.items():
            for start in range(0, len(data), _PUT):
                self._clients("cloudwatch").put_metric_data(Namespace=namespace, MetricData=data[start : start + _PUT])


def transformations(definition: Mapping[str, Any]) -> Iterator[MetricFilter]:
    """The transformations of a metric filter as `DescribeMetricFilters` writes it."""
    for each in definition["metricTransformations"]:
        yield MetricFilter(
            group=definition["logGroupName"],
            pattern=definition.get("filterPattern", ""),
            namespace=each["metricNamespace"],
            metric=each["metricName"],
            value=str(each["metricValue"]),
            dimensions=tuple(sorted(each.get("dimensions", {}).items())),
            unit=each.get("unit", "None"),
        )


def filtered(definition: MetricFilter, message: str, timestamp: float) -> Sample | None:
    """The sample a metric filter makes of a message, or None when it does not match or the value is no number."""
    if not log_filters.matcher(definition.pattern)(message):
        return None
    value = log_filters.field(message, definition.value) if definition.value.startswith("$") else definition.value
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    dimensions = {name: log_filters.field(message, selector) for name, selector in definition.dimensions}
    if any(found is None for found in dimensions.values()):
        return None
    texts = tuple(sorted((name, str(found)) for name, found in dimensions.items()))
    return Sample(definition.namespace, definition.metric, texts, timestamp, number, 1.0, definition.unit)


def _keys(events: Iterable[Mapping[str, Any]]) -> Iterator[EventKey]:
    """An identity for each event: events of one stream and millisecond keep their order."""
    seen: Counter[tuple[str, int]] = Counter()
    for event in events:
        place = (event["logStreamName"], event["timestamp"])
        yield EventKey(*place, seen[place])
        seen[place] += 1


def _datum(sample: Sample) -> dict[str, Any]:
    return {
        "MetricName": sample.metric,
        "Dimensions": [{"Name": name, "Value": value} for name, value in sample.dimensions],
        "Timestamp": sample.timestamp,
        "Values": [sample.value],
        "Counts": [sample.samples],
        "Unit": sample.unit,
    }
