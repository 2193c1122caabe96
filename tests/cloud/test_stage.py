"""A stage, deployed by CloudFormation with IAM enforced, and called through API Gateway."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tasks.data import copy
from tasks.errors import TaskError
from tasks.processes import module, project_folder
from tests.cloud import local
from tests.cloud.drive import UnexpectedError, drive, expect
from tests.cloud.stage import NAME, SCHEDULED, URL, Stage, routes

pytestmark = pytest.mark.cloud
PERMISSIONS = [
    "dynamodb:BatchGetItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
    "ssm:GetParameter",
]


def test_every_route_exists(deployed: Stage) -> None:
    """An API without routes, or with fewer, does not pass."""
    client = deployed.account.client("apigateway")
    pages = client.get_paginator("get_resources").paginate(restApiId=deployed.outputs["RestAPIId"])
    found = {
        (method, resource["path"])
        for page in pages
        for resource in page["items"]
        for method in resource.get("resourceMethods", {})
    }
    assert found - {(method, path) for method, path in found if method == "ANY"} == routes()
    assert {path for method, path in found if method == "ANY"} == {path for _, path in found}


def test_clients_can_do_what_they_do(deployed: Stage) -> None:
    """With the permissions of the policy files and no others, every kind of request works."""
    drive(deployed)


def test_the_api_names_itself_by_its_domain(deployed: Stage) -> None:
    """Issuer, links and problem types are those of the domain that the parameter names."""
    answer = expect(401, deployed.api("GET", "/api/v1/users/me"))
    assert answer.json["type"] == f"{URL}/errors/unauthenticated"
    document = deployed.api("GET", "/api/v1/openapi.json").json
    assert document["servers"][0]["url"] == URL


def test_a_challenge_arrives_as_the_gateway_renames_it(deployed: Stage) -> None:
    """The body repeats it, so that no client depends on the header's name."""
    answer = urllib3.request("GET", f"{deployed.url}/api/v1/users/me", retries=False, timeout=60)
    assert "WWW-Authenticate" not in answer.headers
    assert answer.headers["X-Amzn-Remapped-WWW-Authenticate"] == answer.json()["challenge"] == "Bearer"


def test_unknown_paths_are_problems(deployed: Stage) -> None:
    """Behaviour 51: what the gateway answers by itself has the form of the application's problems."""
    answer = expect(404, deployed.api("GET", "/nowhere", headers={"Authorization": "Bearer x"}))
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json["type"], answer.json["status"]) == (f"{URL}/errors/not-found", 404)
    assert "max-age" in answer.headers["strict-transport-security"]


def test_unknown_methods_are_told_which_there_are(deployed: Stage) -> None:
    """Behaviour 51: 405 with Allow, by the application."""
    answer = expect(405, deployed.api("PUT", "/api/v1/users/me"))
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"


def test_options_reach_the_application(deployed: Stage) -> None:
    """Allow lists what this caller may do here."""
    token = deployed.sign_in("user").json["access_token"]
    assert deployed.api("OPTIONS", "/api/v1/users", token=token).headers["allow"] == "OPTIONS, POST"


def test_a_deployment_keeps_data_and_tokens(deployed: Stage) -> None:
    """A new build answers, with the data and for the tokens of before."""
    token = deployed.sign_in().json["access_token"]
    team = deployed.api("POST", "/api/v1/teams", token=token, data={"title": "Explorers"}).json
    deployed.deploy(Build="the next one")
    assert deployed.api("GET", "/health").json["build"] == "the next one"
    assert deployed.api("GET", f"/api/v1/teams/{team['id']}", token=token).json["title"] == "Explorers"


@pytest.mark.parametrize("permission", PERMISSIONS)
def test_without_one_permission_it_does_not_work(deployed: Stage, permission: str) -> None:
    """IAM is enforced here, and the policy holds nothing that is not needed."""

    def take_away(template: dict[str, Any]) -> None:
        (policy,) = template["Resources"]["ApiHandlerRole"]["Properties"]["Policies"]
        statements = policy["PolicyDocument"]["Statement"]
        for statement in statements:
            actions = statement["Action"]
            left = [
                each for each in ([actions] if isinstance(actions, str) else actions) if each != permission
            ]
            statement["Action"] = left or ["dynamodb:DescribeLimits"]

    deployed.deploy(take_away, Build="less")
    with pytest.raises(UnexpectedError):
        drive(deployed)


def test_the_clean_up_does_its_work_with_permissions_of_its_own(deployed: Stage) -> None:
    """Behaviour 63: what a deleted team leaves behind goes, by the function that runs on a schedule."""
    from tests.support import left_of  # noqa: PLC0415 - after the table is the stage's

    token = deployed.sign_in().json["access_token"]
    team = deployed.api("POST", "/api/v1/teams", token=token, data={"title": "Explorers"}).json["id"]
    expect(204, deployed.api("DELETE", f"/api/v1/teams/{team}", token=token))
    assert left_of(team)
    answer = deployed.account.client("lambda").invoke(
        FunctionName=f"grail-{NAME}-clean_up", Payload=json.dumps(SCHEDULED).encode()
    )
    assert (answer.get("FunctionError"), left_of(team)) == (None, [])


