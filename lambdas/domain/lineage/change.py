"""A change somebody thinks of, before it is made (K25): what `impact?change=` may ask about."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from kpis.common import Frozen, Identifier, KpiId
from kpis.schema import Kpi, Schedule, Sla
from lambdas.domain.errors import ErrorCode, KpiError


class ChangeKind(StrEnum):
    """What would change."""

    DEFINITION = "definition"
    SOURCE = "source"
    SCHEDULE = "schedule"
    SLA = "sla"
    DEPRECATION = "deprecation"


class Change(Frozen):
    """One change: of a KPI, or of a golden data table (`source`) or one of its columns.

    `definition`, `schedule` and `sla` are what it would become; without, the report is about any such change.
    """

    kind: ChangeKind
    kpi_id: KpiId | None = None
    source: Identifier | None = None
    column: Identifier | None = None
    definition: Kpi | None = None
    schedule: Schedule | None = None
    sla: tuple[Sla, ...] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _about_one_thing(self) -> Self:
        if (self.kind is ChangeKind.SOURCE) != (self.source is not None):
            raise ValueError("source names the table of a source change, and of no other")
        if self.column is not None and self.source is None:
            raise ValueError("column names a column of source, which is not given")
        if self.kind is not ChangeKind.SOURCE and self.kpi_id is None:
            raise ValueError(f"a {self.kind} change is of a KPI; name it in kpi_id")
        if self.definition is not None and self.definition.id != self.kpi_id:
            raise ValueError(f"definition is of {self.definition.id}, not of {self.kpi_id}")
        return self

    @property
    def title(self) -> str:
        """The change in words, such as `a change of the schedule of CFO-EF-02`."""
        if self.kind is ChangeKind.DEPRECATION:
            return f"the deprecation of {self.kpi_id}"
        if self.kind is ChangeKind.SOURCE:
            return f"a change of column {self.column} of table {self.source}" if self.column else f"a change of table {self.source}"
        return f"a change of the {'SLA' if self.kind is ChangeKind.SLA else self.kind} of {self.kpi_id}"


_SOURCE = re.compile(r"source:(?P<source>[A-Za-z_]\w{0,62})(?:\.(?P<column>[A-Za-z_]\w{0,62}))?", re.ASCII)
_SCHEDULE = re.compile(r"schedule:(?P<cron>[0-9A-Za-z*,/ -]{9,100})", re.ASCII)
_FORMS = "definition, schedule, schedule:<cron>, sla, deprecation, source:<table> or source:<table>.<column>"


def parse_change(kpi: Kpi, text: str) -> Change:
    """The change that `?change=` names, about a KPI.

    Raises:
        KpiError: INVALID_INPUT when it has none of the forms, or names a table the KPI does not read.
    """
    if text in (ChangeKind.DEFINITION, ChangeKind.SCHEDULE, ChangeKind.SLA, ChangeKind.DEPRECATION):
        return Change(kind=ChangeKind(text), kpi_id=kpi.id)
    if match := _SCHEDULE.fullmatch(text):
        return Change(kind=ChangeKind.SCHEDULE, kpi_id=kpi.id, schedule=_rescheduled(kpi, match["cron"]))
    match = _SOURCE.fullmatch(text)
    if match is None:
        raise KpiError(ErrorCode.INVALID_INPUT, f"change is none of the known ones; write {_FORMS}")
    read = {ref.gdp for ref in kpi.gdp_sources}
    if match["source"] not in read:
        raise KpiError(
            ErrorCode.INVALID_INPUT,
            f"{kpi.id} does not read {match['source']}; it reads {', '.join(sorted(read)) or 'no table, only KPIs'}",
        )
    return Change(kind=ChangeKind.SOURCE, source=match["source"], column=match["column"])


def _rescheduled(kpi: Kpi, cron: str) -> Schedule:
    # It brings the checks of definitions along.
    from kpis.check_policy import cron_problem

    problem = cron_problem(cron)
    if problem is not None:
        raise KpiError(ErrorCode.INVALID_INPUT, f"schedule: {problem}")
    return Schedule.model_validate(kpi.schedule.model_dump() | {"cron": " ".join(cron.split())})
