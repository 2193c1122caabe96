"""What the doctor finds: each kind of damage, and nothing on a stage without any."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from cryptography.hazmat.primitives.asymmetric import rsa
from invoke.context import Context

from chalicelib.db import keys as table_keys
from chalicelib.db.counters import Counter
from chalicelib.db.table import Item
from chalicelib.errors import ServiceUnavailableError
from chalicelib.security.keys import CURRENT, NEXT, new_entry, new_secrets
from chalicelib.settings import Settings
from chalicelib.users.models import User
from tasks import clients, users
from tasks.cloud.stack import Stack
from tasks.commands import daily
from tasks.doctor import cloud, settings, table
from tasks.doctor.checks import CHECKS
from tasks.doctor.report import BROKEN, GOOD, LOOK, SKIPPED, WRONG, Check, Finding, Subject
from tasks.doctor.settings import read_document
from tasks.seed import DOCUMENTATION, SERVICE, USERS, seed
from tasks.tables import task_context
from tests.security.cloud import AWS, PARAMETER, SESSION, put_parameter
from tests.support import MakeUser
from tests.tasks.operators import refused

YEAR = 365 * 86400
Edit = Callable[[dict[str, Any]], None]


@pytest.fixture
def subject(table: None) -> Iterator[Subject]:
    """A deployed stage, whose table is in this process, and whose secrets are on moto."""
    found = Subject(
        Settings(stage="dev", table_name=Item.Meta.table_name, secrets=put_parameter(fresh())), SESSION
    )
    found.aws = AWS  # whose clients are made once
    yield found
    AWS.client("ssm").delete_parameters(Names=[PARAMETER])


@cache
def fresh() -> dict[str, Any]:
    """A document of secrets, made once: its key takes a while."""
    return new_secrets()


def edit(subject: Subject, change: Edit) -> None:
    """Change the document of secrets."""
    document = read_document(subject)
    assert document
    change(document)
    put_parameter(document)


def levels(findings: Iterable[Finding]) -> set[str]:
    """The levels of findings."""
    return {finding.level for finding in findings}


def found(findings: Iterable[Finding], words: str) -> Finding:
    """The one finding with these words."""
    (only,) = [finding for finding in findings if words in finding.text]
    return only


def signing(document: dict[str, Any]) -> dict[str, Any]:
    """The key that signs."""
    entry: dict[str, Any] = document["signing_keys"][0]
    return entry


def test_good_secrets(subject: Subject) -> None:
    """A fresh document is fine, and the key that signs is named."""
    assert levels(settings.check_keys(subject)) == levels(settings.check_secrets(subject)) == {GOOD}


def weaken(document: dict[str, Any]) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - that is the flaw
    document["signing_keys"] = [new_entry(key, CURRENT)]


def forget_next(document: dict[str, Any]) -> None:
    entry = new_entry(rsa.generate_private_key(public_exponent=65537, key_size=2048), NEXT)
    document["signing_keys"].append({**entry, "published": int(time.time()) - 7 * 86400})


DAMAGE: dict[str, tuple[Edit, str, str, str]] = {
    "a weak key": (weaken, WRONG, "fewer than 2048 bits", "keys.rotate"),
    "no key that signs": (lambda doc: signing(doc).update(status=NEXT), BROKEN, "ValueError", "docs/keys.md"),
    "no keys": (lambda doc: doc.pop("signing_keys"), BROKEN, "KeyError", "docs/keys.md"),
    "an old key": (
        lambda doc: signing(doc).update(signs_since=int(time.time()) - 2 * YEAR),
        LOOK,
        "it has signed for 730 days",
        "keys.rotate",
    ),
    "a forgotten rotation": (forget_next, WRONG, "was published, and does not sign", "keys.rotate"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_keys(subject: Subject, damage: str) -> None:
    """Each kind of damage is found, with what to do."""
    change, level, words, advice = DAMAGE[damage]
    edit(subject, change)
    finding = found(settings.check_keys(subject), words)
    assert (finding.level, advice in finding.advice) == (level, True)


def test_a_fresh_rotation_is_fine(subject: Subject) -> None:
    """A key that is published in advance is not a problem."""
    edit(subject, forget_next)
    edit(subject, lambda doc: doc["signing_keys"][1].update(published=int(time.time())))
    assert levels(settings.check_keys(subject)) == {GOOD}


def test_a_missing_document(subject: Subject) -> None:
    """An unreadable document is reported with the task that creates it."""
    AWS.client("ssm").delete_parameter(Name=PARAMETER)
    (finding,) = Check("keys", settings.check_keys).run(subject)
    assert (finding.level, finding.advice) == (BROKEN, "invoke keys.generate --stage dev")


def test_a_placeholder_in_the_document(subject: Subject) -> None:
    """What was to be filled in and was not; its text is not shown."""
    edit(subject, lambda doc: doc.update(recaptcha_secret="change-me"))
    (finding,) = settings.check_secrets(subject)
    assert (finding.level, finding.text) == (WRONG, "recaptcha_secret is still a placeholder")


def test_keys_are_looked_at_for_placeholders_and_real_texts_are_not(subject: Subject) -> None:
    """The doctor asks what the settings ask: about whole values."""
    edit(subject, lambda doc: doc.update(cursor_key="changeme", recaptcha_secret="todo-6Lc-example"))
    (finding,) = settings.check_secrets(subject)
    assert finding.text == "cursor_key is still a placeholder"


@pytest.mark.parametrize(
    ("origins", "expected"),
    [
        ((), {GOOD}),
        (("https://app.test",), {GOOD}),
        (("*",), {WRONG, GOOD}),
        (("https://*.app.test",), {WRONG, GOOD}),
        (("http://app.test",), {WRONG, GOOD}),
    ],
)
def test_origins(subject: Subject, origins: tuple[str, ...], expected: set[str]) -> None:
    """Neither any origin nor one without TLS."""
    subject.settings = replace(subject.settings, cors_origins=origins)
    assert levels(settings.check_cors(subject)) == expected


@pytest.mark.parametrize(
    ("site_key", "secret", "expected"),
    [("k", "s", GOOD), ("k", None, WRONG), (None, "s", WRONG), (None, None, LOOK)],
)
def test_a_captcha_has_two_parts(
    subject: Subject, site_key: str | None, secret: str | None, expected: str
) -> None:
    """With one of them nobody could sign up."""
    subject.settings = replace(subject.settings, recaptcha_site_key=site_key)
    if secret:
        edit(subject, lambda doc: doc.update(recaptcha_secret=secret))
    assert levels(settings.check_captcha(subject)) == {expected}


def test_a_good_table(subject: Subject) -> None:
    """Keys, index and TTL are as infra/table.yaml has them."""
    assert levels(table.check_table(subject)) == {GOOD}


def test_a_table_that_keeps_what_has_expired(subject: Subject) -> None:
    """TTL is looked at; the advice is the command."""
    specification = {"Enabled": False, "AttributeName": "expires_at"}
    subject.dynamodb.update_time_to_live(
        TableName=subject.settings.table_name, TimeToLiveSpecification=specification
    )
    finding = found(table.check_table(subject), "TTL")
    assert finding.level == WRONG
    assert finding.advice.startswith("aws dynamodb update-time-to-live --table-name")


def test_a_table_without_its_index(subject: Subject) -> None:
    """Nothing could be listed."""
    subject.dynamodb.update_table(
        TableName=subject.settings.table_name,
        GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "gsi1"}}],
    )
    assert found(table.check_table(subject), "there is no index gsi1").level == BROKEN


def test_an_unprotected_table(subject: Subject) -> None:
    """No point-in-time recovery, no deletion protection, no key."""
    wanted = ["point-in-time recovery", "deletion protection", "encryption by a key of KMS"]
    findings = [(finding.level, finding.text) for finding in table.check_protection(subject)]
    assert findings == [(WRONG, f"no {what}") for what in wanted]
    name = subject.settings.table_name
    subject.dynamodb.update_table(TableName=name, DeletionProtectionEnabled=True)
    subject.dynamodb.update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    del subject.table  # what was read before
    try:
        # moto encrypts no table that is there; tests/cloud does
        assert [finding.level for finding in table.check_protection(subject)] == [GOOD, GOOD, WRONG]
    finally:
        subject.dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)


def test_a_stage_needs_an_admin(subject: Subject, make_user: MakeUser) -> None:
    """Without one the advice is users.create."""
    (finding,) = table.check_admins(subject)
    assert (finding.level, "users.create" in finding.advice) == (WRONG, True)
    make_user("root", is_admin=True)
    assert levels(table.check_admins(subject)) == {GOOD}
    assert Counter.get(*table_keys.counter(table_keys.ADMINS)).amount == 1


def test_what_stands_in_the_readme_is_dangerous(subject: Subject) -> None:
    """Each account and secret of the development data that works, until it does not."""
    seed()
    findings = list(table.check_development(subject))
    assert [finding.text for finding in findings] == [
        "root has the public password of the development data",
        "user has the public password of the development data",
        "internal has the public password of the development data",
        "service has the public secret of the development data",
        "the client documentation is that of development",
    ]


def test_the_doctors_advice_cures(subject: Subject, make_user: MakeUser) -> None:
    """Following the advice resolves each finding; `documentation` is left to judgement."""
    seed()
    make_user("other", is_admin=True)
    context = task_context("users.disable", subject.settings)
    for name in USERS:
        users.set_active(context, name, active=False)
    clients.revoke(context, SERVICE)
    assert [finding.level for finding in table.check_development(subject)] == [LOOK, GOOD]
    clients.revoke(context, DOCUMENTATION)
    assert levels(table.check_development(subject)) == {GOOD}


def test_a_user_of_a_usual_name_is_no_danger(subject: Subject, make_user: MakeUser) -> None:
    """The public password counts, not the name."""
    make_user("root", is_admin=True)
    assert levels(table.check_development(subject)) == {GOOD}


@pytest.mark.parametrize(
    ("wanted", "more", "level"),
    [("no", {"edge_secret": 32 * "e"}, GOOD), ("yes", {}, GOOD), ("yes", {"edge_secret": 32 * "e"}, WRONG)],
)
def test_a_firewall_behind_a_distribution_is_wrong(
    subject: Subject, monkeypatch: pytest.MonkeyPatch, wanted: str, more: dict[str, str], level: str
) -> None:
    """Every request comes from a few addresses then, which it would block for all callers."""
    parameters = [{"ParameterKey": "WebAcl", "ParameterValue": wanted}]
    monkeypatch.setattr(Stack, "describe", lambda _: {"Parameters": parameters})
    edit(subject, lambda doc: doc.update(more))
    assert levels(cloud.check_firewall(subject)) == {level}


def test_alarms_tell_somebody(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each alarm of the stack is there, and has an action."""
    client, names = subject.client("cloudwatch"), ["grail-dev one", "grail-dev two"]
    monkeypatch.setattr(Stack, "resources", lambda _, kind: names if kind == "AWS::CloudWatch::Alarm" else [])
    subject.outputs = {}
    missing = list(cloud.check_alarms(subject))
    assert [(finding.level, finding.text) for finding in missing] == [
        (WRONG, f"{name}: missing") for name in names
    ]
    for name in names:
        client.put_metric_alarm(
            AlarmName=name,
            Namespace="AWS/Lambda",
            MetricName="Errors",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=0,
            ComparisonOperator="GreaterThanThreshold",
            AlarmActions=[] if name == names[0] else ["arn:aws:sns:us-east-1:123456789012:alarms"],
        )
    findings = list(cloud.check_alarms(subject))
    client.delete_alarms(AlarmNames=names)
    assert [(finding.level, finding.text) for finding in findings] == [
        (WRONG, f"{names[0]}: notifies nobody"),
        (GOOD, f"{len(names)} of them"),
    ]


