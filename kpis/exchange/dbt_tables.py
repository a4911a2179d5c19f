"""Golden data tables from semantic models: a table for each time dimension that metrics are counted by."""

from __future__ import annotations

import re
from typing import Any, cast

from kpis.exchange.dbt_models import GRAINS, Agg, Dimension, Entity, Measure, SemanticModel
from kpis.exchange.dbt_project import Placed
from kpis.exchange.dbt_sql import InexpressibleError, Table, columns_of, scalar
from kpis.exchange.draft import Draft, Fields
from kpis.exchange.names import identifier
from kpis.exchange.texts import jinja_unescaped
from kpis.exchange.trees import Path, at

_REF = re.compile(r"\s*(?:\{\{\s*)?ref\(\s*['\"]([A-Za-z_]\w*)['\"]\s*\)(?:\s*\}\})?\s*\Z")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}\Z")
_NUMBERS = (Agg.SUM, Agg.AVERAGE, Agg.MIN, Agg.MAX, Agg.PERCENTILE, Agg.MEDIAN)


def table_of(placed: Placed[SemanticModel], time_name: str | None, draft: Draft) -> Table:
    """The table of a model, by the time dimension of a measure or else the model's default.

    Raises:
        InexpressibleError: when the model names no table or no time that is one column.
    """
    model = placed.value
    if model.unknown_fields:
        raise InexpressibleError(f"semantic model '{model.name}' has fields with unknown meaning: {', '.join(model.unknown_fields)}")
    default = model.defaults.agg_time_dimension if model.defaults else None
    chosen = time_name or default
    dimension = model.dimension(chosen) if chosen else None
    if dimension is None or dimension.grain is None:
        raise InexpressibleError(f"semantic model '{model.name}' has no time dimension '{chosen}' with a granularity to count by")
    if any(each.type_params and each.type_params.validity_params for each in model.dimensions):
        raise InexpressibleError(f"semantic model '{model.name}' keeps history (validity_params), which is not a table of events")
    if dimension.grain not in GRAINS:
        raise InexpressibleError(f"time dimension '{chosen}' has the custom granularity '{dimension.grain}'")
    name = _physical(model)
    period = one_column(dimension.expr or dimension.name, f"time dimension '{dimension.name}'")
    own = told(placed)
    freshness = str(own.get("freshness_column") or draft.options.freshness_column or period)
    suffix = "" if dimension.name == (default or dimension.name) else f"_by_{dimension.name}"
    grain = max(dimension.grain, "day", key=GRAINS.index)
    source_id = str(own["id"]) if "id" in own and not suffix else identifier(f"{model.name}{suffix}", "GDP_")
    return Table(model, name, source_id, dimension.name, period, freshness, grain)


def told(placed: Placed[SemanticModel]) -> Fields:
    """The table as `config.meta.kpi.source` tells it: what dbt has no word for."""
    source = at(placed.document.value, (*placed.path, *_TOLD))
    return cast("Fields", source) if isinstance(source, dict) else {}


_TOLD = ("config", "meta", "kpi", "source")


def one_column(text: str, what: str) -> str:
    """The column an expression is.

    Raises:
        InexpressibleError: when it is more than a column.
    """
    tree = scalar(text, what)
    names = list(columns_of(tree, what))
    if names != [tree.name] or tree.key != "column":
        raise InexpressibleError(f"{what} is '{text}', not one column; make it a column of the table")
    return names[0]


def _physical(model: SemanticModel) -> str:
    relation = model.node_relation
    if relation is not None:
        name = relation.alias
    else:
        match = _REF.match(model.model or "")
        if match is None:
            raise InexpressibleError(f"semantic model '{model.name}' names its table by '{model.model}'; only ref('name') is read")
        name = match[1]
    if _IDENTIFIER.match(name) is None:
        raise InexpressibleError(f"semantic model '{model.name}' reads '{name}', which is not a table name the dictionary can write")
    return name


class Columns:
    """The columns of a table as far as dbt names them, each with what is known of it."""

    def __init__(self) -> None:
        self._found: dict[str, Fields] = {}
        self.guessed: list[str] = []

    def add(self, text: str, kind: str, note: str, *, certain: bool) -> bool:
        """The columns of an expression; the kind and the note are of the column only when it is the whole expression."""
        try:
            tree = scalar(text, "expression")
            names = list(columns_of(tree, "expression"))
        except InexpressibleError:
            return False
        whole = tree.key == "column"
        for name in names:
            known = self._found.get(name)
            if known is None:
                self._found[name] = {"type": kind if whole else "text"}
                known = self._found[name]
                if not (whole and certain):
                    self.guessed.append(name)
            elif whole and certain and name in self.guessed:
                known["type"] = kind
                self.guessed.remove(name)
            if whole and note and note not in known.get("description", ""):
                known["description"] = f"{known['description']} {note}" if "description" in known else note
        return whole

    def fields(self) -> dict[str, Any]:
        """As the dictionary writes them."""
        return dict(sorted(self._found.items()))


def time_kind(grain: str | None) -> str:
    """The column type of a time dimension: a date from a day up."""
    return "date" if grain in GRAINS and GRAINS.index(grain) >= GRAINS.index("day") else "timestamp"


def dimension_note(dimension: Dimension) -> str:
    """What a column's description says of the dimension it is, so that nothing of it is lost."""
    grain = f", by {dimension.grain}" if dimension.grain else ""
    partition = ", a partition" if dimension.is_partition else ""
    return _note(f"{dimension.type} dimension {dimension.name}{grain}{partition}", dimension.label, dimension.description)


