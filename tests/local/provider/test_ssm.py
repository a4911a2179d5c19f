"""Parameters."""

import pytest

from tests.local.provider.rig import Refused, Rig, lives_a_full_life

PARAMETER = "aws:ssm/parameter:Parameter"


@pytest.mark.parametrize("kind", ["String", "SecureString"])
def test_a_parameter_lives_a_full_life(rig: Rig, kind: str) -> None:
    it = rig.create(PARAMETER, kind, name=f"/kpi/{kind}", type=kind, value="one", description="d", tags={"team": "kpi"})

    def spoil() -> None:
        rig.aws("ssm").put_parameter(Name=f"/kpi/{kind}", Value="other", Type=kind, Overwrite=True)  # type: ignore[arg-type]

    lives_a_full_life(it, change={"value": "two", "tags": {"team": "core"}}, spoil=spoil, drifted="value")


def test_a_parameter_needs_one_value_and_a_free_name(rig: Rig) -> None:
    with pytest.raises(Refused, match="exactly one of value and insecureValue"):
        rig.create(PARAMETER, "none", name="/none", type="String")
    it = rig.create(PARAMETER, "plain", name="/plain", type="String", insecureValue="seen")
    assert it.drift() == []
    with pytest.raises(Refused, match="already exists"):
        rig.create(PARAMETER, "again", name="/plain", type="String", insecureValue="seen")