@pytest.fixture
def api(subject: Subject) -> Iterator[str]:
    """The id of an API with the stage dev, which the stack names."""
    client = subject.client("apigateway")
    found: str = client.create_rest_api(name="grail-dev")["id"]
    root = client.get_resources(restApiId=found)["items"][0]["id"]
    client.put_method(restApiId=found, resourceId=root, httpMethod="GET", authorizationType="NONE")
    client.put_integration(restApiId=found, resourceId=root, httpMethod="GET", type="MOCK")
    client.create_deployment(restApiId=found, stageName="dev")
    subject.outputs = {"RestAPIId": found}
    yield found
    client.delete_rest_api(restApiId=found)


def test_a_second_stage_of_the_api_is_found(subject: Subject, api: str) -> None:
    """One that an earlier template left behind serves everybody, past the firewall; the advice deletes it."""
    assert levels(cloud.check_gateway(subject)) == {GOOD}
    client = subject.client("apigateway")
    client.create_deployment(restApiId=api, stageName="Stage")
    (finding,) = cloud.check_gateway(subject)
    assert (finding.level, finding.text.startswith("Stage serves the API, too")) == (WRONG, True)
    delete = f"aws apigateway delete-stage --rest-api-id {api} --stage-name Stage"
    assert finding.advice == f"First invoke deploy --stage dev, then {delete}"
    client.delete_stage(restApiId=api, stageName="Stage")
    assert levels(cloud.check_gateway(subject)) == {GOOD}


