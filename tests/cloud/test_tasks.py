"""Operators' tasks with --stage dev, against a stage on the local cloud: no code of the tests in between."""

import os
import subprocess
from typing import Any

import pytest

from tasks.processes import module, project_folder
from tests.cloud import local
from tests.cloud.drive import expect
from tests.cloud.stage import NAME, Stage

pytestmark = pytest.mark.cloud
PASSWORD = "analytical engine"


def run(stage: Stage, line: str, status: int = 0) -> str:
    """Run a task of the stage."""
    return invoke(stage, f"{line} --stage {NAME}", status)


def invoke(stage: Stage, line: str, status: int = 0) -> str:
    """Run a task with an operator's credentials, check its status, and return its output."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "STAGE"))}
    credentials = {
        "AWS_ENDPOINT_URL": stage.cloud,
        "AWS_ACCESS_KEY_ID": local.ROOT,
        "AWS_SECRET_ACCESS_KEY": local.ROOT,
        "AWS_DEFAULT_REGION": local.REGION,
    }
    done = subprocess.run(  # noqa: S603 - words that stand below
        module("invoke", *line.split()),
        cwd=project_folder(),
        env={**inherited, **credentials},
        input=f"{PASSWORD}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == status, f"{line}: {said}"
    assert "Traceback" not in said
    return said


def protect(stage: Stage) -> None:
    """Set what the local cloud leaves out of the template's table."""
    client, table = stage.account.client("dynamodb"), f"grail-{NAME}"
    client.update_time_to_live(
        TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"}
    )
    client.update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    client.update_table(TableName=table, SSESpecification={"Enabled": True, "SSEType": "KMS"})


def sign_in(stage: Stage, username: str, client_id: str) -> Any:
    """Get tokens through the gateway."""
    form = {"grant_type": "password", "client_id": client_id, "username": username, "password": PASSWORD}
    return stage.api("POST", "/auth/oauth2/token", form=form)


def test_a_new_stage_gets_its_first_admin_and_app(stage: Stage) -> None:
    """From an empty table to an admin who is signed in, only with tasks; then all other tasks."""
    stage.deploy()
    assert "there is no active admin" in run(stage, "doctor", status=1)
    assert "Made root (admin)" in run(stage, "users.create root root@grail.test --admin --password-stdin")
    said = run(stage, "clients.create root --type public --grant password --scope users:read")
    app = said.split()[-1]
    token = expect(200, sign_in(stage, "root", app)).json["access_token"]
    me = expect(200, stage.api("GET", "/api/v1/users/me", token=token)).json
    assert me["is_admin"]
    assert me["id"] in run(stage, "users.list")
    assert app in run(stage, "clients.list")
    assert "last active admin" in run(stage, "users.disable root", status=2)
    run(stage, "users.reset-password root@grail.test --password-stdin")
    expect(401, stage.api("GET", "/api/v1/users/me", token=token))
    service = run(stage, "clients.create root --scope users:read").splitlines()[0].split()[-1]
    secret = run(stage, f"clients.rotate {service}").splitlines()[1].split()[-1]
    form = {"grant_type": "client_credentials"}
    expect(200, stage.api("POST", "/auth/oauth2/token", form=form, basic=(service, secret)))
    run(stage, f"clients.revoke {service}")
    expect(401, stage.api("POST", "/auth/oauth2/token", form=form, basic=(service, secret)))
    assert "current: signs" in run(stage, "keys.list")
    assert run(stage, "shell --command settings.table_name") == "'grail-dev'\n"
    protect(stage)
    assert run(stage, "doctor").endswith("Nothing is wrong.\n")


def test_the_doctor_finds_what_was_done_to_a_stage(deployed: Stage) -> None:
    """An alarm and a log group that are gone, a function that was changed, and the development data."""
    protect(deployed)
    deployed.account.client("logs").delete_log_group(logGroupName="/aws/apigateway/grail-dev")
    function = {"FunctionName": "grail-dev", "MemorySize": 512}
    deployed.account.client("lambda").update_function_configuration(**function)
    deployed.account.client("cloudwatch").delete_alarms(AlarmNames=["grail-dev server errors"])
    said = run(deployed, "doctor", status=1)
    for words in (
        "grail-dev server errors: missing",
        "AccessLogs (Logs LogGroup) was deleted",
        "APIHandler (Lambda Function) was changed: MemorySize",
        "root has the public password of the development data",
        "service has the public secret of the development data",
    ):
        assert words in said
    deployed.account.client("cloudformation").delete_stack(StackName="grail-dev")
    assert "there is no stack grail-dev in us-east-1" in run(deployed, "doctor", status=1)
