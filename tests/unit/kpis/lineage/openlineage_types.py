"""Reads events into the attrs classes of OpenLineage's Python client, strictly: the client itself checks little of what it is given."""

import json
import types
import typing
from enum import Enum
from pathlib import Path
from typing import Any

import attr
import jsonschema
from openlineage.client.generated import base, sql_job, tags_job, tags_run
from openlineage.client.generated import column_lineage_dataset as columns
from openlineage.client.generated import data_quality_assertions_dataset as assertions
from openlineage.client.generated import dataset_version_dataset as versions
from openlineage.client.generated import documentation_dataset as dataset_documentation
from openlineage.client.generated import documentation_job as job_documentation
from openlineage.client.generated import error_message_run as errors
from openlineage.client.generated import input_statistics_input_dataset as input_statistics
from openlineage.client.generated import job_type_job as job_types
from openlineage.client.generated import nominal_time_run as nominal_times
from openlineage.client.generated import output_statistics_output_dataset as output_statistics
from openlineage.client.generated import ownership_job as ownership
from openlineage.client.generated import schema_dataset as schemas
from openlineage.client.generated import source_code_job as source_code
from openlineage.client.generated import source_code_location_job as locations
from openlineage.client.generated import symlinks_dataset as symlinks
from openlineage.client.generated import test_run as tests

FACETS: dict[type, dict[str, type]] = {
    base.JobFacet: {
        "documentation": job_documentation.DocumentationJobFacet,
        "jobType": job_types.JobTypeJobFacet,
        "ownership": ownership.OwnershipJobFacet,
        "sourceCode": source_code.SourceCodeJobFacet,
        "sourceCodeLocation": locations.SourceCodeLocationJobFacet,
        "sql": sql_job.SQLJobFacet,
        "tags": tags_job.TagsJobFacet,
    },
    base.DatasetFacet: {
        "columnLineage": columns.ColumnLineageDatasetFacet,
        "documentation": dataset_documentation.DocumentationDatasetFacet,
        "schema": schemas.SchemaDatasetFacet,
        "symlinks": symlinks.SymlinksDatasetFacet,
        "version": versions.DatasetVersionDatasetFacet,
    },
    base.InputDatasetFacet: {
        "dataQualityAssertions": assertions.DataQualityAssertionsDatasetFacet,
        "inputStatistics": input_statistics.InputStatisticsInputDatasetFacet,
    },
    base.OutputDatasetFacet: {"outputStatistics": output_statistics.OutputStatisticsOutputDatasetFacet},
    base.RunFacet: {
        "errorMessage": errors.ErrorMessageRunFacet,
        "nominalTime": nominal_times.NominalTimeRunFacet,
        "tags": tags_run.TagsRunFacet,
        "test": tests.TestRunFacet,
    },
}
OWN = Path("kpis/lineage/schemas")
SUBTYPES = {
    "DIRECT": {"IDENTITY", "TRANSFORMATION", "AGGREGATION"},
    "INDIRECT": {"JOIN", "GROUP_BY", "FILTER", "SORT", "WINDOW", "CONDITIONAL"},
}


class NotAnEventError(Exception):
    """What the client's types do not allow, with the place."""


def load(data: Any, hint: Any, at: str) -> Any:
    """A JSON value as what a type hint asks for."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if data is None and type(None) in args:
            return None
        return load(data, next(each for each in args if each is not type(None)), at)
    if hint is Any:
        return data
    if origin in (list, dict):
        return load_container(data, origin, args[-1], at)
    return load_single(data, hint, at)


def load_container(data: Any, origin: type, hint: Any, at: str) -> Any:
    require(isinstance(data, origin), at, f"{data!r} is not a {origin.__name__}")
    if origin is list:
        return [load(each, hint, f"{at}[{index}]") for index, each in enumerate(data)]
    return {key: load_entry(key, each, hint, f"{at}.{key}") for key, each in data.items()}


def load_single(data: Any, hint: Any, at: str) -> Any:
    if isinstance(hint, type) and issubclass(hint, Enum):
        require(data in [each.value for each in hint], at, f"{data!r} is not one of {[each.value for each in hint]}")
        return hint(data)
    if attr.has(hint):
        return load_class(data, hint, at)
    exact = type(data) is hint or (hint is float and type(data) is int)
    require(exact, at, f"{data!r} is not a {hint.__name__}")
    return data


def load_entry(key: str, data: Any, hint: Any, at: str) -> Any:
    if hint not in FACETS:
        return load(data, hint, at)
    if key.startswith("kpi_"):
        return load_own(key, data, at)
    require(key in FACETS[hint], at, f"{key} is not a facet of a {hint.__name__}")
    return load_class(data, FACETS[hint][key], at)


def load_own(key: str, data: Any, at: str) -> Any:
    name = key.removeprefix("kpi_")
    schema = json.loads((OWN / f"Kpi{name[0].upper()}{name[1:]}DatasetFacet.json").read_text())
    try:
        jsonschema.Draft202012Validator(schema).validate(data)
    except jsonschema.ValidationError as error:
        raise NotAnEventError(f"{at}: {error.message}") from error
    return data


def load_class(data: Any, kind: Any, at: str) -> Any:
    require(isinstance(data, dict), at, f"{data!r} is not a {kind.__name__}")
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in attr.fields(kind)}
    unknown = sorted(set(data) - set(fields))
    require(not unknown, at, f"{kind.__name__} has no {', '.join(unknown)}")
    given = {fields[key].alias: load(each, hints[key], f"{at}.{key}") for key, each in data.items() if fields[key].init}
    try:
        made = kind(**given)
    except (TypeError, ValueError) as error:
        raise NotAnEventError(f"{at}: {error}") from error
    for key in ("_schemaURL", "schemaURL"):
        if key in fields:
            require(data.get(key) == getattr(made, key), f"{at}.{key}", f"{data.get(key)!r} is not {getattr(made, key)!r}")
    if isinstance(made, columns.Transformation):
        require(made.subtype in SUBTYPES.get(made.type, ()), at, f"{made.type} has no subtype {made.subtype}")
    return made


def require(holds: bool, at: str, problem: str) -> None:
    if not holds:
        raise NotAnEventError(f"{at}: {problem}")