def test_a_stack_without_an_api_is_found(subject: Subject) -> None:
    """The output that the API's stages are looked up by may be missing."""
    subject.outputs = {}
    assert levels(cloud.check_gateway(subject)) == {WRONG}


def test_a_local_stage_skips_what_it_does_not_have(
    on_moto: None, admin: User, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says so; nothing is wrong with a stage that has an admin, so the status is 0."""
    monkeypatch.setattr("tasks.doctor.cloud.LOCAL_URL", "http://127.0.0.1:1")
    monkeypatch.setattr("tasks.doctor.cloud.running", dict)  # a server of this folder may be running
    with pytest.raises(SystemExit) as ended:
        daily.doctor(Context())
    lines = capsys.readouterr().out.splitlines()
    assert (lines[-1], ended.value.code) == ("Nothing is wrong.", 0)
    skipped = [line.split()[1] for line in lines if line.endswith("not on local stages")]
    assert skipped == [check.title for check in CHECKS if check.deployed]
    assert any(line.startswith(LOOK) and "/health does not answer" in line for line in lines)
    assert SKIPPED == "-"


def test_something_wrong_is_status_1(on_moto: None, capsys: pytest.CaptureFixture[str]) -> None:
    """This stage has no admin."""
    with pytest.raises(SystemExit) as ended:
        daily.doctor(Context())
    assert ended.value.code == 1
    assert capsys.readouterr().out.splitlines()[-1] == "Wrong: 1."


def test_settings_that_cannot_be_used_are_a_finding(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A placeholder, say: the stage could not start with it."""
    monkeypatch.setenv("PUBLIC_URL", "change-me")
    with pytest.raises(SystemExit) as ended:
        daily.doctor(Context())
    first = capsys.readouterr().out.splitlines()[0]
    assert (ended.value.code, first.startswith(WRONG), "PUBLIC_URL is still" in first) == (1, True, True)


def test_an_unknown_stage_is_one_line() -> None:
    """An unknown stage is a wrong argument, not a finding."""
    refused("--stage is one of", daily.doctor, stage="nowhere")


@pytest.mark.parametrize(
    ("url", "text", "advice"),
    [
        ("http://127.0.0.1:8001/", "no engine at http://127.0.0.1:8001", "make run"),
        ("https://dynamodb.eu-central-1.amazonaws.com/", "can't be looked at", "message"),
    ],
)
def test_a_missing_engine_is_named(subject: Subject, url: str, text: str, advice: str) -> None:
    """On a local stage the advice is to start it; AWS's own addresses are no engine."""

    def look(_subject: Subject) -> Iterator[Finding]:
        yield from ()
        raise ServiceUnavailableError from EndpointConnectionError(endpoint_url=url)

    (finding,) = Check("table", look).run(subject)
    assert finding.level == WRONG
    assert text in finding.text
    assert advice in finding.advice
