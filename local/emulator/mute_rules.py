"""Alarm mute rules, which the pinned emulator does not have: PutAlarmMuteRule, GetAlarmMuteRule, ListAlarmMuteRules, DeleteAlarmMuteRule.

Source: the CloudWatch API reference. Rules are kept with the emulator's other CloudWatch state and can be tagged like alarms. As in AWS a
rule changes no alarm; whoever acts on alarms (the agent) asks which rules are active. Like `amend`, this runs with the emulator's own
Python; it answers the two protocols of today's SDKs (CBOR and JSON), not the old form-encoded one.
"""

from __future__ import annotations

import importlib
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

MAX_ALARMS = 100
_KEY = "alarm_mute_rules"
_ARN = "alarm-mute-rule:"
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d)\)")
_CRON = re.compile(r"cron\(([^()]+)\)")
_DURATION = re.compile(r"P(?=.)(?:(?P<days>\d+)D)?(?:T(?=.)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?)?")
_SHORTEST, _LONGEST = timedelta(minutes=1), timedelta(days=15)
_NAMES = {
    name: number
    for names, first in (("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC", 1), ("SUN MON TUE WED THU FRI SAT", 0))
    for number, name in enumerate(names.split(), start=first)
}
_FIELDS = 5


class RefusedError(Exception):
    """A request that CloudWatch would refuse: its error code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def amend_mute_rules(cloudwatch: Any) -> None:
    """Add the four operations, their state and their tags to the emulator's CloudWatch."""
    rules = importlib.import_module("ministack.core.responses").AccountRegionScopedDict()
    keep_state(cloudwatch, rules)
    keep_tags(cloudwatch, rules)
    answers = MuteRules(cloudwatch, rules)
    handle = cloudwatch.handle_request

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        operation = operation_of(path, headers)
        answer = answers.operations.get(operation)
        if answer is None:
            return await handle(method, path, headers, body, query_params)
        cbor = "cbor" in headers.get("content-type", "") or "cbor" in headers.get("smithy-protocol", "")
        codec = importlib.import_module("cbor2" if cbor else "json")
        try:
            given = answer(codec.loads(body) if body else {})
        except RefusedError as error:
            return cloudwatch._error(error.code, str(error), 400, use_json=not cbor, use_cbor=cbor)  # noqa: SLF001
        return cloudwatch._cbor_ok(moments(cloudwatch, given)) if cbor else cloudwatch._json_ok(given)  # noqa: SLF001

    cloudwatch.handle_request = handle_request


def operation_of(path: str, headers: Any) -> str:
    """The operation that a request names by its target header (JSON) or its path (CBOR)."""
    target: str = headers.get("x-amz-target", "")
    return target.rpartition(".")[2] or path.rpartition("/operation/")[2]


def keep_state(cloudwatch: Any, rules: Any) -> None:
    """Rules are part of the service's state: written, read again and reset with it."""
    get_state, restore, reset = cloudwatch.get_state, cloudwatch._restore_state, cloudwatch.reset  # noqa: SLF001

    def with_rules() -> Any:
        return {**get_state(), _KEY: cloudwatch.copy.deepcopy(rules)}

    def restored(data: Any) -> None:
        restore(data)
        rules.update((data or {}).get(_KEY, {}))

    def emptied() -> None:
        reset()
        rules.clear()

    cloudwatch.get_state, cloudwatch._restore_state, cloudwatch.reset = with_rules, restored, emptied  # noqa: SLF001


def keep_tags(cloudwatch: Any, rules: Any) -> None:
    """Let rules be tagged: the emulator knows alarms only."""
    validate = cloudwatch._validate_alarm_tag_arn  # noqa: SLF001

    def known(arn: str, **named: Any) -> Any:
        return None if any(rule["AlarmMuteRuleArn"] == arn for rule in rules.values()) else validate(arn, **named)

    cloudwatch._validate_alarm_tag_arn = known  # noqa: SLF001