def entity_note(entity: Entity) -> str:
    """What a column's description says of the entity it is."""
    role = f", role {entity.role}" if entity.role else ""
    return _note(f"{entity.type} entity {entity.name}{role}", entity.label, entity.description)


def _note(what: str, label: str | None, description: str | None) -> str:
    words = [what, *(text for text in (label, description) if text)]
    return f"{': '.join(words)}."


def measure_kind(measure: Measure) -> str:
    """The type a measure's column must have for its aggregation."""
    return "boolean" if measure.agg is Agg.SUM_BOOLEAN else "numeric" if measure.agg in _NUMBERS else "text"


_DIMENSION = (("name",), ("type",), ("expr",), ("label",), ("description",), ("type_params", "time_granularity"))
_ENTITY = (("name",), ("type",), ("expr",), ("label",), ("description",), ("role",))


def add_source(table: Table, placed: Placed[SemanticModel], draft: Draft) -> None:
    """The table as an entry of the pack, with what the import does with each part of the model."""
    if told(placed).get("id") == table.source_id:
        _add_told(table, placed, draft)
        return
    model, columns = placed.value, Columns()
    for index, dimension in enumerate(model.dimensions):
        kind = time_kind(dimension.grain) if dimension.type == "time" else "text"
        whole = columns.add(dimension.expr or dimension.name, kind, dimension_note(dimension), certain=dimension.type == "time")
        extra = (("is_partition",),) if dimension.is_partition else ()
        _account(placed, (*placed.path, "dimensions", index), (*_DIMENSION, *extra) if whole else (), table, draft)
        draft.ledger.implied(placed.document, (*placed.path, "dimensions", index, "is_partition"), "not a partition")
    for index, entity in enumerate(model.entities):
        whole = columns.add(entity.expr or entity.name, "text", entity_note(entity), certain=False)
        _account(placed, (*placed.path, "entities", index), _ENTITY if whole else (), table, draft)
    for measure in model.measures:
        columns.add(measure.expr or measure.name, measure_kind(measure), "", certain=measure.agg in _NUMBERS)
    columns.add(table.period, time_kind(table.grain), "", certain=True)
    columns.add(table.freshness, "timestamp", "", certain=True)
    if not draft.options.freshness_column:
        why = "dbt does not say when a row became known; --freshness-column names the column that does"
        draft.ledger.add(table.source_id, "freshness_column", table.freshness, why)
    found = columns.fields()
    for name in sorted(columns.guessed):
        draft.ledger.add(table.source_id, f"columns.{name}.type", found[name]["type"], "dbt does not say the type")
    fields = {"id": table.source_id, "table": table.name, "period_column": table.period, "freshness_column": table.freshness}
    draft.source(placed.document, placed.path, fields | {"description": _description(placed, table, draft), "columns": found})


def _add_told(table: Table, placed: Placed[SemanticModel], draft: Draft) -> None:
    document, path, ledger = placed.document, placed.path, draft.ledger
    fields = told(placed) if document.node is None else jinja_unescaped(told(placed))
    draft.source(document, path, {**fields, "table": table.name, "period_column": table.period})
    for key in set(fields) - {"table", "period_column"}:
        ledger.mapped(document, (*path, *_TOLD, key), f"{table.source_id}.{key}")
    for key in (("model",), ("node_relation", "alias")):
        ledger.mapped(document, (*path, *key), f"{table.source_id}.table")
    ledger.mapped(document, (*path, "defaults", "agg_time_dimension"), f"{table.source_id}.period_column")
    ledger.implied(document, (*path, "config", "meta", "definition_sha256"), "the hash of the definition that was exported")
    for key in ("name", "description", "label", "primary_entity", "entities", "dimensions", "node_relation", "config"):
        ledger.implied(document, (*path, key), "config.meta.kpi.source says it")


def _account(placed: Placed[SemanticModel], where: Path, carried: tuple[Path, ...], table: Table, draft: Draft) -> None:
    """A part that is one column is told in the column's description; one that is more has no place of its own."""
    for key in carried:
        draft.ledger.carried(placed.document, (*where, *key), f"{table.source_id}.columns (description)")
    why = "the dictionary has no place for it" if carried else "more than one column, and no imported filter uses it"
    draft.ledger.lost(placed.document, where, why)


def _description(placed: Placed[SemanticModel], table: Table, draft: Draft) -> str:
    model, document, path, ledger = placed.value, placed.document, placed.path, draft.ledger
    to = f"{table.source_id}.description"
    parts = [model.description or f"Semantic model {model.name}.", f"Semantic model {model.name}." if model.description else ""]
    parts += [f"Label: {model.label}." if model.label else "", f"Entity: {model.primary_entity}." if model.primary_entity else ""]
    relation = model.node_relation
    if relation is not None:
        shown = [f"{key} {value}" for key, value in relation.model_dump().items() if key != "alias" and value]
        parts.append(f"dbt relation: {', '.join(shown)}." if shown else "")
        ledger.carried(document, (*path, "node_relation"), to)
        ledger.mapped(document, (*path, "node_relation", "alias"), f"{table.source_id}.table")
    for key in ("name", "description", "label", "primary_entity"):
        ledger.carried(document, (*path, key), to)
    ledger.mapped(document, (*path, "model"), f"{table.source_id}.table")
    ledger.mapped(document, (*path, "defaults", "agg_time_dimension"), f"{table.source_id}.period_column")
    return " ".join(part for part in parts if part)
