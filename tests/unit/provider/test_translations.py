"""The service modules' translations that need no AWS: both ways give back what went in."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from local.provider.services.cloudfront import config_of, inputs_of, unwrapped, wrapped
from local.provider.services.ec2_security import asked_atoms, permission, rules_of, told_atoms
from local.provider.services.sfn import definition_problems

GROUP = "sg-own"
PORTS = st.integers(min_value=1, max_value=65535)
PEERS = st.one_of(
    st.fixed_dictionaries({"cidrBlocks": st.lists(st.sampled_from(["10.0.0.0/8", "0.0.0.0/0", "10.1.0.0/16"]), min_size=1, unique=True)}),
    st.fixed_dictionaries({"securityGroups": st.lists(st.sampled_from(["sg-1", "sg-2"]), min_size=1, unique=True)}),
    st.just({"self": True}),
)
NAMED = st.builds(
    lambda protocol, port, peers, words: {"protocol": protocol, "fromPort": port, "toPort": port, "description": words, **peers},
    st.sampled_from(["tcp", "udp"]),
    PORTS,
    PEERS,
    st.sampled_from(["", "runners"]),
)
EVERYTHING = st.builds(lambda peers: {"protocol": "-1", "fromPort": 0, "toPort": 0, **peers}, PEERS)
RULES = st.lists(st.one_of(NAMED, EVERYTHING), max_size=5)
NESTED: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.integers(), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["A", "B", "C"]), inner, max_size=3)),
    max_leaves=10,
)


@given(rules=RULES)
def test_security_group_rules_mean_the_same_after_a_round_through_aws(rules: list[dict[str, Any]]) -> None:
    atoms = asked_atoms(rules, GROUP)
    assert told_atoms([permission(atom) for atom in atoms]) == atoms
    assert asked_atoms(rules_of(atoms, GROUP), GROUP) == atoms


@given(value=NESTED)
def test_counted_lists_come_back_as_lists(value: Any) -> None:
    assert unwrapped(wrapped(value)) == value


def test_a_distribution_comes_back_as_written() -> None:
    behavior = {
        "targetOriginId": "a",
        "viewerProtocolPolicy": "https-only",
        "allowedMethods": ["GET", "HEAD"],
        "cachedMethods": ["GET"],
        "cachePolicyId": "p",
        "compress": True,
        "functionAssociations": [{"eventType": "viewer-request", "functionArn": "arn"}],
    }
    written = {
        "enabled": True,
        "aliases": ["kpi.example.com"],
        "comment": "portal",
        "origins": [{"originId": "a", "domainName": "a.example.com", "connectionAttempts": 3, "originAccessControlId": "oac"}],
        "defaultCacheBehavior": behavior,
        "orderedCacheBehaviors": [{**behavior, "pathPattern": "/api/*"}],
        "customErrorResponses": [{"errorCode": 404, "responseCode": 200, "responsePagePath": "/"}],
        "restrictions": {"geoRestriction": {"restrictionType": "whitelist", "locations": ["DE"]}},
        "viewerCertificate": {"acmCertificateArn": "arn", "sslSupportMethod": "sni-only"},
        "loggingConfig": {"bucket": "logs", "includeCookies": False, "prefix": "p"},
    }
    told = inputs_of(config_of(written, "reference"))
    assert {key: value for key, value in told.items() if value is not None} == written


def test_a_definition_is_followed_into_maps_and_parallels() -> None:
    inner = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "Gone"}}}
    definition = {
        "StartAt": "Each",
        "States": {
            "Each": {"Type": "Map", "ItemProcessor": inner, "Catch": [{"Next": "Sorry"}], "Next": "Both"},
            "Both": {"Type": "Parallel", "Branches": [{"StartAt": "B", "States": {"B": {"Type": "Succeed"}}}], "End": True},
        },
    }
    assert list(definition_problems(definition)) == [
        "definition.States.Each leads to 'Sorry': expected one of Each, Both",
        "definition.States.Each.ItemProcessor.States.A leads to 'Gone': expected one of A",
    ]
