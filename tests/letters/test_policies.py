"""Least privilege of the function that delivers letters, and what starts it."""

import json
import os
from typing import Any

import pytest

from chalicelib.db import keys
from chalicelib.db.table import connection, delete_many
from chalicelib.letters.models import Letter
from chalicelib.settings import Settings
from chalicelib.users.models import User
from tasks.cloud import template
from tasks.cloud.template import fragments
from tasks.processes import project_folder
from tests.api import test_policies
from tests.api.test_policies import STAGES, actions, granted, policy_of
from tests.architecture.test_imports import run as run_python
from tests.calls import Permission, recorded
from tests.letters.conftest import Clock
from tests.letters.mail_tools import outbox, run, told

pytestmark = pytest.mark.in_process("listens to the application's own calls")
at_start = test_policies.at_start  # a fixture
NAME = "send_letters"


def refuse(_message: Any) -> None:
    """Take no letter."""
    raise OSError


@pytest.fixture
def asked(user: User, at_start: set[Permission], clock: Clock) -> set[Permission]:
    """What the function asks for: letters that are sent, refused, dropped and given up."""
    sent: list[str] = []
    for name in ("password_change", "sign_up_with_taken_email"):
        told(name, user.id)
    found = set(at_start)
    with recorded(connection().connection.client, found):
        assert run(lambda message: sent.append(message.id)) == {"sent": 2}
    told("password_change", user.id)
    with recorded(connection().connection.client, found):
        assert run(refuse) == {"failed": 1}
        clock.ahead = 86400
        assert run() == {"given_up": 1}
    clock.ahead = 0
    told("password_change", user.id)
    delete_many([user.key])
    with recorded(connection().connection.client, found):
        assert run() == {"dropped": 1}
    return found


@pytest.mark.parametrize("stage", STAGES)
def test_the_function_may_do_what_it_does_and_nothing_else(stage: str, asked: set[Permission]) -> None:
    """It has a policy of its own."""
    assert granted(stage, policy_of(stage, NAME)) == asked


@pytest.mark.parametrize("stage", STAGES)
def test_secrets_are_read_where_the_policy_allows_it(stage: str) -> None:
    """Links are derived from the stage's document."""
    document = json.loads((project_folder() / ".chalice" / policy_of(stage, NAME)).read_text())
    found = {(action, each["Resource"]) for each in document["Statement"] for action in actions(each)}
    assert ("ssm:GetParameter", f"arn:*:ssm:*:*:parameter/grail/{stage}/secrets") in found


def test_letters_are_sent_as_one_identity() -> None:
    """Where Amazon SES sends them: that of MAIL_FROM, and no other of the account."""
    resources = fragments("dev")["Resources"]
    policy = resources["MailPolicy"]
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert (policy["Condition"], statement["Action"]) == ("SendsBySes", "ses:SendEmail")
    assert statement["Resource"]["Fn::Sub"].endswith(":identity/${MailIdentity}")


@pytest.mark.parametrize(
    ("mail", "mail_from", "identity"),
    [
        ("ses", "Grail <hello@mail.test.example>", "mail.test.example"),
        ("ses", "hello@test.example", "test.example"),
        ("smtp://mail.test.example:587", "hello@test.example", ""),
        (None, "hello@test.example", ""),
    ],
)
def test_the_identity_follows_the_settings(mail: str | None, mail_from: str, identity: str) -> None:
    """Nothing has to be named twice; without SES there is no permission."""
    document: dict[str, Any] = {"Parameters": {"MailIdentity": {"Type": "String", "Default": ""}}}
    template.name_mail_identity(document, Settings(stage="dev", mail=mail, mail_from=mail_from))
    assert document["Parameters"]["MailIdentity"]["Default"] == identity


def test_new_letters_and_due_letters_start_the_function(user: User) -> None:
    """The stream's filter lets through what is written for a letter, and nothing else."""
    events = fragments("dev")["Resources"]["SendLetters"]["Properties"]["Events"]
    (found,) = events["NewLetters"]["Properties"]["FilterCriteria"]["Filters"]
    told("password_change", user.id)
    (letter,) = outbox()
    kind = letter.serialize()["kind"]
    assert json.loads(found["Pattern"]) == {
        "eventName": ["INSERT"],
        "dynamodb": {"NewImage": {"kind": {"S": [kind["S"]]}}},
    }
    assert events["DueLetters"]["Properties"] == {"Schedule": "rate(1 minute)"}


@pytest.mark.parametrize("stage", STAGES)
def test_a_lease_outlives_whoever_took_it(stage: str) -> None:
    """A function that is stopped by its time-out can send nothing any more when its letters are due again."""
    config = json.loads((project_folder() / ".chalice" / "config.json").read_text("utf-8"))
    timeout = config["stages"][stage]["lambda_functions"][NAME]["lambda_timeout"]
    from chalicelib.letters.delivery import FIRST_WAIT, RUN  # noqa: PLC0415 - heavy

    assert RUN < timeout < FIRST_WAIT


def test_requests_import_nothing_that_sends() -> None:
    """Cold starts of the API pay for the listener only."""
    environment = "import os; os.environ['AWS_EC2_METADATA_DISABLED'] = 'true'"
    code = f"{environment}; import sys, app; print(*sorted(sys.modules))"
    done = run_python("-c", code)
    loaded = set(done.stdout.split())
    assert {"chalicelib.letters.outbox"} <= loaded, done.stderr
    late = {f"chalicelib.letters.{name}" for name in ("delivery", "message", "senders")}
    assert loaded & {*late, "smtplib", "email.headerregistry"} == set()
    assert os.environ["STAGE"] == "test"


def test_the_outbox_names_no_key_of_its_own() -> None:
    """Letters are found in the account's partition, by a prefix."""
    assert Letter.at(keys.letter_about("u", "l"), id="l", event="e", due=0).sk.startswith(keys.LETTERS)
