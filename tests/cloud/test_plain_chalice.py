"""Unmodified `chalice deploy` on the local cloud, with the policies of .chalice/ enforced."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import app as application
from chalicelib.db.table import create_table
from tasks.cloud.package import Runtime
from tasks.processes import project_folder
from tests.cloud import local
from tests.cloud.drive import expect
from tests.cloud.stage import NAME, Stage
from tests.http import Client, InProcess

pytestmark = pytest.mark.cloud
FUNCTION = f"grail-{NAME}"


def chalice(folder: Path, cloud: str, command: str) -> str:
    """Run a command of Chalice against a cloud, and return its output."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "AWS_ENDPOINT_URL": cloud,
        "AWS_ACCESS_KEY_ID": local.ROOT,
        "AWS_SECRET_ACCESS_KEY": local.ROOT,
        "AWS_DEFAULT_REGION": local.REGION,
    }
    done = subprocess.run(  # noqa: S603 - Chalice of this environment
        [Path(sys.executable).with_name("chalice"), command, "--stage", NAME],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of what ships, for Chalice to note in what it deployed."""
    target = tmp_path / "grail"
    for name in ("chalicelib", ".chalice"):
        shutil.copytree(project_folder() / name, target / name, ignore=shutil.ignore_patterns("deploy*"))
    for name in ("app.py", "requirements.txt"):
        shutil.copy(project_folder() / name, target)
    here = Runtime.here()
    config = target / ".chalice" / "config.json"
    if here:  # the local cloud runs it on this machine
        config.write_text(config.read_text().replace('"arm64"', f'"{here.architecture}"'))
    return target


class Invoked(InProcess):
    """Calls the deployed function with the event that API Gateway would make.

    The local cloud can't import the document of an API (ImportRestApi), so nothing stands in front of it.
    """

    def __init__(self, stage: Stage) -> None:
        super().__init__(application.app)
        self.functions = stage.account.client("lambda")

    def call(self, event: dict[str, Any]) -> Any:
        """Call it, and return its answer."""
        body = event["body"] and event["body"].decode()
        payload = json.dumps({**event, "body": body})
        found = self.functions.invoke(FunctionName=FUNCTION, Payload=payload)
        return json.load(found["Payload"])


def test_plain_chalice_deploys_and_deletes(stage: Stage, folder: Path) -> None:
    """`chalice deploy --stage dev` works as is, with a table that was made beside it."""
    stage.connect()
    create_table()
    stage.seed()
    said = chalice(folder, stage.cloud, "deploy")
    assert f"function:{FUNCTION}\n" in said
    assert "Rest API URL: https://" in said
    api = Client(Invoked(stage))
    assert expect(200, api("GET", "/health?deep=1")).json["status"] == "ok"
    form = {"grant_type": "password", "client_id": "documentation", "username": "root", "password": "q"}
    token = expect(200, api("POST", "/auth/oauth2/token", form=form)).json["access_token"]
    assert expect(200, api("GET", "/api/v1/users/me", token=token)).json["username"] == "root"
    expect(201, api("POST", "/api/v1/teams", token=token, data={"title": "Engines"}))
    chalice(folder, stage.cloud, "delete")
    assert stage.account.client("lambda").list_functions()["Functions"] == []
    assert stage.account.client("dynamodb").list_tables()["TableNames"] == [f"grail-{NAME}"]
