"""The framework as the engine meets it: over gRPC, with an invented resource type."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2 as pb

from local.provider.framework import wire
from local.provider.framework.context import Aws, Cancelled, Context, ProviderError
from local.provider.framework.server import Provider
from tests.unit.provider.conftest import TOKEN, Cloud, Engine

KIND = pb.PropertyDiff


def archive(text: str, content_hash: str = "") -> dict[str, Any]:
    asset = {wire.SIGNATURE: wire.ASSET, "text": text, "hash": content_hash}
    return {wire.SIGNATURE: wire.ARCHIVE, "assets": {"a.py": asset}, "hash": content_hash}


def details(error: pytest.ExceptionInfo[grpc.RpcError]) -> str:
    return str(error.value.details())


# Check


def test_an_unknown_type_is_refused_with_the_nearest_name(engine: Engine) -> None:
    failure = engine.check({}, token="aws:fake/thing:Thong").failures[0]
    assert "no resource type 'aws:fake/thing:Thong'" in failure.reason
    assert f"did you mean '{TOKEN}'" in failure.reason


def test_every_wrong_input_is_reported_at_once_with_its_path(engine: Engine) -> None:
    problems = engine.problems(siez=1, mode="fsat", settings={"depth": "deep", "lod": True}, labels={"a": [1]}, members="x")
    text = "\n".join(problems)
    assert "siez is not an input the local provider knows (did you mean 'size'?)" in text
    assert "mode is 'fsat': expected one of fast, slow (did you mean 'fast'?)" in text
    assert "settings.depth is 'deep': expected an integer" in text
    assert "settings.lod is not an input" in text
    assert "labels.a is [1" in text
    assert 'members is "x": expected a list' in text
    assert "must is required and missing: expected a string" in text
    assert len(problems) == 7


@pytest.mark.parametrize(("value", "expected"), [(4.0, 4), ("5", 5)])
def test_numbers_become_integers(engine: Engine, value: object, expected: int) -> None:
    assert engine.inputs(must="x", size=value)["size"] == expected


def test_a_broken_number_is_refused(engine: Engine) -> None:
    assert engine.problems(must="x", size=4.5) == ["size is 4.5: expected a whole number"]


def test_broken_json_is_refused(engine: Engine) -> None:
    assert engine.problems(must="x", policy="{")[0].startswith("policy is not valid JSON")


def test_defaults_and_an_automatic_name_are_filled_in(engine: Engine) -> None:
    inputs = engine.inputs(must="x")
    assert (inputs["size"], inputs["name"], inputs["__defaults"]) == (3, "one-abababa", ["name"])


def test_the_engines_name_proposal_is_taken_and_an_automatic_name_is_kept(engine: Engine) -> None:
    proposed = pb.CheckRequest.AutonamingOptions(proposed_name="one-p", mode=pb.CheckRequest.AutonamingOptions.PROPOSE)
    first = wire.decode(engine.check({"must": "x"}, autonaming=proposed).inputs)
    assert first["name"] == "one-p"
    assert wire.decode(engine.check({"must": "x"}, olds=first).inputs)["name"] == "one-p"


def test_unknown_values_pass_and_secrets_are_unwrapped(engine: Engine) -> None:
    secret = {wire.SIGNATURE: wire.SECRET, "value": "hush"}
    inputs = engine.inputs(must=wire.UNKNOWN, size=wire.UNKNOWN, settings=wire.UNKNOWN, secret=secret)
    assert (inputs["size"], inputs["settings"], inputs["secret"]) == (wire.UNKNOWN, wire.UNKNOWN, "hush")


def test_another_region_is_refused(engine: Engine) -> None:
    assert "serves only us-east-1" in engine.problems(must="x", region="eu-west-1")[0]


# Diff


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"policy": '{"a": ["x"], "b": 1}'}, {"policy": '{"b":1,"a":"x"}'}),
        ({"members": ["a", "b"]}, {"members": ["b", "a"]}),
        ({"settings": {"depth": 1, "chosen": "by aws"}}, {"settings": {"depth": 1}}),
        ({"labels": {}}, {}),
        ({"code": archive("same", "h1")}, {"code": {**archive("same", "h1"), "path": "elsewhere"}}),
    ],
)
def test_what_means_the_same_is_no_difference(engine: Engine, old: dict[str, Any], new: dict[str, Any]) -> None:
    old, new = {"must": "x", "name": "n", **old}, {"must": "x", "name": "n", **new}
    assert engine.diff(old, new, {"tagsAll": {"team": "kpi"}}).changes == pb.DiffResponse.DIFF_NONE


def test_differences_are_told_property_by_property(engine: Engine) -> None:
    old = {"must": "x", "name": "n", "size": 1, "settings": {"depth": 1}, "labels": {"a": "1"}, "code": archive("a", "h1")}
    new = {"must": "x", "name": "n", "size": 2, "settings": {"depth": 2}, "labels": {"b": ""}, "code": archive("b", "h2"), "mode": "fast"}
    answer = engine.diff(old, new, {"tagsAll": {"team": "kpi"}})
    assert {path: each.kind for path, each in answer.detailedDiff.items()} == {
        "size": KIND.UPDATE, "settings.depth": KIND.UPDATE, 'labels["a"]': KIND.DELETE, 'labels["b"]': KIND.ADD,
        "code": KIND.UPDATE, "mode": KIND.ADD,
    }  # fmt: skip
    assert not answer.replaces


def test_archives_without_a_hash_are_compared_by_content(engine: Engine) -> None:
    old, new = {"must": "x", "code": archive("one")}, {"must": "x", "code": archive("two")}
    assert list(engine.diff(old, new, {"tagsAll": {"team": "kpi"}}).diffs) == ["code"]
    assert not engine.diff(old, dict(old), {"tagsAll": {"team": "kpi"}}).diffs


def test_a_replacement_with_a_chosen_name_deletes_first(engine: Engine) -> None:
    answer = engine.diff({"must": "x", "name": "n", "kind": "a"}, {"must": "x", "name": "n", "kind": "b"}, {"tagsAll": {"team": "kpi"}})
    assert list(answer.replaces) == ["kind"]
    assert answer.deleteBeforeReplace
    assert answer.detailedDiff["kind"].kind == KIND.UPDATE_REPLACE


def test_a_replacement_with_an_automatic_name_creates_first(engine: Engine) -> None:
    auto = {"must": "x", "name": "n", "__defaults": ["name"]}
    assert not engine.diff({**auto, "kind": "a"}, {**auto, "kind": "b"}).deleteBeforeReplace


def test_ignored_changes_are_ignored(engine: Engine) -> None:
    answer = engine.diff({"must": "x", "size": 1}, {"must": "x", "size": 2}, {"tagsAll": {"team": "kpi"}}, ignore=("size",))
    assert not answer.diffs


def test_a_changed_default_tag_is_a_difference(engine: Engine) -> None:
    same = {"must": "x", "tags": {"a": "b"}}
    assert list(engine.diff(same, same, {"tagsAll": {"a": "b", "team": "other"}}).diffs) == ["tagsAll"]
    assert not engine.diff(same, same, {"tagsAll": {"a": "b", "team": "kpi"}}).diffs


# Create, read, update, delete


def test_a_preview_touches_nothing(engine: Engine, cloud: Cloud) -> None:
    id_, state = engine.create(engine.inputs(must=wire.UNKNOWN), preview=True)
    assert (id_, state["arn"], cloud.things) == ("", wire.UNKNOWN, {})


def test_the_whole_life_of_a_resource(engine: Engine, cloud: Cloud) -> None:
    inputs = engine.inputs(must="x", name="n", tags={"a": "b"})
    id_, state = engine.create(inputs)
    assert (id_, state["arn"], state["tagsAll"]) == ("n", "arn:n", {"a": "b", "team": "kpi"})
    assert cloud.tags["n"] == {"a": "b", "team": "kpi"}
    news = engine.inputs(must="y", name="n")
    assert engine.update("n", state, news, preview=True)["arn"] == "arn:n"
    state = engine.update("n", state, news)
    assert (cloud.things["n"]["must"], cloud.tags["n"]) == ("y", {"team": "kpi"})
    engine.delete("n", state)
    engine.delete("n", state)
    assert engine.read("n", news, state)[0] == ""


def test_a_refresh_finds_what_was_changed_added_and_removed_behind_our_back(engine: Engine, cloud: Cloud) -> None:
    inputs = engine.inputs(must="x", name="n", mode="fast", secret="hush", settings={"depth": 1}, tags={"a": "b"})
    id_, state = engine.create(inputs)
    assert engine.read(id_, inputs, state)[1] == inputs
    cloud.things["n"] |= {"size": 9, "mode": None, "labels": {"new": "1"}, "settings": {"depth": 1, "chosen": "by aws", "loud": True}}
    cloud.tags["n"] = {"a": "c", "stranger": "1", "team": "kpi"}
    fresh = engine.read(id_, inputs, state)[1]
    assert fresh["size"] == 9
    assert "mode" not in fresh
    assert fresh["labels"] == {"new": "1"}
    assert fresh["settings"]["loud"] is True
    assert fresh["secret"] == "hush"
    assert fresh["tags"] == {"a": "c", "stranger": "1"}
    drifted = {path.split(".")[0].split("[")[0] for path in engine.diff(fresh, inputs, state).detailedDiff}
    assert drifted == {"size", "mode", "labels", "settings", "tags"}


def test_an_import_reads_all_inputs(engine: Engine, cloud: Cloud) -> None:
    cloud.things["n"] = {"name": "n", "must": "x", "size": 7, "mode": None}
    id_, inputs, _ = engine.read("n", {}, {})
    assert (id_, inputs) == ("n", {"name": "n", "must": "x", "size": 7})


def test_a_name_that_exists_is_never_adopted(engine: Engine, cloud: Cloud) -> None:
    cloud.things["n"] = {"name": "n", "must": "foreign"}
    with pytest.raises(grpc.RpcError) as error:
        engine.create(engine.inputs(must="x", name="n"))
    assert details(error).startswith(f"{TOKEN} 'one': 'n' already exists and it was not made by this stack: expected a free name")
    assert cloud.things["n"]["must"] == "foreign"


def test_a_name_that_another_resource_took_names_that_resource(engine: Engine) -> None:
    engine.create(engine.inputs(must="x", name="n"), "first")
    with pytest.raises(grpc.RpcError) as error:
        engine.create(engine.inputs(must="x", name="n"), "second")
    assert "was made by urn:pulumi:dev::proj::parent:x:Y$aws:fake/thing:Thing::first" in details(error)


def test_an_interrupted_create_is_taken_up_again(engine: Engine, cloud: Cloud) -> None:
    cloud.fail_after_create = True
    with pytest.raises(grpc.RpcError) as error:
        engine.create(engine.inputs(must="x", name="n"))
    assert details(error) == f"{TOKEN} 'one': AWS refused CreateThing: InternalError: the line broke"
    cloud.fail_after_create = False
    id_, state = engine.create(engine.inputs(must="y", name="n", tags={"a": "b"}))
    assert (id_, state["must"], cloud.things["n"]["must"]) == ("n", "y", "y")
    assert cloud.tags["n"] == {"a": "b", "team": "kpi"}


def test_a_create_whose_answer_was_lost_is_taken_up_again_until_the_engine_knows_the_id(engine: Engine) -> None:
    inputs = engine.inputs(must="x", name="n")
    engine.create(inputs)
    id_, state = engine.create(inputs)
    engine.diff(inputs, inputs, state, id_=id_)
    with pytest.raises(grpc.RpcError) as error:
        engine.create(inputs)
    assert "was made by this very resource, which the stack's state no longer knows" in details(error)


# Configuration, functions, failures


@pytest.mark.parametrize("url", ["https://dynamodb.us-east-1.amazonaws.com", "http://10.0.0.1:4566", "http://127.0.0.1.evil.example:80"])
def test_an_endpoint_that_is_not_loopback_is_refused(unconfigured: Engine, url: str) -> None:
    with pytest.raises(grpc.RpcError) as error:
        unconfigured.configure(endpoints=[{"dynamodb": url}])
    assert f"is {url}: expected a loopback address" in details(error)


def test_an_unknown_function_is_an_error_that_names_it(engine: Engine) -> None:
    with pytest.raises(grpc.RpcError) as error:
        engine.stub.Invoke(pb.InvokeRequest(tok="aws:index/getRegoin:getRegoin"))
    assert "no function 'aws:index/getRegoin:getRegoin' (did you mean 'aws:index/getRegion:getRegion'?)" in details(error)


def test_a_policy_document_is_made_from_statements(engine: Engine) -> None:
    statement = {
        "actions": ["s3:GetObject"],
        "resources": ["*"],
        "principals": [{"type": "Service", "identifiers": ["lambda.amazonaws.com"]}],
        "conditions": [{"test": "StringEquals", "variable": "aws:SourceAccount", "values": ["1"]}],
    }
    request = pb.InvokeRequest(tok="aws:iam/getPolicyDocument:getPolicyDocument", args=wire.encode({"statements": [statement]}))
    answer = wire.decode(getattr(engine.stub.Invoke(request), "return"))
    assert wire.json_parsed(answer["json"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Principal": {"Service": "lambda.amazonaws.com"},
                "Condition": {"StringEquals": {"aws:SourceAccount": "1"}},
            }
        ],
    }  # fmt: skip


def test_without_an_emulator_the_error_says_what_to_start(engine: Engine) -> None:
    with pytest.raises(grpc.RpcError) as error:
        engine.stub.Invoke(pb.InvokeRequest(tok="aws:index/getCallerIdentity:getCallerIdentity"))
    assert "cannot reach the emulator" in details(error)
    assert "make up" in details(error)


def test_only_an_allowed_account_is_changed(unconfigured: Engine, provider: Provider, cloud: Cloud) -> None:
    unconfigured.configure(allowedAccountIds='["111111111111"]')
    aws, _ = provider._configured()
    aws._account = "222222222222"
    with pytest.raises(grpc.RpcError) as error:
        unconfigured.create(unconfigured.inputs(must="x", name="n"))
    assert "is account 222222222222: the stack's provider allows only 111111111111" in details(error)
    assert cloud.things == {}


def context(*, cancelled: bool = False) -> Context:
    aws = Aws("us-east-1", "http://127.0.0.1:1")
    if cancelled:
        aws.cancelled.set()
    return Context(aws, "urn:pulumi:dev::proj::aws:fake/thing:Thing::one", TOKEN)


def test_a_wait_is_bounded_and_says_what_did_not_happen() -> None:
    with pytest.raises(ProviderError, match=r"table 'x' becoming ACTIVE did not happen within 0.1 s"):
        context().wait(lambda: False, "table 'x' becoming ACTIVE", 0.1)


def test_a_wait_ends_when_the_engine_cancels() -> None:
    with pytest.raises(Cancelled, match="the engine asked to cancel"):
        context(cancelled=True).wait(lambda: False, "anything", 60)
