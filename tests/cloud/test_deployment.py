"""A deployment looks before, tests itself afterwards, and goes back by itself."""

from typing import Any

import pytest

from tasks.cloud.history import History
from tasks.cloud.trial import Trial
from tasks.errors import TaskError
from tests.cloud.drive import drive
from tests.cloud.stage import NAME, SECRETS, Stage

pytestmark = pytest.mark.cloud
TABLE = f"grail-{NAME}"


@pytest.fixture
def tested(stage: Stage) -> Stage:
    """A stage whose deployments are tested, as `invoke deploy` does."""
    stage.deployment.test, stage.deployment.examine = Trial.run, Trial.examine
    return stage


def break_sign_in(template: dict[str, Any]) -> None:
    """Make a build that starts, and can't read its table."""
    (policy,) = template["Resources"]["ApiHandlerRole"]["Properties"]["Policies"]
    for statement in policy["PolicyDocument"]["Statement"]:
        if statement["Sid"] == "Table":
            statement["Action"] = ["dynamodb:Query"]


def test_a_stage_without_secrets_is_refused_before_anything_is_made(tested: Stage) -> None:
    """One line says what to do."""
    tested.account.client("ssm").delete_parameter(Name=SECRETS)
    with pytest.raises(TaskError, match=r"There is no ssm:/grail/dev/secrets.*keys\.generate --stage dev"):
        tested.deploy()
    assert not tested.deployment.stack.exists
    tested.account.client("ssm").put_parameter(Name=SECRETS, Type="SecureString", Value="{}")
    with pytest.raises(TaskError, match="is unusable \\(KeyError\\)"):
        tested.deploy()


def test_a_concurrency_that_the_account_cannot_reserve_is_refused(tested: Stage) -> None:
    """CloudFormation would notice after minutes."""
    with pytest.raises(TaskError, match="MaxConcurrency is 5000, and this account can reserve at most"):
        tested.deploy(MaxConcurrency="5000")


def test_what_was_deployed_is_tested_and_nothing_of_the_test_stays(tested: Stage) -> None:
    """An account that nobody can sign in to owns the client of each test, which goes with its team."""
    tested.deploy(Build="one")
    assert any(line.endswith(" works.") for line in tested.said)
    items = tested.account.client("dynamodb").scan(TableName=TABLE)["Items"]
    kinds = [item["pk"]["S"].partition("#")[0] for item in items]
    assert "CLIENT" not in [kind.upper() for kind in kinds]
    found = tested.account.client("dynamodb").describe_table(TableName=TABLE)["Table"]
    assert found["DeletionProtectionEnabled"]


def test_a_build_that_does_not_work_goes_back_by_itself(tested: Stage) -> None:
    """The reason is one line, and the build before keeps answering."""
    tested.deploy(Build="one")
    tested.seed()
    with pytest.raises(
        TaskError, match=r"(?s)does not work with this build: .*\nIt is back at the build one"
    ):
        tested.deploy(break_sign_in, Build="two")
    assert tested.api("GET", "/health").json["build"] == "one"
    drive(tested)


def test_a_rollback_deploys_what_ran_before(tested: Stage) -> None:
    """Its code, template and parameters, without building anything; a second one has nothing to go to."""
    tested.deploy(Build="one")
    tested.deploy(Build="two")
    tested.deployment.rollback(yes=True)
    assert tested.api("GET", "/health").json["build"] == "one"
    with pytest.raises(TaskError, match="Nothing is known that grail-dev ran before"):
        tested.deployment.rollback(yes=True)


def test_only_code_that_another_stage_runs_is_promoted(tested: Stage) -> None:
    """By its digest."""
    history = History(tested.account, NAME)
    with pytest.raises(TaskError, match=r"dev runs nothing, and this package is \w{12}: deploy it to dev"):
        history.require(tested.package.digest)
    tested.deploy()
    history.require(tested.package.digest)


def test_a_destroyed_stage_comes_back_with_its_data(tested: Stage) -> None:
    """The table stays, and the next deployment takes it."""
    tested.deploy()
    tested.seed()
    tested.deployment.destroy(yes=True)
    assert any("stays, with its data" in line for line in tested.said)
    tested.deploy(Build="again")
    assert any("becomes the stack's, with its data" in line for line in tested.said)
    drive(tested)
