"""What breaks a client of the API is named, place by place, and must be announced by the version; everything else may happen."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from cli import openapi as cli_openapi
from cli.errors import KpiError
from lambdas.api.control import openapi
from lambdas.api.control.openapi_diff import breaks, parsed, unannounced

Change = Callable[[dict[str, Any]], object]
NOW = openapi.document()
PUBLISH = "/kpis/{kpi_id}/versions/{ver}/publish"


def document() -> dict[str, Any]:
    return deepcopy(NOW)


def schemas(doc: dict[str, Any]) -> dict[str, Any]:
    return doc["components"]["schemas"]


def publish(doc: dict[str, Any]) -> dict[str, Any]:
    return doc["paths"][PUBLISH]["post"]


def parameter(doc: dict[str, Any], path: str, name: str) -> dict[str, Any]:
    return next(each for each in doc["paths"][path]["get"]["parameters"] if each["name"] == name)


def found(change: Change) -> list[str]:
    new = document()
    change(new)
    return [str(each) for each in breaks(document(), new)]


def test_a_document_breaks_nothing_of_itself() -> None:
    assert breaks(document(), document()) == ()


BREAKING: dict[str, tuple[Change, str]] = {
    "a removed path": (lambda doc: doc["paths"].pop("/bulk"), "POST /bulk: it is gone"),
    "a removed method": (lambda doc: doc["paths"]["/approvals"].pop("get"), "GET /approvals: it is gone"),
    "another operation id": (lambda doc: publish(doc).update(operationId="goLive"), "operationId was publishKpiVersion and is goLive"),
    "a removed parameter": (
        lambda doc: doc["paths"]["/audit"]["get"]["parameters"].remove(parameter(doc, "/audit", "actor")),
        "GET /audit query actor: it is gone",
    ),
    "a parameter that is required now": (
        lambda doc: parameter(doc, "/audit", "actor").update(required=True),
        "query actor: it is required now",
    ),
    "a new required parameter": (
        lambda doc: doc["paths"]["/audit"]["get"]["parameters"].append(
            {"name": "why", "in": "query", "required": True, "schema": {"type": "string"}}
        ),
        "GET /audit query why: it is new and required",
    ),
    "a narrowed limit": (lambda doc: parameter(doc, "/audit", "limit")["schema"].update(maximum=100), "maximum was 200 and is 100"),
    "another pattern": (
        lambda doc: parameter(doc, "/kpis/{kpi_id}/lineage", "kpi_id")["schema"].update(pattern="^X"),
        "path kpi_id: pattern was",
    ),
    "a body field that is gone": (
        lambda doc: schemas(doc)["GoLive"]["properties"].pop("break_glass"),
        f"POST {PUBLISH} body break_glass: it is gone, and what is not known is refused",
    ),
    "a body field that is required now": (
        lambda doc: schemas(doc)["GoLive"]["required"].append("break_glass"),
        f"POST {PUBLISH} body break_glass: it is required now",
    ),
    "a new required body field": (
        lambda doc: (
            schemas(doc)["GoLive"]["properties"].update(ticket={"type": "string"}),
            schemas(doc)["GoLive"]["required"].append("ticket"),
        ),
        f"POST {PUBLISH} body ticket: it is new and required",
    ),
    "a narrowed enumeration deep in a definition": (
        lambda doc: schemas(doc)["Frequency"]["enum"].remove("weekly"),
        'POST /kpis body definition.schedule.frequency: "weekly" is no longer accepted',
    ),
    "another type": (
        lambda doc: schemas(doc)["GoLive"]["properties"]["break_glass"].update(type="string"),
        "body break_glass: boolean is no longer accepted, only string",
    ),
    "a body that cannot be empty any more": (
        lambda doc: schemas(doc)["Pause"]["properties"]["entity"].update(anyOf=[{"type": "string", "minLength": 1, "maxLength": 200}]),
        "body entity: null is no longer accepted, only string",
    ),
    "a shorter text": (
        lambda doc: schemas(doc)["GoLive"]["properties"]["reason"].update(maxLength=100),
        "body reason: maxLength was 2000 and is 100",
    ),
    "an answer's member that is gone": (
        lambda doc: schemas(doc)["Receipt"]["properties"].pop("seq"),
        f"POST {PUBLISH} answer 200 seq: it is gone",
    ),
    "an answer's member that may be left out": (
        lambda doc: schemas(doc)["Receipt"]["required"].remove("seq"),
        f"POST {PUBLISH} answer 200 seq: it may be left out now",
    ),
    "an answer's member that may be null": (
        lambda doc: schemas(doc)["Receipt"]["properties"].update(seq={"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        "answer 200 seq: it may be null now",
    ),
    "an answer's member of another type": (
        lambda doc: schemas(doc)["Receipt"]["properties"].update(seq={"type": "string"}),
        "answer 200 seq: it may be string now",
    ),
    "another status of a success": (
        lambda doc: doc["paths"]["/kpis"]["post"]["responses"].update({"200": doc["paths"]["/kpis"]["post"]["responses"].pop("201")}),
        "POST /kpis answer 201: it is gone",
    ),
    "a drawing that is no longer given": (
        lambda doc: doc["paths"]["/kpis/{kpi_id}/lineage"]["get"]["responses"]["200"]["content"].pop("image/svg+xml"),
        "image/svg+xml is no longer given",
    ),
}


@pytest.mark.parametrize("name", BREAKING)
def test_what_breaks_a_client_is_named(name: str) -> None:
    change, words = BREAKING[name]
    told = found(change)
    assert any(words in each for each in told), told


HARMLESS: dict[str, Change] = {
    "a new path": lambda doc: doc["paths"].update({"/new": deepcopy(doc["paths"]["/bulk"])}),
    "a new optional parameter": lambda doc: doc["paths"]["/audit"]["get"]["parameters"].append(
        {"name": "why", "in": "query", "required": False, "schema": {"type": "string"}}
    ),
    "a new optional body field": lambda doc: schemas(doc)["GoLive"]["properties"].update(ticket={"type": "string"}),
    "a body field that is optional now": lambda doc: schemas(doc)["GoLive"]["required"].remove("reason"),
    "a wider limit": lambda doc: parameter(doc, "/audit", "limit")["schema"].update(maximum=500),
    "a wider enumeration": lambda doc: schemas(doc)["Frequency"]["enum"].append("fortnightly"),
    "a new member of an answer": lambda doc: schemas(doc)["Receipt"]["properties"].update(more={"type": "string"}),
    "a new refusal": lambda doc: publish(doc)["responses"].update({"418": {"description": "No"}}),
    "other words": lambda doc: (publish(doc).update(summary="Other words"), schemas(doc)["Receipt"].update(description="Other words")),
    "another name of a schema": lambda doc: rename(doc, "GoLive", "GoingLive"),
}


def rename(value: Any, old: str, new: str) -> None:
    if isinstance(value, list):
        for each in value:
            rename(each, old, new)
    elif isinstance(value, dict):
        if old in value and "properties" in value[old]:
            value[new] = value.pop(old)
        for name, inner in value.items():
            if name == "$ref" and str(inner).endswith(f"/{old}"):
                value[name] = f"#/components/schemas/{new}"
            rename(inner, old, new)


@pytest.mark.parametrize("name", HARMLESS)
def test_what_breaks_nobody_may_happen(name: str) -> None:
    assert found(HARMLESS[name]) == []


def test_a_schema_that_contains_itself_is_compared_once() -> None:
    def tree(kind: str) -> dict[str, Any]:
        node = {
            "type": "object",
            "properties": {"of": {"type": kind}, "inner": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}}},
        }
        body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Node"}}}}
        operation = {"operationId": "plant", "requestBody": body, "responses": {}}
        return {"info": {"version": "1.0.0"}, "paths": {"/trees": {"post": operation}}, "components": {"schemas": {"Node": node}}}

    assert breaks(tree("string"), tree("string")) == ()
    assert [each.where for each in breaks(tree("string"), tree("integer"))] == ["POST /trees body of"]


def test_a_breaking_change_needs_the_next_major_version_and_says_which() -> None:
    new = document()
    del new["paths"]["/bulk"]
    assert unannounced(document(), new) == ("POST /bulk: it is gone", "info.version is 1.0.0; 1 breaking changes need 2.0.0")
    new["info"]["version"] = "1.1.0"
    assert unannounced(document(), new) != ()
    new["info"]["version"] = "2.0.0"
    assert unannounced(document(), new) == ()


def test_what_is_no_document_is_refused() -> None:
    for text in ("[]", "{}", "nonsense"):
        with pytest.raises(ValueError, match=r"no OpenAPI document|Expecting value"):
            parsed(text)


# In continuous integration


def test_the_document_breaks_nothing_the_last_committed_one_promised() -> None:
    """Breaks are told by the major version: the way on is to raise VERSION in lambdas/api/control/openapi.py."""
    text = (cli_openapi.ROOT / cli_openapi.DOCUMENT).read_text("utf-8")
    revision = cli_openapi.last_other(cli_openapi.ROOT, text)
    assert revision is None or cli_openapi.broken_since(cli_openapi.ROOT, revision, text) == []


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one committed document."""
    monkeypatch.setattr(cli_openapi, "ROOT", tmp_path)
    (tmp_path / "docs").mkdir()
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    commit(tmp_path, document())
    return tmp_path


