"""No function may do what no line of its code does: every allowed action has a call in a module that its handler can reach."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from infra.function_policies import POLICIES, PolicyContext
from infra.names import Names

ROOT = Path(__file__).resolve().parents[2]
CONTEXT = PolicyContext(Names("local", "123456789012", "us-east-1"), "data", "messages", "signing")
HANDLERS = {name: f"lambdas.{name.replace('-', '_')}.handler" for name in POLICIES}
# What is written where an action is not called by its own name.
BY = {
    "dynamodb:PartiQLInsert": "batch_execute_statement",
    "dynamodb:PutItem": "Put",  # in transactions, as the next two
    "dynamodb:DeleteItem": "Delete",
    "dynamodb:ConditionCheckItem": "ConditionCheck",
    "s3:ListBucket": "get_object",  # S3 answers 403 instead of 404 without it
    "s3:ListBucketVersions": "list_object_versions",
    "s3:GetObjectVersion": "VersionId",
    "s3:PutObjectRetention": "ObjectLockRetainUntilDate",
    "sts:TagSession": "Tags",
    "lambda:InvokeFunction": "invoke",
}
# Services do these on behalf of a function: event source mappings, encryption with its tables' and buckets' keys, handing over a role.
BY_SERVICES = re.compile(
    r"dynamodb:(DescribeStream|GetRecords|GetShardIterator|ListStreams)|kms:(Decrypt|GenerateDataKey|DescribeKey)|iam:PassRole"
)


def _file(module: str) -> Path | None:
    stem = ROOT / module.replace(".", "/")
    return next((path for path in (stem.with_suffix(".py"), stem / "__init__.py") if path.exists()), None)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def _imports(tree: ast.Module) -> set[str]:
    """Modules that are imported anywhere in a file, also within functions."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
    return found


def words_of(handler: str) -> set[str]:
    """Names of attributes and arguments, and short texts, in everything a handler can reach."""
    seen, waiting, words = set[Path](), [handler], set[str]()
    while waiting:
        path = _file(waiting.pop())
        if path is None or path in seen:
            continue
        seen.add(path)
        waiting += _imports(_tree(path))
        for node in ast.walk(_tree(path)):
            match node:
                case ast.Attribute(attr=word) | ast.Constant(value=str(word)) | ast.keyword(arg=str(word)):
                    words.add(word)
                case _:
                    pass
    return words


def call_of(action: str) -> str:
    """The SDK's method of an action."""
    return BY.get(action) or re.sub(r"(?<=[a-z])(?=[A-Z])", "_", action.partition(":")[2]).lower()


@pytest.mark.parametrize("function", sorted(POLICIES))
def test_every_action_that_a_function_may_do_is_in_its_code(function: str) -> None:
    words = words_of(HANDLERS[function])
    actions = {action for each in POLICIES[function](CONTEXT) for action in each.actions}
    assert [action for action in sorted(actions) if not BY_SERVICES.fullmatch(action) and call_of(action) not in words] == []


def test_a_reader_of_this_kind_finds_what_is_not_called() -> None:
    words = words_of(HANDLERS["log-stream"])
    assert (call_of("firehose:PutRecordBatch") in words, call_of("dynamodb:DeleteTable") in words) == (True, False)
