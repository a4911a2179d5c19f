"""The mapping file of a metric list: which column is which field, written by whoever knows the list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self, cast

from pydantic import Field, ValidationError, model_validator

from kpis.common import Frozen, Name
from kpis.diagnostics import Diagnostic
from kpis.exchange.cells import CellKind
from kpis.exchange.draft import model_texts
from kpis.exchange.trees import Document
from kpis.schema import Kpi, Signal, Source

OWN_TARGETS = {
    "source": "ids of golden data tables, one or a list; which of their columns are read follows from the SQL",
    "inputs": "upstream KPIs, a list of alias=ID",
}
_LISTS = frozenset({"tenants", "environments", "source", "inputs"})
_NUMBERS = frozenset({"verdict.adequate", "verdict.low", "slo.objective"})
_INTEGERS = frozenset({"tier"})
_JSON = frozenset(
    {
        "sources",
        "expression",
        "expression.weights",
        "extensions",
        "pre_validation",
        "post_validation",
        "sla",
        "alerts",
        "reports",
        "consumers",
        "change_log",
    }
)


class ColumnRule(Frozen):
    """How one column becomes one field. `values` translates cells (after trimming), `default` stands for an empty cell."""

    column: str = Field(min_length=1)
    values: dict[str, str] | None = None
    separator: str | None = None
    default: str | None = None
    type: CellKind | None = None
    decimal: str = Field(default=".", pattern=r"^[.,]$")


class MetricListMapping(Frozen):
    """A mapping file.

    Attributes:
        columns: field of the dictionary, with dots (`verdict.adequate`) <- column.
        carry: columns appended to the purpose as text.
        drop: columns left out, each with the reason that the report gives.
        defaults: fields of the pack's defaults.
        sources: golden data tables the KPIs read, as the packs write them.
        signals: signals the schedules name, as the packs write them.
        encoding: of CSV files; UTF-8 and UTF-16 with a byte order mark are found without it.
        delimiter: of CSV files.
    """

    name: Name | None = None
    description: str | None = None
    columns: dict[str, ColumnRule] = Field(min_length=1)
    carry: tuple[str, ...] = ()
    drop: dict[str, str] = Field(default_factory=dict[str, str])
    defaults: dict[str, object] = Field(default_factory=dict[str, object])
    sources: tuple[Source, ...] = ()
    signals: tuple[Signal, ...] = ()
    encoding: str = "utf-8"
    delimiter: str = Field(default=",", min_length=1, max_length=1)

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        """`name: Metric` stands for `name: {column: Metric}`."""
        fields = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
        written = fields.get("columns")
        if not isinstance(written, dict):
            return cast("Any", value)
        rules = cast("dict[str, Any]", written)
        columns = {target: {"column": rule} if isinstance(rule, str) else rule for target, rule in rules.items()}
        return {**fields, "columns": columns}

    @model_validator(mode="after")
    def _sound(self) -> Self:
        known = {*Kpi.model_fields, *OWN_TARGETS} - {"kind", "pack"}
        wrong = sorted(target for target in self.columns if target.split(".")[0] not in known)
        if wrong:
            raise ValueError(f"columns: {', '.join(wrong)} is no field of a KPI; known: {', '.join(sorted(known))}")
        used = [rule.column for rule in self.columns.values()]
        twice = sorted({*self.carry} & {*self.drop} | {*self.drop} & {*used})
        if twice:
            raise ValueError(f"drop: {', '.join(twice)} is used as well; a column is dropped or used")
        if not {"id", "name"} & {*self.columns}:
            raise ValueError("columns: neither id nor name is mapped, so a metric has no identity")
        try:
            "".encode(self.encoding)
        except LookupError as error:
            raise ValueError(f"encoding: '{self.encoding}' is not known; write one such as utf-8 or cp1252") from error
        return self

    def kind(self, target: str) -> CellKind:
        """What the cells of a target hold: as the rule says, or as the field wants."""
        rule = self.columns[target]
        if rule.type is not None:
            return rule.type
        if rule.separator is not None or target in _LISTS:
            return CellKind.LIST
        for kind, targets in ((CellKind.NUMBER, _NUMBERS), (CellKind.INTEGER, _INTEGERS), (CellKind.JSON, _JSON)):
            if target in targets:
                return kind
        return CellKind.TEXT


def read_mapping(document: Document) -> tuple[MetricListMapping | None, list[Diagnostic]]:
    """The mapping in a YAML document, or everything wrong with it."""
    try:
        return MetricListMapping.model_validate(document.value), []
    except ValidationError as error:
        return None, list(_problems(error, document))


def _problems(error: ValidationError, document: Document) -> Iterator[Diagnostic]:
    for item, text in zip(error.errors(include_url=False, include_input=False), model_texts(error), strict=True):
        yield Diagnostic(document.file, document.line(tuple(item["loc"])) or 1, "invalid-mapping", text)


def empty_columns(header: tuple[str, ...], mapping: MetricListMapping) -> Mapping[str, str]:
    """Columns the mapping names and the file does not have, with who names them."""
    named = {rule.column: f"columns.{target}" for target, rule in mapping.columns.items()}
    named |= dict.fromkeys(mapping.carry, "carry") | dict.fromkeys(mapping.drop, "drop")
    return {column: who for column, who in named.items() if column not in header}
