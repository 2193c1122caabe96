"""What is printed and done when CloudFormation fails or leaves resources behind."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError
from botocore.session import Session
from invoke.context import Context

from tasks import stages
from tasks.cloud import package as package_module
from tasks.cloud.account import Account
from tasks.cloud.bootstrap import bootstrap
from tasks.cloud.deploy import STACK_POLICY, Deployment
from tasks.cloud.history import History, Record
from tasks.cloud.package import Package
from tasks.cloud.preflight import obstacles
from tasks.cloud.stack import UNUSABLE, Stack, ending
from tasks.commands import cloud
from tasks.errors import TaskError
from tasks.stages import settings_of
from tests.tasks.operators import refused


class Recorded:
    """A client of AWS that returns prepared answers, and records its requests."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.calls: list[str] = []
        self.arguments: dict[str, dict[str, Any]] = {}

    def __getattr__(self, name: str) -> Any:
        def call(**arguments: Any) -> Any:
            self.calls.append(name)
            self.arguments[name] = arguments
            answer = self.answers.get(name, {})
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


class Fixed(Account):
    """An account with a few services."""

    def __init__(self, **clients: Recorded) -> None:
        super().__init__(Session())
        self.clients = clients

    def client(self, service: str) -> Any:
        """Return the client of a service."""
        return self.clients[service]


def stack_in(status: str) -> Recorded:
    """A stack in a state."""
    return Recorded(describe_stacks={"Stacks": [{"StackName": "grail-dev", "StackStatus": status}]})


@pytest.mark.parametrize("status", UNUSABLE)
def test_a_protected_table_of_a_stack_that_never_worked_can_be_let_go(status: str) -> None:
    """A first deployment that fails can't be rolled back, as its table is protected at once."""
    table = Recorded(describe_table={"Table": {"DeletionProtectionEnabled": True}})
    deployment = Deployment("dev", Fixed(cloudformation=stack_in(status), dynamodb=table))
    with pytest.raises(TaskError, match="no-deletion-protection-enabled --table-name grail-dev"):
        deployment.destroy(yes=True, delete_data=True)
    assert table.calls == ["describe_table"]


def test_a_protected_table_in_use_is_let_go_by_its_parameter() -> None:
    """What is committed says whether data may go."""
    table = Recorded(describe_table={"Table": {"DeletionProtectionEnabled": True}})
    deployment = Deployment("dev", Fixed(cloudformation=stack_in("UPDATE_COMPLETE"), dynamodb=table))
    with pytest.raises(TaskError, match=r'"DeletionProtection": "false" in infra/parameters/dev\.json'):
        deployment.destroy(yes=True, delete_data=True)


@pytest.mark.parametrize("status", UNUSABLE)
def test_nothing_is_deployed_over_what_is_left(status: str) -> None:
    """CloudFormation would refuse it in its own words."""
    client = stack_in(status)
    with pytest.raises(TaskError, match="invoke destroy"):
        Stack(client, "grail-dev").propose("a-change", "https://template", {})
    assert "create_change_set" not in client.calls


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("ROLLBACK_COMPLETE", "nothing of it is left"),
        ("UPDATE_ROLLBACK_COMPLETE", "the previous version keeps running"),
        ("ROLLBACK_FAILED", "invoke destroy --stage dev --delete-data"),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback --stack-name grail-dev"),
    ],
)
def test_the_end_is_told_as_it_is(status: str, said: str) -> None:
    """A rollback is reported clearly, even one that failed."""
    assert said in ending(status, "grail-dev")


@pytest.mark.parametrize("status", UNUSABLE)
def test_the_stack_of_the_account_is_deleted_as_no_stage_is(status: str) -> None:
    """`invoke destroy` knows stages only."""
    deletion = "aws cloudformation delete-stack --stack-name grail-bootstrap"
    with pytest.raises(TaskError, match=deletion):
        Stack(stack_in(status), "grail-bootstrap").propose("a-change", "https://template", {})
    assert deletion in ending("ROLLBACK_FAILED", "grail-bootstrap")


def test_a_stack_refuses_to_lose_the_table() -> None:
    """CloudFormation refuses what would replace or remove the table, whoever updates the stack."""
    statement = STACK_POLICY["Statement"][1]
    assert statement["Effect"] == "Deny"
    assert statement["Action"] == ["Update:Replace", "Update:Delete"]
    assert statement["Condition"] == {"StringEquals": {"ResourceType": ["AWS::DynamoDB::Table"]}}


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-central-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_the_policy_of_the_bucket_is_for_the_partition(region: str, partition: str) -> None:
    """S3 refuses a policy whose ARNs are of another partition."""
    s3 = Recorded()
    account = Fixed(s3=s3)
    account.session.set_config_variable("region", region)
    account._create_bucket("packages")
    policy = json.loads(s3.arguments["put_bucket_policy"]["Policy"])
    arn = f"arn:{partition}:s3:::packages"
    assert policy["Statement"][0]["Resource"] == [arn, f"{arn}/*"]


