"""Workgroups and named queries."""

from tests.local.provider.rig import ACCOUNT, Rig, lives_a_full_life

WORKGROUP = "aws:athena/workgroup:Workgroup"
QUERY = "aws:athena/namedQuery:NamedQuery"
CONFIGURATION = {
    "enforceWorkgroupConfiguration": True,
    "publishCloudwatchMetricsEnabled": True,
    "bytesScannedCutoffPerQuery": 10_000_000_000,
    "resultConfiguration": {
        "outputLocation": "s3://results/",
        "encryptionConfiguration": {"encryptionOption": "SSE_KMS", "kmsKeyArn": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1"},
    },
}


def test_a_workgroup_lives_a_full_life(rig: Rig) -> None:
    it = rig.create(WORKGROUP, name="kpi", description="views", configuration=CONFIGURATION, forceDestroy=True, tags={"team": "kpi"})

    def spoil() -> None:
        rig.aws("athena").update_work_group(WorkGroup="kpi", State="DISABLED")

    plain = {**CONFIGURATION, "resultConfiguration": {"outputLocation": "s3://other/"}}
    lives_a_full_life(it, change={"configuration": plain, "tags": {"team": "core"}}, spoil=spoil, drifted="state")


def test_a_disabled_workgroup_without_configuration_is_read_back_as_asked(rig: Rig) -> None:
    it = rig.create(WORKGROUP, "plain", name="plain", state="DISABLED")
    assert it.drift() == []


def test_a_named_query_is_replaced_by_any_change_and_goes_away(rig: Rig) -> None:
    it = rig.create(QUERY, name="runs", database="logs", query="SELECT 1", workgroup="primary", description="one")
    assert it.drift() == []
    assert it.replaced_by(query="SELECT 2") == ["query"]
    it.delete()
    assert it.gone()
