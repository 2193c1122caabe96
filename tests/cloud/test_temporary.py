"""A temporary stage, from its creation to its end, only with tasks."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tasks.cloud.package import Runtime
from tasks.processes import module, project_folder
from tests.cloud import local
from tests.cloud.stage import Stage
from tests.e2e.stack import copy_project

pytestmark = pytest.mark.cloud
NAME = "pr-123"


def run(stage: Stage, folder: Path, line: str) -> str:
    """Run a task in a copy of the project."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "STAGE"))}
    credentials = {
        "AWS_ENDPOINT_URL": stage.cloud,
        "AWS_ACCESS_KEY_ID": local.ROOT,
        "AWS_SECRET_ACCESS_KEY": local.ROOT,
        "AWS_DEFAULT_REGION": local.REGION,
    }
    done = subprocess.run(  # noqa: S603 - words that stand below
        module("invoke", *line.split()),
        cwd=folder,
        env={**inherited, **credentials},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def on_this_machine(folder: Path) -> None:
    """Have functions run where the local cloud runs them."""
    here = Runtime.here()
    assert here
    path = folder / ".chalice" / "config.json"
    config: dict[str, Any] = json.loads(path.read_text())
    config |= {"python_version": here.python, "lambda_architecture": here.architecture}
    path.write_text(json.dumps(config))


def left(stage: Stage) -> list[str]:
    """What there is in the account with the stage's name."""
    client = stage.account.client
    found = [each["FunctionName"] for each in client("lambda").list_functions()["Functions"]]
    found += client("dynamodb").list_tables()["TableNames"]
    found += [each["Name"] for each in client("ssm").describe_parameters()["Parameters"]]
    found += [each["logGroupName"] for each in client("logs").describe_log_groups()["logGroups"]]
    found += [each["AlarmName"] for each in client("cloudwatch").describe_alarms()["MetricAlarms"]]
    found += [each["RoleName"] for each in client("iam").list_roles()["Roles"]]
    found += [each["name"] for each in client("apigateway").get_rest_apis()["items"]]
    objects = client("s3").list_objects_v2(Bucket=stage.account.bucket).get("Contents", [])
    found += [each["Key"] for each in objects]
    return [name for name in found if NAME in name and "ApiGatewayLogWriter" not in name]


def test_a_temporary_stage_leaves_nothing_behind(stage: Stage, tmp_path: Path) -> None:
    """Created like dev, deployed, tested, and destroyed; the log writer of API Gateway is the account's."""
    folder = tmp_path / "project"
    folder.mkdir()
    copy_project(folder)
    for name in ("infra", "requirements.txt"):
        source = project_folder() / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy(source, folder)
    on_this_machine(folder)
    run(stage, folder, f"stage.create {NAME} --like dev")
    run(stage, folder, f"keys.generate --stage {NAME}")
    assert " works.\n" in run(stage, folder, f"deploy --stage {NAME} --yes")
    assert f"grail-{NAME}-clean_up" in left(stage)
    run(stage, folder, f"destroy --stage {NAME} --yes --delete-data")
    assert left(stage) == []