def commit(root: Path, doc: dict[str, Any]) -> None:
    (root / cli_openapi.DOCUMENT).write_text(json.dumps(doc))
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(["git", "add", "."], cwd=root, check=True)
    subprocess.run(["git", *who, "commit", "-q", "-m", "x"], cwd=root, check=True)


def checked(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(cli_openapi.command)
    return CliRunner().invoke(app, list(arguments))


def test_a_break_is_found_before_and_after_it_is_committed(repository: Path) -> None:
    smaller = document()
    del smaller["paths"]["/bulk"]
    (repository / cli_openapi.DOCUMENT).write_text(json.dumps(smaller))
    for committed in (False, True):
        if committed:
            commit(repository, smaller)
        told = checked()
        assert told.exit_code == 1
        assert "docs/openapi.json: POST /bulk: it is gone" in told.output
        assert "1 breaking changes need 2.0.0" in told.output


def test_a_document_that_is_not_what_the_routes_give_is_named(repository: Path) -> None:
    assert "it is not what the routes give" in checked().output
    (repository / cli_openapi.DOCUMENT).write_text(openapi.text())
    told = checked()
    assert (told.exit_code, told.output.startswith("0 problems, compared with ")) == (0, True)


def test_a_revision_without_a_document_is_refused(repository: Path) -> None:
    assert "there is no docs/openapi.json at this revision" in str(checked("--against", "nowhere").exception)
    assert checked("--against", "HEAD").exit_code == 1  # stale, as it is not the text the routes give
    assert repository.exists()


def test_outside_a_repository_nothing_is_called_checked(tmp_path: Path) -> None:
    with pytest.raises(KpiError, match="is not a git repository"):
        cli_openapi.last_other(tmp_path, "")
