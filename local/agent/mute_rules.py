"""The mute rules of the embedded system, as boto3 lists them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from alerts.simulator import MuteWindow, UnsupportedError
from alerts.simulator.mute import rule_windows
from alerts.specs import MuteRule
from local.agent.clients import Clients

log = logging.getLogger("kpi.agent.mute_rules")
_RETRY_SECONDS = 60.0
"""How long an endpoint without mute rules is not asked again."""


class MuteRules:
    """Which alarms are muted; each rule is read again only after it was changed."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._known: dict[tuple[str, str], MuteRule] = {}
        self._ask_again_at = 0.0

    def open_windows(self, now: float) -> tuple[MuteWindow, ...]:
        """The mute windows that are open now (seconds since the epoch). None where the endpoint has no mute rules."""
        if now < self._ask_again_at:
            return ()
        try:
            rules = list(self._rules())
        except (ClientError, BotoCoreError) as error:
            log.info("mute rules cannot be listed, so nothing is muted: %s", error)
            self._ask_again_at = now + _RETRY_SECONDS
            return ()
        return tuple(window for rule in rules for window in _open(rule, now))

    def _rules(self) -> Iterator[MuteRule]:
        found: dict[tuple[str, str], MuteRule] = {}
        for summary in self._summaries():
            arn = str(summary["AlarmMuteRuleArn"])
            key = (arn, str(summary.get("LastUpdatedTimestamp")))
            if key not in self._known:
                name = arn.rpartition(":alarm-mute-rule:")[2]
                found[key] = mute_rule_of(self._clients("cloudwatch").get_alarm_mute_rule(AlarmMuteRuleName=name))
            else:
                found[key] = self._known[key]
        self._known = found
        yield from found.values()

    def _summaries(self) -> Iterator[Mapping[str, Any]]:
        more: dict[str, str] = {}
        while True:
            page = self._clients("cloudwatch").list_alarm_mute_rules(**more)
            yield from page.get("AlarmMuteRuleSummaries", ())
            if not page.get("NextToken"):
                return
            more = {"NextToken": page["NextToken"]}


def mute_rule_of(answer: Mapping[str, Any]) -> MuteRule:
    """The rule in an answer of GetAlarmMuteRule."""
    schedule = answer["Rule"]["Schedule"]
    return MuteRule(
        key=answer["Name"],
        name=answer["Name"],
        description=answer.get("Description", ""),
        expression=schedule["Expression"],
        duration=schedule["Duration"],
        timezone=schedule.get("Timezone") or "UTC",
        alarms=tuple(answer.get("MuteTargets", {}).get("AlarmNames", ())),
        starts=_text(answer.get("StartDate")),
        expires=_text(answer.get("ExpireDate")),
    )


def _open(rule: MuteRule, now: float) -> tuple[MuteWindow, ...]:
    try:
        return tuple(window for window in rule_windows(rule, now, now + 1) if window.start <= now < window.end)
    except UnsupportedError as error:
        log.warning("%s", error)
        return ()


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