def test_a_failed_deployment_is_taken_back_and_told(deployed: Stage) -> None:
    """The message names what failed first; the previous version keeps running."""

    def break_it(template: dict[str, Any]) -> None:
        template["Resources"]["Broken"] = {
            "Type": "AWS::CloudWatch::Alarm",
            "DependsOn": "RestAPI",
            "Properties": {"Metrics": []},
        }

    with pytest.raises(
        TaskError, match=r"(?s)rolled back, the previous version keeps running.*Broken \(CloudWatch Alarm\)"
    ):
        deployed.deploy(break_it, Build="broken")
    assert deployed.api("GET", "/health").json["build"] != "broken"
    drive(deployed)


def test_the_stack_itself_protects_the_table(deployed: Stage) -> None:
    """The protection covers updates without `invoke deploy`, too."""
    client = deployed.account.client("cloudformation")
    policy = json.loads(client.get_stack_policy(StackName=f"grail-{NAME}")["StackPolicyBody"])
    (deny,) = [each for each in policy["Statement"] if each["Effect"] == "Deny"]
    assert deny["Action"] == ["Update:Replace", "Update:Delete"]
    assert deny["Condition"]["StringEquals"]["ResourceType"] == ["AWS::DynamoDB::Table"]


def test_a_dry_run_changes_nothing(stage: Stage) -> None:
    """It shows what would be made; there is no stack afterwards, not even an empty one."""
    assert stage.deployment.deploy(stage.package, dry_run=True) == {}
    assert any("Add Table (DynamoDB Table)" in line for line in stage.said)
    assert stage.deployment.stack.status in ("", "DELETE_COMPLETE")


def test_no_is_an_answer(stage: Stage) -> None:
    """Nothing is deployed without confirmation."""
    stage.answers = ["n"]
    with pytest.raises(TaskError, match="Nothing was changed"):
        stage.deployment.deploy(stage.package)
    assert not stage.deployment.stack.exists


def test_the_same_package_changes_nothing(deployed: Stage) -> None:
    """Packages are reproducible, so a second deployment has nothing to do."""
    deployed.said.clear()
    deployed.deployment.deploy(deployed.package, yes=True)
    assert "Nothing changes." in deployed.said


def test_protected_data_is_not_destroyed(deployed: Stage) -> None:
    """Not even on request; the message says what to do."""
    with pytest.raises(TaskError, match=r'"DeletionProtection": "false" in infra/parameters/dev\.json'):
        deployed.deployment.destroy(yes=True, delete_data=True)
    drive(deployed)


def test_data_is_destroyed_by_explicit_order_alone(deployed: Stage) -> None:
    """Unprotected, and asked for; then nothing is left."""
    deployed.deploy(DeletionProtection="false")
    deployed.deployment.destroy(yes=True, delete_data=True)
    assert not deployed.deployment.stack.exists
    assert deployed.account.client("dynamodb").list_tables()["TableNames"] == []


def test_no_secret_is_logged_or_deployed(deployed: Stage) -> None:
    """Behaviour 56: passwords, tokens and keys are in no log line, template or package."""
    drive(deployed)
    tokens = deployed.sign_in().json
    deployed.api("GET", "/api/v1/users/me", token=tokens["access_token"])
    document = json.loads((deployed.folder / "secrets.json").read_text())
    pem = document["signing_keys"][0]["pem"].splitlines()[1]
    canaries = [
        tokens["access_token"],
        tokens["refresh_token"],
        pem,
        document["mac_secret"],
        "analytical engine",
    ]
    told = "\n".join(
        [deployed.logs(), "\n".join(deployed.said), deployed.package.template.read_text("utf-8")]
    )
    assert [canary for canary in canaries if canary in told] == []


def test_data_tasks_work_on_a_deployed_stage(deployed: Stage, tmp_path: Path) -> None:
    """--stage dev takes the caller's credentials, as for a stage in AWS."""
    expect(200, deployed.sign_in())
    path = tmp_path / "export.jsonl.gz"
    assert run_task(deployed, "db.export", "--output", str(path))[0] == 0
    count = sum(1 for _ in copy.read(path))
    assert run_task(deployed, "db.check") == (0, f"{count} items: no findings.")
    status, said = run_task(deployed, "db.migrate", "--dry-run")
    assert (status, " 0 items to migrate." in said) == (0, True)
    refused = {
        "holds items already": ("db.import", "--input", str(path)),
        "dev is deployed": ("db.seed",),
    }
    for reason, arguments in refused.items():
        status, said = run_task(deployed, *arguments)
        assert (status, reason in said) == (2, True)
    assert run_task(deployed, "db.import", "--merge", "--input", str(path))[0] == 0


def run_task(stage: Stage, *arguments: str) -> tuple[int, str]:
    """Run a task on the stage with root's credentials, and return its status and its last line."""
    inherited = {name: text for name, text in os.environ.items() if not name.startswith(("AWS_", "STAGE"))}
    account = {
        "AWS_ACCESS_KEY_ID": local.ROOT,
        "AWS_SECRET_ACCESS_KEY": local.ROOT,
        "AWS_DEFAULT_REGION": local.REGION,
        "AWS_ENDPOINT_URL": stage.cloud,
    }
    done = subprocess.run(  # noqa: S603 - words that stand above
        module("invoke", *arguments, "--stage", NAME),
        cwd=project_folder(),
        env=inherited | account,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, (done.stdout + done.stderr).strip().splitlines()[-1]