@pytest.mark.parametrize("stage", ["local", "test"])
def test_a_local_name_is_not_deployed(stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its functions would look for their table on the machine that they run on."""
    monkeypatch.setattr(package_module, "configuration", lambda: {"stages": {stage: {}}})
    refused(f"Cannot deploy a stage called {stage}", cloud.package, stage)
    refused(f"Cannot deploy a stage called {stage}", cloud.deploy, stage, yes=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A package of the stage dev that was made elsewhere."""
    (tmp_path / "template.json").write_text('{"Parameters": {"Stage": {"Default": "dev"}}, "Resources": {}}')
    (tmp_path / "deployment.zip").write_bytes(b"code")
    return tmp_path


def test_a_package_that_was_made_elsewhere_is_deployed_as_it_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipeline builds where it has no rights, and deploys where it builds nothing."""
    deployed: list[Package] = []
    monkeypatch.setattr(Account, "number", "0" * 12)
    monkeypatch.setattr(Deployment, "deploy", lambda _, package, **__: deployed.append(package))
    cloud.deploy(Context(), "dev", yes=True, packaged=str(folder))
    assert [package.code for package in deployed] == [folder / "deployment.zip"]


@pytest.mark.parametrize(
    ("stage", "missing", "said"),
    [
        ("prod", "", "template.json is for the stage dev, not for prod."),
        ("dev", "deployment.zip", "There is no"),
        ("dev", "template.json", "There is no"),
    ],
)
def test_a_package_that_does_not_fit_is_refused(folder: Path, stage: str, missing: str, said: str) -> None:
    """Before anything is uploaded."""
    if missing:
        (folder / missing).unlink()
    with pytest.raises(TaskError, match=said):
        Package(folder).require_ready(stage)


def test_a_package_for_another_runtime_is_refused(folder: Path) -> None:
    """Its bytecode and native modules would not load; one line says what to do."""
    function = {"Properties": {"Runtime": "python3.12", "Architectures": ["x86_64"]}}
    template = {"Parameters": {"Stage": {"Default": "dev"}}, "Resources": {"APIHandler": function}}
    (folder / "template.json").write_text(json.dumps(template))
    with pytest.raises(TaskError, match=r"for python3\.12 x86_64, and dev runs on python3\.13 arm64: make"):
        Package(folder).require_ready("dev")


class Refused(Recorded):
    """CloudFormation, refusing a change set for what it finds before it changes anything."""

    def get_waiter(self, _condition: str) -> Any:
        """Fail at once."""
        reason = "[AWS::EarlyValidation::ResourceExistenceCheck]. To troubleshoot, use the DescribeEvents API"

        def fail(**_: Any) -> None:
            raise WaiterError("ChangeSetCreateComplete", "failed", {"StatusReason": reason})

        return SimpleNamespace(wait=fail)

    def get_paginator(self, name: str) -> Any:
        """Return the events that name the resource."""
        event = {
            "LogicalResourceId": "ApiHandlerLogGroup",
            "PhysicalResourceId": "/aws/lambda/grail-dev",
            "ValidationStatusReason": "Resource of type 'AWS::Logs::LogGroup' already exists.",
        }
        pages = {"describe_events": [{"OperationEvents": [{"EventType": "STACK_EVENT"}, event]}]}
        return SimpleNamespace(paginate=lambda **_: pages[name])


def test_early_validation_is_told_with_the_resource_and_what_to_do() -> None:
    """The change set's own reason names neither; the empty stack that it made is removed."""
    stack = {"StackName": "grail-dev", "StackStatus": "REVIEW_IN_PROGRESS"}
    client = Refused(describe_stacks={"Stacks": [stack]})
    with pytest.raises(TaskError, match=r"Group \(/aws/lambda/grail-dev\): .* exists.*delete it there"):
        Stack(client, "grail-dev").propose("a-change", "https://template", {})
    assert client.calls[-1] == "delete_stack"


class Unchanged(Recorded):
    """CloudFormation, with a change set that changes nothing."""

    def get_waiter(self, _condition: str) -> Any:
        """Have it at once."""
        return SimpleNamespace(wait=lambda **_: None)

    changes: tuple[dict[str, Any], ...] = ()

    def get_paginator(self, _name: str) -> Any:
        """Return the changes."""
        return SimpleNamespace(paginate=lambda **_: [{"Changes": self.changes}])


def told(tags: list[dict[str, str]]) -> dict[str, str]:
    """Tags by their names."""
    return {each["Key"]: each["Value"] for each in tags}


def test_stacks_have_tags_for_the_bill(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Those of infra/tags.json, which may name an owner; those of a stage name it as well."""
    (tmp_path / "tags.json").write_text('{"application": "grail", "owner": "platform"}')
    (tmp_path / "bootstrap.yaml").write_text("Resources: {}")
    monkeypatch.setattr(stages, "INFRA", tmp_path)
    common = {"application": "grail", "owner": "platform"}
    client = Unchanged(describe_stacks={"Stacks": [{"StackName": "it", "StackStatus": "UPDATE_COMPLETE"}]})
    account = Fixed(cloudformation=client, sts=Recorded(get_caller_identity={"Account": "0" * 12}))
    account.session.set_config_variable("region", "eu-central-1")
    Deployment("dev", account)._change(Record("https://template", {}, "digest"), yes=True)
    assert told(client.arguments["create_change_set"]["Tags"]) == {**common, "stage": "dev"}
    bootstrap(account, {}, yes=True, say=lambda _: None)
    assert told(client.arguments["create_change_set"]["Tags"]) == common


def test_preparing_an_account_again_keeps_what_is_left_out() -> None:
    """Otherwise an update would remove the roles of the repository, and the budget."""
    values = {"Repository": "owner/name", "Budget": "80", "BudgetEmail": "old@grail.test"}
    found = [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]
    stack = {"StackName": "it", "StackStatus": "UPDATE_COMPLETE", "Parameters": found}
    client = Unchanged(describe_stacks={"Stacks": [stack]})
    account = Fixed(cloudformation=client, sts=Recorded(get_caller_identity={"Account": "0" * 12}))
    account.session.set_config_variable("region", "eu-central-1")
    given = {"Repository": "", "BudgetEmail": "new@grail.test"}
    bootstrap(account, given, yes=True, say=lambda _: None)
    sent = client.arguments["create_change_set"]["Parameters"]
    assert {each["ParameterKey"]: each["ParameterValue"] for each in sent} == {
        **values,
        "BudgetEmail": "new@grail.test",
    }


DENIED = ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetParameter")


@pytest.mark.parametrize(("stage", "count"), [("prod", 1), ("dev", 0)])
def test_prod_gets_only_what_is_committed(stage: str, count: int) -> None:
    """Nobody else could tell what runs there. Secrets that the caller may not read are not checked."""
    account = Fixed(ssm=Recorded(get_parameter=DENIED))
    found = obstacles(account, settings_of(stage), {"Build": "v1-dirty"}, new=False)
    assert len([each for each in found if "only what is committed" in each]) == len(found) == count


def test_functions_of_plain_chalice_are_in_the_way() -> None:
    """They have the names of the stack's."""
    account = Fixed(ssm=Recorded(get_parameter=DENIED), **{"lambda": Recorded()})
    (found,) = obstacles(account, settings_of("dev"), {"Build": "v1"}, new=True)
    assert found == "The function grail-dev exists and belongs to no stack: chalice delete --stage dev"


def nobody(_question: str) -> str:
    """Standard input is at its end."""
    raise EOFError


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_where_nobody_answers_nothing_is_deployed(stage: str) -> None:
    """One clear line, and no change set remains."""
    client = Unchanged(**stack_in("UPDATE_COMPLETE").answers)
    change = {"Action": "Add", "LogicalResourceId": "Table", "ResourceType": "AWS::DynamoDB::Table"}
    client.changes = ({"ResourceChange": change},)
    said: list[str] = []
    deployment = Deployment(stage, Fixed(cloudformation=client), nobody, said.append)
    with pytest.raises(TaskError, match=f"Pass --yes to deploy grail-{stage}"):
        deployment._change(Record("https://template", {}, "digest"), yes=False)
    assert said == ["  Add Table (DynamoDB Table)"]
    assert "delete_change_set" in client.calls
    assert "execute_change_set" not in client.calls


def test_where_nobody_answers_nothing_is_deleted() -> None:
    """One clear line."""
    client = stack_in("UPDATE_COMPLETE")
    table = Recorded(describe_table={"Table": {"DeletionProtectionEnabled": False}})
    deployment = Deployment("dev", Fixed(cloudformation=client, dynamodb=table), ask=nobody)
    with pytest.raises(TaskError, match="Pass --yes to delete grail-dev"):
        deployment.destroy(delete_data=True)
    assert "delete_stack" not in client.calls


@pytest.mark.parametrize(
    "left", [{"StackName": "grail-dev", "StackId": "1", "StackStatus": "ROLLBACK_COMPLETE"}, None]
)
def test_a_stage_that_never_worked_leaves_no_secrets(
    left: dict[str, str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its table is gone, or even its stack; keys that stay would be in the way of new ones."""
    monkeypatch.setattr(History, "clear", lambda _: None)
    monkeypatch.setattr(Stack, "delete", lambda _: True)
    missing = ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "DescribeTable")
    table, ssm = Recorded(describe_table=missing), Recorded()
    stack = Recorded(describe_stacks={"Stacks": [left] if left else []})
    account = Fixed(cloudformation=stack, dynamodb=table, ssm=ssm)
    account.region = "eu-central-1"
    Deployment("dev", account).destroy(yes=True, delete_data=True)
    assert ssm.arguments == {"delete_parameters": {"Names": ["/grail/dev/secrets"]}}
    assert "delete_table" not in table.calls


def test_without_a_stack_nothing_but_the_data_can_be_destroyed() -> None:
    """Another region or account is meant, most likely."""
    account = Fixed(cloudformation=Recorded(describe_stacks={"Stacks": []}))
    account.region = "eu-central-1"
    with pytest.raises(TaskError, match="There is no grail-dev in eu-central-1"):
        Deployment("dev", account).destroy(yes=True)
