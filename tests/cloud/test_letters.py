"""Letters of a deployed stage: the table's stream wakes the function, and Amazon SES takes them."""

import json
import time
from typing import Any

import pytest
import urllib3

from tasks import letters
from tests.cloud.drive import expect
from tests.cloud.stage import NAME, SCHEDULED, URL, Stage
from tests.support import a_context, confirmed, replace

pytestmark = pytest.mark.cloud
DOMAIN = "mail.grail.test"
SENDER = f"Grail <hello@{DOMAIN}>"
MOST = 120  # seconds; the stream is asked each second


def with_mail(template: dict[str, Any]) -> None:
    """Set MAIL, as environment_variables in .chalice/config.json do."""
    for name in ("APIHandler", "SendLetters"):
        variables = template["Resources"][name]["Properties"]["Environment"]["Variables"]
        variables |= {"MAIL": "ses", "MAIL_FROM": SENDER}


def with_any_identity(template: dict[str, Any]) -> None:
    """Permit to send as any identity: this cloud does not tell as which one a letter is sent."""
    with_mail(template)
    (statement,) = template["Resources"]["MailPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    statement["Resource"] = "*"


def change_password(stage: Stage, old: str, new: str) -> None:
    """Change the password of the user, which is told by letter."""
    form = {"grant_type": "password", "client_id": "documentation", "username": "user", "password": old}
    token = expect(200, stage.api("POST", "/auth/oauth2/token", form=form)).json["access_token"]
    me = expect(200, stage.api("GET", "/api/v1/users/me", token=token)).json["id"]
    patch = confirmed(old, replace("/password", new))
    expect(200, stage.api("PATCH", f"/api/v1/users/{me}", token=token, data=patch))


def sent(stage: Stage) -> list[dict[str, Any]]:
    """What Amazon SES took."""
    answer = urllib3.request("GET", f"{stage.cloud}/_ministack/ses/messages").json()
    found = answer["messages"]
    return found if isinstance(found, list) else [each for some in found.values() for each in some]


def wait_until(stage: Stage, amount: int) -> list[dict[str, Any]]:
    """Wait until so many letters were sent."""
    end = time.monotonic() + MOST
    while len(sent(stage)) < amount and time.monotonic() < end:
        time.sleep(0.5)
    return sent(stage)


def test_letters_are_sent_by_stream_and_schedule_with_a_permission_of_their_own(stage: Stage) -> None:
    """What is refused waits, and is sent when it is permitted; a new letter is sent at once."""
    stage.account.client("sesv2").create_email_identity(EmailIdentity=DOMAIN)
    stage.deploy(with_mail, MailIdentity=DOMAIN)
    stage.seed()
    change_password(stage, "w", "analytical engine")
    end = time.monotonic() + MOST
    while "was not sent: SES: ClientError: AccessDenied" not in stage.logs() and time.monotonic() < end:
        time.sleep(0.5)
    assert sent(stage) == []
    stage.deploy(with_any_identity, MailIdentity=DOMAIN)
    stage.connect()
    assert letters.resend(a_context(), "") == 1
    stage.account.client("lambda").invoke(
        FunctionName=f"grail-{NAME}-send_letters", Payload=json.dumps(SCHEDULED).encode()
    )
    (letter,) = wait_until(stage, 1)
    assert (letter["Source"], letter["Subject"]) == (SENDER, "Your password was changed")
    assert f"{URL}/account/forgotten" in letter["BodyText"]
    change_password(stage, "analytical engine", "difference engine")
    assert len(wait_until(stage, 2)) == 2
