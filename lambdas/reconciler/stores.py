"""The catalog table, the schedules and the bundle, as the reconciler uses them. Bounded concurrency: one pool for each call."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from boto3.dynamodb.conditions import Key

from kpis.bundle import read_bundle
from kpis.schema import Dictionary
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.registry import KpiChange, Schedule
from lambdas.reconciler.model import BundleRef

WORKERS = 8
TRANSACTION_ACTIONS = 100


def each(work: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """Apply `work` to all items, at most WORKERS at once; the first error ends it."""
    if not items:
        return []
    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(work, items))


def fetch_dictionary(s3: Any, bundle: BundleRef) -> Dictionary:
    """Read a bundle and check its digest.

    Raises:
        KpiError: CONFLICT when its bytes are not what the caller meant.
    """
    content: bytes = s3.get_object(Bucket=bundle.bucket, Key=bundle.key)["Body"].read()
    found = hashlib.sha256(content).hexdigest()
    if found != bundle.sha256:
        raise KpiError(ErrorCode.CONFLICT, f"bundle {bundle.key} has digest {found[:12]}, expected {bundle.sha256[:12]}: deploy again")
    return read_bundle(content)


@dataclass(frozen=True)
class CatalogTable:
    """Rows of one catalog table."""

    table: Any

    def rows(self, tenant_id: str, environment: str) -> dict[str, dict[str, Any]]:
        """All rows of a tenant in an environment, by sort key."""
        found: dict[str, dict[str, Any]] = {}
        arguments: dict[str, Any] = {"KeyConditionExpression": Key("pk").eq(tenant_id) & Key("sk").begins_with(f"{environment}#")}
        while True:
            page = self.table.query(**arguments)
            found |= {row["sk"]: row for row in page["Items"]}
            if "LastEvaluatedKey" not in page:
                return found
            arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def settings(self, tenant_id: str, environment: str) -> dict[str, Any] | None:
        """A tenant's registered settings."""
        item = self.table.get_item(Key={"pk": tenant_id, "sk": f"{environment}#tenant"}).get("Item")
        return json.loads(item["settings"]) if item else None

    def register(self, tenant_id: str, environment: str, settings: Mapping[str, Any], now: str) -> None:
        """Write a tenant's settings."""
        document = json.dumps(dict(settings), sort_keys=True)
        self.table.put_item(Item={"pk": tenant_id, "sk": f"{environment}#tenant", "settings": document, "updated_at": now})

    def apply(self, tenant_id: str, changes: Sequence[KpiChange], bundle: str, now: str) -> None:
        """Write changes, each KPI in one transaction."""
        each(lambda change: self._apply_one(tenant_id, change, bundle, now), changes)

    def _apply_one(self, tenant_id: str, change: KpiChange, bundle: str, now: str) -> None:
        client, name = self.table.meta.client, self.table.name
        stamp = {"bundle": bundle, "updated_at": now}
        actions: list[dict[str, Any]] = [
            {"Put": {"TableName": name, "Item": {"pk": tenant_id, "sk": key, **row, **stamp}}} for key, row in change.put.items()
        ]
        actions += [{"Delete": {"TableName": name, "Key": {"pk": tenant_id, "sk": key}}} for key in change.remove]
        if len(actions) == 1 and "Put" in actions[0]:
            self.table.put_item(Item=actions[0]["Put"]["Item"])
            return
        for start in range(0, len(actions), TRANSACTION_ACTIONS):
            client.transact_write_items(TransactItems=actions[start : start + TRANSACTION_ACTIONS])

    def remember_schedules(self, tenant_id: str, environment: str, schedules: Iterable[Schedule]) -> None:
        """Note on the active rows what was scheduled, so that the next pass need not ask for every schedule."""

        def note(schedule: Schedule) -> None:
            self.table.update_item(
                Key={"pk": tenant_id, "sk": f"{environment}#active#{schedule.name}"},
                UpdateExpression="SET schedule_hash = :digest",
                ExpressionAttributeValues={":digest": schedule.digest},
            )

        each(note, list(schedules))


@dataclass(frozen=True)
class Schedules:
    """EventBridge schedules of one group, aimed at the state machine."""

    client: Any
    group: str
    state_machine_arn: str
    role_arn: str

    def names(self) -> list[str]:
        """Names of all schedules in the group; empty when the group does not exist."""
        found: list[str] = []
        arguments: dict[str, Any] = {"GroupName": self.group, "MaxResults": 100}
        while True:
            try:
                page = self.client.list_schedules(**arguments)
            except self.client.exceptions.ResourceNotFoundException:
                return found
            found += [schedule["Name"] for schedule in page["Schedules"]]
            if not page.get("NextToken"):
                return found
            arguments["NextToken"] = page["NextToken"]

    def digests(self, names: Sequence[str]) -> dict[str, str | None]:
        """What each schedule really is; None when it is not of our form."""
        return dict(each(self._digest, list(names)))

    def _digest(self, name: str) -> tuple[str, str | None]:
        found = self.client.get_schedule(GroupName=self.group, Name=name)
        target = found["Target"]
        if target.get("Arn") != self.state_machine_arn or found.get("State", "ENABLED") != "ENABLED":
            return name, None
        zone = found.get("ScheduleExpressionTimezone") or "UTC"
        return name, Schedule(name, found["ScheduleExpression"], zone, target.get("Input", "")).digest

    def create(self, schedules: Sequence[Schedule]) -> None:
        """Make schedules."""
        each(lambda schedule: self.client.create_schedule(**self._request(schedule)), list(schedules))

    def update(self, schedules: Sequence[Schedule]) -> None:
        """Replace schedules."""
        each(lambda schedule: self.client.update_schedule(**self._request(schedule)), list(schedules))

    def remove(self, names: Sequence[str]) -> None:
        """Delete schedules."""
        each(lambda name: self.client.delete_schedule(GroupName=self.group, Name=name), list(names))

    def _request(self, schedule: Schedule) -> dict[str, Any]:
        return {
            "Name": schedule.name,
            "GroupName": self.group,
            "ScheduleExpression": schedule.expression,
            "ScheduleExpressionTimezone": schedule.timezone,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "State": "ENABLED",
            "Target": {
                "Arn": self.state_machine_arn,
                "RoleArn": self.role_arn,
                "Input": schedule.payload,
                "RetryPolicy": {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 5},
            },
        }