def moments(cloudwatch: Any, document: dict[str, Any]) -> dict[str, Any]:
    """An answer whose moments are marked as CBOR wants them, in its summaries too."""
    marked = dict(document)
    for key, value in document.items():
        if key.endswith(("Date", "Timestamp")):
            marked[key] = cloudwatch._cbor_timestamp(value)  # noqa: SLF001
        elif key == "AlarmMuteRuleSummaries":
            marked[key] = [moments(cloudwatch, each) for each in value]
    return marked


class MuteRules:
    """The operations over the rules of the caller's account and region."""

    def __init__(self, cloudwatch: Any, rules: Any, now: Callable[[], float] = time.time) -> None:
        self._cloudwatch = cloudwatch
        self._rules = rules
        self._now = now
        self.operations: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "PutAlarmMuteRule": self.put,
            "GetAlarmMuteRule": self.get,
            "ListAlarmMuteRules": self.list,
            "DeleteAlarmMuteRule": self.delete,
        }

    def put(self, request: dict[str, Any]) -> dict[str, Any]:
        """Create or replace a rule; tags are stored on create only."""
        name: str = request.get("Name") or ""
        if not 1 <= len(name) <= 255:  # noqa: PLR2004
            raise RefusedError("ValidationError", "Name must have 1 to 255 characters")
        rule: dict[str, Any] = request.get("Rule") or {}
        schedule: dict[str, Any] = rule.get("Schedule") or {}
        check_schedule(schedule)
        muted: dict[str, Any] = request.get("MuteTargets") or {}
        targets: list[str] = muted.get("AlarmNames") or []
        self._check_targets(targets)
        once = _AT.fullmatch(schedule["Expression"]) is not None
        arn = self._arn(name)
        if name not in self._rules and request.get("Tags"):
            self._cloudwatch._resource_tags[arn] = {each["Key"]: each["Value"] for each in request["Tags"]}  # noqa: SLF001
        self._rules[name] = {
            "Name": name,
            "AlarmMuteRuleArn": arn,
            "Description": request.get("Description"),
            "Rule": {"Schedule": {**schedule, "Timezone": schedule.get("Timezone") or "UTC"}},
            "MuteTargets": {"AlarmNames": targets},
            "StartDate": self._cloudwatch._parse_ts(request.get("StartDate")),  # noqa: SLF001
            "ExpireDate": self._cloudwatch._parse_ts(request.get("ExpireDate")),  # noqa: SLF001
            "LastUpdatedTimestamp": self._now(),
            "MuteType": "ONE_TIME" if once else "RECURRING",
        }
        return {}

    def get(self, request: dict[str, Any]) -> dict[str, Any]:
        """A rule and its status."""
        name = request.get("AlarmMuteRuleName")
        rule = self._rules.get(name)
        if rule is None:
            raise RefusedError("ResourceNotFoundException", f"Alarm mute rule {name} does not exist")
        return self._told(rule)

    def list(self, request: dict[str, Any]) -> dict[str, Any]:
        """Summaries of rules, by name, a page at a time; by alarm and by status where asked."""
        told = [self._told(rule) for _, rule in sorted(self._rules.items())]
        alarm, statuses = request.get("AlarmName"), request.get("Statuses")
        told = [
            rule
            for rule in told
            if (not alarm or alarm in rule["MuteTargets"]["AlarmNames"]) and (not statuses or rule["Status"] in statuses)
        ]
        size, start = int(request.get("MaxRecords") or 100), int(request.get("NextToken") or 0)
        keys = ("AlarmMuteRuleArn", "ExpireDate", "Status", "MuteType", "LastUpdatedTimestamp")
        page = [{key: rule[key] for key in keys if rule.get(key) is not None} for rule in told[start : start + size]]
        return {"AlarmMuteRuleSummaries": page, **({"NextToken": str(start + size)} if start + size < len(told) else {})}

    def delete(self, request: dict[str, Any]) -> dict[str, Any]:
        """Remove a rule; one that is not there is what was wanted."""
        name: str = request.get("AlarmMuteRuleName") or ""
        if name in self._rules:
            del self._rules[name]
            self._cloudwatch._resource_tags.pop(self._arn(name), None)  # noqa: SLF001
        return {}

    def _told(self, rule: dict[str, Any]) -> dict[str, Any]:
        return {**{key: value for key, value in rule.items() if value is not None}, "Status": status(rule, self._now())}

    def _check_targets(self, names: list[str]) -> None:
        if len(names) > MAX_ALARMS:
            raise RefusedError("ValidationError", f"MuteTargets has {len(names)} alarm names; at most {MAX_ALARMS} are allowed")
        cloudwatch = self._cloudwatch
        missing = [name for name in names if name not in cloudwatch._alarms and name not in cloudwatch._composite_alarms]  # noqa: SLF001
        if missing:
            raise RefusedError("ValidationError", f"alarms [{', '.join(missing)}] of MuteTargets do not exist")

    def _arn(self, name: str) -> str:
        return f"arn:aws:cloudwatch:{self._cloudwatch.get_region()}:{self._cloudwatch.get_account_id()}:{_ARN}{name}"


