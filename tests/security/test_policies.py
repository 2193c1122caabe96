"""What the functions of a stage may do with secrets and keys: as little as their own stage needs."""

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest

from tests.architecture.source import ROOT

STAGES = ["dev", "prod"]
SERVICES = ("ssm", "secretsmanager", "kms")


def statements(stage: str) -> dict[str, dict[str, Any]]:
    """What a policy says about secrets and keys, by action."""
    policy = json.loads((ROOT / ".chalice" / f"policy-{stage}.json").read_text())
    found = policy["Statement"]
    return {entry["Action"]: entry for entry in found if str(entry["Action"]).startswith(SERVICES)}


@pytest.mark.parametrize("stage", STAGES)
def test_functions_read_and_sign_and_do_nothing_else(stage: str) -> None:
    """DESIGN §5: no function can change a secret, or make, disable or export a key."""
    assert statements(stage).keys() == {"ssm:GetParameter", "secretsmanager:GetSecretValue", "kms:Sign"}


@pytest.mark.parametrize("stage", STAGES)
def test_the_source_of_a_stage_is_within_its_policy(stage: str) -> None:
    """DESIGN §5: what .chalice/config.json names can be read, and what the other stage has can't."""
    config = json.loads((ROOT / ".chalice" / "config.json").read_text())
    resource = statements(stage)["ssm:GetParameter"]["Resource"]
    arns = {
        name: "arn:aws:ssm:eu-west-1:123456789012:parameter"
        + found["environment_variables"]["SECRETS"].partition(":")[2]
        for name, found in config["stages"].items()
    }
    assert [name for name, arn in arns.items() if fnmatchcase(arn, resource)] == [stage]


@pytest.mark.parametrize("stage", STAGES)
def test_a_function_signs_by_its_own_stages_keys(stage: str) -> None:
    """Issue 4: keys are known by the tag that keys.generate and keys.rotate give them."""
    assert statements(stage)["kms:Sign"]["Condition"] == {
        "StringEquals": {"aws:ResourceTag/grail-stage": stage}
    }
