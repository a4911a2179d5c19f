"""dbt's documents read into one project: semantic models and metrics with their places, and everything malformed at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from pydantic import ValidationError

from kpis.diagnostics import Diagnostic
from kpis.exchange.dbt_models import Measure, MeasureInput, Metric, MetricType, SemanticModel, TypeParams
from kpis.exchange.draft import model_texts
from kpis.exchange.ledger import Ledger
from kpis.exchange.texts import jinja_unescaped
from kpis.exchange.trees import Document, Path

T = TypeVar("T", SemanticModel, Metric)


@dataclass(frozen=True)
class Placed(Generic[T]):
    """Something read, and where it is written."""

    value: T
    document: Document
    path: Path


@dataclass
class Project:
    """What the documents define, by name."""

    models: dict[str, Placed[SemanticModel]] = field(default_factory=dict[str, "Placed[SemanticModel]"])
    metrics: dict[str, Placed[Metric]] = field(default_factory=dict[str, "Placed[Metric]"])
    problems: list[Diagnostic] = field(default_factory=list[Diagnostic])

    def measure(self, name: str) -> tuple[Placed[SemanticModel], int, Measure] | None:
        """The measure of a name, with its model and its place in it."""
        for placed in self.models.values():
            for index, measure in enumerate(placed.value.measures):
                if measure.name == name:
                    return placed, index, measure
        return None


def read_project(documents: Sequence[Document], ledger: Ledger) -> Project:
    """Everything the documents define; what is not about metrics is named as lost."""
    project = Project()
    for document in documents:
        if not isinstance(document.value, dict):
            project.problems.append(document.problem((), "wrong-type", "the document is not a map; expected semantic_models and metrics"))
            continue
        content = cast("dict[str, Any]", document.value)
        _read(project.models, SemanticModel, document, "semantic_models", project)
        _read(project.metrics, Metric, document, "metrics", project)
        for key in content:
            _besides(key, document, ledger)
    if not project.metrics and not project.models and not project.problems and documents:
        message = "neither semantic_models nor metrics; give dbt's semantic_manifest.json or a YAML file with them"
        project.problems.append(documents[0].problem((), "no-metrics", message))
    _create_metrics(project)
    return project


def _read(found: dict[str, Placed[T]], model: type[T], document: Document, key: str, project: Project) -> None:
    items: Any = cast("dict[str, Any]", document.value).get(key) or []
    if not isinstance(items, list):
        project.problems.append(document.problem((key,), "wrong-type", "is not a list"))
        return
    for index, item in enumerate(cast("list[Any]", items)):
        path = (key, index)
        try:
            # dbt renders the texts of its YAML, so an export writes braces as expressions that give braces.
            value = model.model_validate(item if document.node is None else jinja_unescaped(item))
        except ValidationError as error:
            project.problems += [document.problem(path, "invalid-value", text) for text in model_texts(error)]
            continue
        if value.name in found:
            message = f"'{value.name}' is defined a second time; metrics and semantic models have one definition"
            project.problems.append(document.problem(path, "duplicate-id", message))
        else:
            found[value.name] = Placed(value, document, path)


def _besides(key: str, document: Document, ledger: Ledger) -> None:
    if key == "version" and document.value[key] == 2:  # noqa: PLR2004 - the only version of dbt's properties files
        ledger.implied(document, (key,), "the version of dbt's file format")
    elif key == "saved_queries":
        ledger.lost(document, (key,), "a saved query asks for metrics and defines none; make a report or a view of it")
    elif key == "project_configuration":
        ledger.implied(document, (key, "dsi_package_version"), "the version of dbt's own package")
        for name in ("time_spines", "time_spine_table_configurations"):
            ledger.implied(document, (key, name), "every period has a result here without a table of dates")
    elif key not in ("semantic_models", "metrics"):
        ledger.lost(document, (key,), "not about metrics; dbt keeps it")


def _create_metrics(project: Project) -> None:
    """Measures that ask for a metric of their own name (`create_metric: true`) get it, as in dbt."""
    for placed in list(project.models.values()):
        for index, measure in enumerate(placed.value.measures):
            if measure.create_metric and measure.name not in project.metrics:
                metric = Metric(
                    name=measure.name,
                    label=measure.create_metric_display_name,
                    type=MetricType.SIMPLE,
                    type_params=TypeParams(measure=MeasureInput(name=measure.name)),
                )
                path = (*placed.path, "measures", index, "create_metric")
                project.metrics[measure.name] = Placed(metric, placed.document, path)
