"""MAIL and MAIL_FROM: what a stage starts with, and what it refuses."""

import pytest

from chalicelib.settings import LOCAL_FOLDER, Settings, SettingsError

PROD = {"STAGE": "prod", "SECRETS": "file:/run/keys.json", "MAIL_FROM": "Grail <hello@mail.test.example>"}
ON_A_STAGE = {"AWS_CHALICE_CLI_MODE": "true", **PROD}


@pytest.mark.parametrize(
    ("environ", "mail", "mail_from"),
    [
        ({}, f"file:{LOCAL_FOLDER / 'letters'}", "Grail <grail@localhost>"),
        ({"MAIL": "smtp://127.0.0.1:2525"}, "smtp://127.0.0.1:2525", "Grail <grail@localhost>"),
        ({"MAIL": "file:/run/letters"}, "file:/run/letters", "Grail <grail@localhost>"),
        ({"STAGE": "test"}, None, "Grail <grail@localhost>"),
        (PROD, None, "Grail <hello@mail.test.example>"),
        ({**PROD, "MAIL": "ses"}, "ses", "Grail <hello@mail.test.example>"),
        ({**PROD, "MAIL": "smtp://mail.test.example:587"}, "smtp://mail.test.example:587", PROD["MAIL_FROM"]),
        ({**PROD, "MAIL": "smtps://mail.test.example"}, "smtps://mail.test.example", PROD["MAIL_FROM"]),
        ({**PROD, "MAIL": "ses", "MAIL_FROM": "a.b+c@test.example"}, "ses", "a.b+c@test.example"),
        ({**ON_A_STAGE, "MAIL": "ses"}, f"file:{LOCAL_FOLDER / 'letters'}", PROD["MAIL_FROM"]),
    ],
    ids=str,
)
def test_a_stage_sends_as_it_is_told(environ: dict[str, str], mail: str | None, mail_from: str) -> None:
    """Nothing leaves a local stage; a deployed one sends nothing until MAIL is set."""
    found = Settings.from_env(environ)
    assert (found.mail, found.mail_from) == (mail, mail_from)


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"MAIL": "ses"}, "MAIL of a local stage"),
        ({"MAIL": "smtp://mail.test.example:25"}, "MAIL of a local stage"),
        ({"MAIL": "smtp://127.0.0.1.test.example:25"}, "MAIL of a local stage"),
        ({**PROD, "MAIL": "file:/run/letters"}, "is for local stages"),
        ({**PROD, "MAIL": "sendmail"}, "MAIL must be"),
        ({**PROD, "MAIL": "smtp://user:password@mail.test.example"}, "Credentials belong"),
        ({**PROD, "MAIL": "smtp://mail.test.example:587/path"}, "MAIL must be"),
        ({**PROD, "MAIL": "<your-server>"}, "still a placeholder"),
        ({**PROD, "MAIL": "ses", "MAIL_FROM": ""}, "MAIL_FROM is missing"),
        ({**PROD, "MAIL_FROM": "hello"}, "MAIL_FROM must be"),
        ({**PROD, "MAIL_FROM": "Grail hello@test.example"}, "MAIL_FROM must be"),
        ({**PROD, "MAIL_FROM": "<hello@test.example"}, "MAIL_FROM must be"),
        ({**PROD, "MAIL_FROM": "Grail\r\nBcc: a@b.example <hello@test.example>"}, "MAIL_FROM must be"),
    ],
    ids=str,
)
def test_a_stage_refuses_to_start(environ: dict[str, str], name: str) -> None:
    """The message says what is wrong, and shows no password."""
    with pytest.raises(SettingsError, match=name) as error:
        Settings.from_env(environ)
    assert "password@" not in str(error.value)
