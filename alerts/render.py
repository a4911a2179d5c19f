"""Renders alarm specifications from the dictionary's summary and the templates in `alerts/templates/`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import jinja2
from pydantic import TypeAdapter

from alerts.specs import AlarmSet, Late
from alerts.validate import AlarmError, problems
from kpis import metric_names
from kpis.common import Status
from kpis.schema import Frequency, Trigger
from kpis.summary import DictionaryRow, DictionarySummary
from kpis.templating import text_environment

TIER_0_LIMIT = 6
"""Tier-0 KPIs of one tenant that get an alarm of their own: each costs money every month and a resource of the tenant's stack."""
_TEMPLATES = Path(__file__).parent / "templates"
# A daily schedule may be late by its whole grace, so a day and two hours of silence are the earliest sign of a dead engine. CloudWatch
# looks back a week at most: silence between rarer runs is no sign of anything to it.
_SILENCE_HOURS = {Frequency.STREAMING: 2, Frequency.HOURLY: 3, Frequency.DAILY: 26, Frequency.WEEKLY: 168}


@dataclass(frozen=True)
class Scope:
    """What the alarms of one stack are about; `stem` begins every physical name."""

    stem: str
    platform: str
    console: str
    state_machine_arn: str
    tenant_id: str = ""
    environment: str = ""

    @property
    def change_machine_arn(self) -> str:
        """The state machine in which change requests wait."""
        return f"{self.state_machine_arn.removesuffix('-run')}-change"


def render_platform_alarms(summary: DictionarySummary, *, deployment: str, region: str, account_id: str) -> AlarmSet:
    """See `alerts.platform_alarms`.

    Raises:
        AlarmError: when a template gives an alarm that CloudWatch would refuse, that would never work, or whose runbook is dead.
    """
    stem = f"kpi-{deployment}"
    scope = Scope(stem, stem, console_url(region), f"arn:aws:states:{region}:{account_id}:stateMachine:{stem}-run")
    scheduled = scheduled_kpis(summary.rows)
    return _render("platform.json.j2", {"scope": scope, "silence_hours": silence_hours(scheduled), "scheduled": len(scheduled)})


def render_tenant_alarms(
    summary: DictionarySummary, *, tenant_id: str, environment: str, deployment: str, region: str, account_id: str
) -> AlarmSet:
    """See `alerts.tenant_alarms`.

    Raises:
        AlarmError: as `render_platform_alarms`.
    """
    platform = f"kpi-{deployment}"
    scope = Scope(
        stem=f"{platform}-{tenant_id}-{environment}",
        platform=platform,
        console=console_url(region),
        state_machine_arn=f"arn:aws:states:{region}:{account_id}:stateMachine:{platform}-run",
        tenant_id=tenant_id,
        environment=environment,
    )
    scheduled = [row for row in scheduled_kpis(summary.for_tenant(tenant_id)) if environment in row.environments]
    context = {
        "scope": scope,
        "tier_0": tier_0_kpis(summary, tenant_id, environment),
        "silence_hours": silence_hours(scheduled),
        "scheduled": len(scheduled),
    }
    return _render("tenant.json.j2", context, elsewhere=(f"{platform}-page",))


def tier_0_kpis(summary: DictionarySummary, tenant_id: str, environment: str) -> list[DictionaryRow]:
    """The tenant's active tier-0 KPIs, the most critical first, at most `TIER_0_LIMIT`."""
    rows = [
        row for row in summary.for_tenant(tenant_id) if row.tier == 0 and row.status is Status.ACTIVE and environment in row.environments
    ]
    return sorted(rows, key=lambda row: (-row.criticality.rank, row.id))[:TIER_0_LIMIT]


def scheduled_kpis(rows: Iterable[DictionaryRow]) -> list[DictionaryRow]:
    """Active KPIs that a clock starts."""
    return [row for row in rows if row.status is Status.ACTIVE and row.trigger is not Trigger.EVENT]


def silence_hours(scheduled: Iterable[DictionaryRow]) -> int | None:
    """Hours without a run after which the engine counts as dead, by the most frequent schedule; None when silence says nothing."""
    return min((_SILENCE_HOURS[row.frequency] for row in scheduled if row.frequency in _SILENCE_HOURS), default=None)


def console_url(region: str) -> str:
    """The CloudWatch console of a region."""
    return f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"


@cache
def _environment() -> jinja2.Environment:
    environment = text_environment(_TEMPLATES)
    filters = cast("dict[str, Any]", environment.filters)
    filters.update(clip=_clip, combine=_combine, tag=_tag)
    return environment


@cache
def _adapter() -> TypeAdapter[AlarmSet]:
    return TypeAdapter(AlarmSet)


def _clip(text: str, length: int) -> str:
    """CloudWatch cuts nothing, it refuses; the tail is what a reader can do without."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _tag(text: str) -> str:
    """AWS refuses most punctuation and more than 256 characters in the value of a tag; the description has the text as written."""
    return "".join(each if each.isalnum() or each in " _.:/=+-@" else "-" for each in text)[:256]


def _combine(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
    return {**left, **right}


def _render(template: str, context: dict[str, Any], elsewhere: Collection[str] = ()) -> AlarmSet:
    text = _environment().get_template(template).render(**context, metrics={"namespace": metric_names.NAMESPACE}, late=Late)
    alarms = _adapter().validate_json(text)
    found = problems(alarms, elsewhere=elsewhere)
    if found:
        listed = "\n".join(f"- {each}" for each in found)
        raise AlarmError(f"alarms of {context['scope'].stem} (alerts/templates/{template}) would be refused or would never work:\n{listed}")
    return alarms