def check_schedule(schedule: dict[str, Any]) -> None:
    """Refuse what is no schedule, no duration or no time zone."""
    expression: str = schedule.get("Expression") or ""
    cron = _CRON.fullmatch(expression)
    if not _AT.fullmatch(expression) and (cron is None or len(cron[1].split()) != _FIELDS):
        raise RefusedError("ValidationError", f"Expression '{expression}' is neither cron(five fields) nor at(yyyy-MM-ddThh:mm)")
    if length(schedule) is None:
        raise RefusedError("ValidationError", f"Duration '{schedule.get('Duration')}' is not between PT1M and P15D")
    try:
        ZoneInfo(schedule.get("Timezone") or "UTC")
    except (KeyError, ValueError) as error:
        raise RefusedError("ValidationError", f"Timezone '{schedule.get('Timezone')}' is unknown") from error


def length(schedule: dict[str, Any]) -> timedelta | None:
    """How long a window lasts; None when that is nothing CloudWatch takes."""
    match = _DURATION.fullmatch(schedule.get("Duration") or "")
    if match is None:
        return None
    found = timedelta(**{unit: int(count) for unit, count in match.groupdict().items() if count})
    return found if _SHORTEST <= found <= _LONGEST else None


def status(rule: dict[str, Any], now: float) -> str:
    """SCHEDULED, ACTIVE or EXPIRED at a moment (epoch seconds)."""
    schedule = rule["Rule"]["Schedule"]
    lasts = length(schedule) or _SHORTEST
    once = _AT.fullmatch(schedule["Expression"])
    if rule["ExpireDate"] is not None and now >= rule["ExpireDate"]:
        return "EXPIRED"
    if once:
        start = datetime.fromisoformat(once[1]).replace(tzinfo=ZoneInfo(schedule["Timezone"])).timestamp()
        if now >= start + lasts.total_seconds():
            return "EXPIRED"
        return "ACTIVE" if now >= start else "SCHEDULED"
    earliest = rule["StartDate"] or 0.0
    return "ACTIVE" if any(start >= earliest for start in recent_starts(schedule, lasts, now)) else "SCHEDULED"


def recent_starts(schedule: dict[str, Any], lasts: timedelta, now: float) -> Iterator[float]:
    """The starts of a recurring window that has not ended yet, latest first: every minute of the last `lasts` that its cron names."""
    zone = ZoneInfo(schedule["Timezone"])
    match = _CRON.fullmatch(schedule["Expression"])
    fields = match[1].split() if match else []
    this_minute = datetime.fromtimestamp(now - now % 60, UTC)
    for back in range(int(lasts.total_seconds() // 60) + 1):
        moment = this_minute - timedelta(minutes=back)
        local = moment.astimezone(zone)
        values = (local.minute, local.hour, local.day, local.month, local.isoweekday() % 7)
        if now < moment.timestamp() + lasts.total_seconds() and all(map(covers, fields, values)):
            yield moment.timestamp()


def covers(field: str, value: int) -> bool:
    """Whether a cron field names a value."""
    for part in field.upper().split(","):
        if part == "*":
            return True
        first, _, last = part.partition("-")
        low = _NAMES[first] if first in _NAMES else int(first)
        high = low if not last else _NAMES[last] if last in _NAMES else int(last)
        if low <= value <= high:
            return True
    return False
