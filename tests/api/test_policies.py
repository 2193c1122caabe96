"""Least privilege: the policy files grant what the code asks of AWS, no more and no less."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.session import Session

import app as application
from chalicelib.db.table import connection
from chalicelib.jobs import clean_up
from chalicelib.security.aws import Aws
from chalicelib.security.keys import new_secrets
from chalicelib.security.keystore import open_keystore
from chalicelib.settings import Settings
from tasks.processes import project_folder
from tests.acting import add_member, create_team
from tests.api.world import PASSWORD, World, open_world
from tests.calls import Permission, recorded

pytestmark = pytest.mark.in_process("listens to the application's own calls")

STAGES = ("dev", "prod")
# What Lambda itself does for a function, and no code of ours.
OF_LAMBDA = ("logs:", "xray:")
TOKEN = "/auth/oauth2/token"


@pytest.fixture(scope="module")
def world(settings: Settings) -> Iterator[World]:
    """Everybody."""
    with open_world(settings) as everybody:
        yield everybody


@pytest.fixture(scope="module")
def at_start(settings: Settings) -> set[Permission]:
    """What importing the application asks for: its secrets, from where a deployed stage has them."""
    found: set[Permission] = set()
    session = Session()
    session.create_client("ssm", "us-east-1").put_parameter(
        Name="/grail/test/secrets", Type="SecureString", Value=json.dumps(new_secrets()), Overwrite=True
    )
    aws = Aws(session, "us-east-1")
    with pytest.MonkeyPatch.context() as patch, recorded(aws.client("ssm"), found):
        patch.setattr("chalicelib.security.keystore.Aws", lambda *_: aws)
        open_keystore(replace(settings, secrets="ssm:/grail/test/secrets"), session)
    return found


@pytest.fixture(scope="module")
def of_the_api(world: World, at_start: set[Permission]) -> set[Permission]:
    """What every operation asks for, called by an admin, and every grant."""
    found = set(at_start)
    with recorded(connection().connection.client, found):
        for path, operations in application.api.operations.items():
            for method in operations:
                world.request("admin", method, path)
                world.request("leader", method, path)
        deleted = f"/api/v1/teams/{world.team.id}"
        assert world.api("DELETE", deleted, token=world.token("admin")).status == 204
    return found


@pytest.fixture(scope="module")
def of_the_clean_up(world: World, of_the_api: set[Permission], at_start: set[Permission]) -> set[Permission]:
    """What the function asks for that runs on a schedule, with what a deleted team and an account left."""
    member = world.users["member"]
    add_member(create_team("Looms", world.users["admin"].id, "admin"), member, is_leader=False)
    path, body = f"/api/v1/users/{member.id}", {"current_password": PASSWORD}
    assert world.api("DELETE", path, token=world.token("admin"), data=body).status == 204
    found = set(at_start)
    with recorded(connection().connection.client, found):
        assert clean_up() > 0
    return found


def granted(stage: str, name: str) -> set[Permission]:
    """What a policy file grants, with the names of the stage test in the place of its own."""
    document = json.loads((project_folder() / ".chalice" / name).read_text("utf-8"))
    return {
        (action, statement["Resource"].split(":", 5)[5].replace(f"grail-{stage}", "grail-test")
         .replace(f"/grail/{stage}/", "/grail/test/"))
        for statement in document["Statement"]
        for action in actions(statement)
        if not action.startswith(OF_LAMBDA)
    }  # fmt: skip


def actions(statement: dict[str, Any]) -> list[str]:
    """The actions of a statement."""
    found: str | list[str] = statement["Action"]
    return [found] if isinstance(found, str) else found


def policy_of(stage: str, function: str) -> str:
    """The policy file of a function, by Chalice's configuration."""
    config = json.loads((project_folder() / ".chalice" / "config.json").read_text("utf-8"))
    return str(config["stages"][stage]["lambda_functions"][function]["iam_policy_file"])


@pytest.mark.parametrize("stage", STAGES)
def test_the_api_may_do_what_it_does_and_nothing_else(stage: str, of_the_api: set[Permission]) -> None:
    """Every operation is called; a permission too few breaks one, one too many helps an attacker."""
    assert granted(stage, policy_of(stage, "api_handler")) == of_the_api


@pytest.mark.parametrize("stage", STAGES)
def test_the_clean_up_may_do_what_it_does_and_nothing_else(
    stage: str, of_the_clean_up: set[Permission]
) -> None:
    """The scheduled function has a policy of its own."""
    assert granted(stage, policy_of(stage, "clean_up")) == of_the_clean_up


@pytest.mark.parametrize("stage", STAGES)
def test_secrets_are_read_where_the_policy_allows_it(stage: str) -> None:
    """SECRETS of a stage and its policies name the same parameter."""
    config = json.loads((project_folder() / ".chalice" / "config.json").read_text("utf-8"))
    kind, _, name = config["stages"][stage]["environment_variables"]["SECRETS"].partition(":")
    for function in ("api_handler", "clean_up"):
        document = json.loads((project_folder() / ".chalice" / policy_of(stage, function)).read_text())
        assert (f"{kind}:GetParameter", f"arn:*:ssm:*:*:parameter{name}") in {
            (action, each["Resource"]) for each in document["Statement"] for action in actions(each)
        }
