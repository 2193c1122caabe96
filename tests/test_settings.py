"""Settings: read once, complete or refused, and never a deployed stage's by mistake."""

import ast
import dataclasses
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session

from chalicelib.security.keystore import open_keystore
from chalicelib.settings import LOCAL_ENDPOINT, Settings, SettingsError, address

PROD = {"STAGE": "prod", "SECRETS": "file:/run/keys.json"}
TEXTS = (
    "TABLE_NAME",
    "AWS_REGION",
    "DYNAMODB_ENDPOINT",
    "PUBLIC_URL",
    "SECRETS",
    "SECRETS_CACHE_SECONDS",
    "ACCESS_TOKEN_LIFETIME",
    "CORS_ORIGINS",
    "BUILD",
    "RATE_LIMIT_FACTOR",
    "AUDIT_DAYS",
    "LOG_LEVEL",
    "MAIL",
    "MAIL_FROM",
)
PLACEHOLDERS = ("changeme", "CHANGE-ME", "change_me", "<your-table>", "placeholder", " Placeholder ", "xxxxx")


@pytest.fixture(autouse=True)
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where `make run` would leave its addresses: nowhere, for a start."""
    path = tmp_path / "running.json"
    monkeypatch.setattr("chalicelib.settings.RUNNING", path)
    return path


def test_nothing_set_is_a_local_stage() -> None:
    """A fresh clone needs no configuration."""
    found = Settings.from_env({})
    assert (found.stage, found.is_local, found.dynamodb_endpoint) == ("local", True, LOCAL_ENDPOINT)


@pytest.mark.parametrize(
    ("content", "environ", "endpoint"),
    [
        ('{"endpoint": "http://127.0.0.1:9"}', {}, "http://127.0.0.1:9"),
        ('{"endpoint": "http://127.0.0.1:9"}', {"DYNAMODB_ENDPOINT": "http://x:1"}, "http://x:1"),
        ('{"endpoint": "http://127.0.0.1:9"}', {"STAGE": "test"}, LOCAL_ENDPOINT),
        ('{"endpoint": "http://127.0.0.1:9"}', PROD, None),
        ("", {}, LOCAL_ENDPOINT),
        ("{}", {}, LOCAL_ENDPOINT),
    ],
    ids=str,
)
def test_the_engine_of_this_folder_is_found(
    running: Path, content: str, environ: dict[str, str], endpoint: str | None
) -> None:
    """Whatever its port: two clones on one machine never share a table by mistake."""
    running.write_text(content)
    assert Settings.from_env(environ).dynamodb_endpoint == endpoint


@pytest.mark.parametrize("stage", ["dev", "prod", "Local", "locale"])
def test_a_deployed_stage_without_secrets_refuses_to_start(stage: str) -> None:
    """Absent secrets mean refuse to start; only the exact local names are local."""
    with pytest.raises(SettingsError, match="SECRETS"):
        Settings.from_env({"STAGE": stage})


def test_a_deployed_stage_never_makes_its_own_secrets(tmp_path: Path) -> None:
    """A key that is made up at a cold start would sign nothing that others verify."""
    path = tmp_path / "absent.json"
    with pytest.raises(SettingsError):
        open_keystore(Settings.from_env({**PROD, "SECRETS": f"file:{path}"}), Session())
    assert not path.exists()


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", "null", '{"signing_keys": [], "mac_secret": "00"}', "changeme"]
)
def test_unusable_secrets_refuse_to_start(tmp_path: Path, content: str) -> None:
    """And the message names the file, not what is in it."""
    path = tmp_path / "secrets.json"
    path.write_text(content)
    with pytest.raises(SettingsError, match=r"secrets\.json"):
        open_keystore(Settings.from_env({**PROD, "SECRETS": f"file:{path}"}), Session())


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("value", PLACEHOLDERS)
def test_placeholders_are_refused(name: str, value: str) -> None:
    """A template that nobody filled in does not start, and the variable is named."""
    with pytest.raises(SettingsError, match=name):
        Settings.from_env({**PROD, name: value})


def test_a_placeholder_in_a_list_is_refused() -> None:
    """Each origin is looked at by itself."""
    with pytest.raises(SettingsError, match="CORS_ORIGINS is still a placeholder"):
        Settings.from_env({**PROD, "CORS_ORIGINS": "https://app.grail.test, changeme"})


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("TABLE_NAME", "todo", "table_name"),
        ("TABLE_NAME", "grail-example", "table_name"),
        ("PUBLIC_URL", "https://todo.initech.io", "public_url"),
        ("PUBLIC_URL", "https://example.com/placeholder", "public_url"),
        ("SECRETS", "ssm:/todo/prod/secrets", "secrets"),
        ("BUILD", "fix-changeme-in-example", "build"),
        ("RECAPTCHA_SITE_KEY", "6Lc_x-xxx-placeholder", "recaptcha_site_key"),
    ],
)
def test_a_real_value_is_no_placeholder(name: str, value: str, field: str) -> None:
    """Only a whole value is a placeholder; a name with such a word in it is somebody's real one."""
    assert getattr(Settings.from_env({**PROD, name: value}), field) == value


@pytest.mark.parametrize("name", [*TEXTS, "STAGE", "RECAPTCHA_SITE_KEY"])
@pytest.mark.parametrize("value", ["", "  "])
def test_empty_means_absent(name: str, value: str) -> None:
    """A variable that is set to nothing is one that is not set."""
    assert Settings.from_env({name: value}) == Settings.from_env({})


@pytest.mark.parametrize(
    "value",
    [
        "http://api.grail.test",
        "ftp://api.grail.test",
        "api.grail.test",
        "https://",
        "https:///path",
        "http://localhost.evil.test",
        "http://127.0.0.1.evil.test",
        "https://api.grail.test?x=1",
        "https://api.grail.test#x",
        "https://user:pw@api.grail.test",
        "https://api grail.test",
    ],
)
def test_the_public_url_is_an_https_url(value: str) -> None:
    """It becomes issuer and audience of every token: nothing ambiguous, nothing in clear text."""
    with pytest.raises(SettingsError, match="PUBLIC_URL"):
        Settings.from_env({**PROD, "PUBLIC_URL": value})


@pytest.mark.parametrize(
    "value",
    [
        "security@grail.test",
        "http://grail.test/security",
        "mailto:security",
        "mailto:a@b.test\nEncryption: x",
    ],
)
def test_the_security_contact_is_a_uri(value: str) -> None:
    """RFC 9116 §2.5.3; nothing in it may begin another line of security.txt."""
    with pytest.raises(SettingsError, match="SECURITY_CONTACT"):
        Settings.from_env({**PROD, "SECURITY_CONTACT": value})


@pytest.mark.parametrize(
    "value", ["mailto:security@grail.test", "https://grail.test/security", "tel:+1-201-555-0123"]
)
def test_a_stage_has_the_contact_that_is_set(value: str) -> None:
    """None by default."""
    assert Settings.from_env({**PROD, "SECURITY_CONTACT": value}).security_contact == value
    assert Settings.from_env(PROD).security_contact is None


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("https://api.grail.test", "https://api.grail.test"),
        ("https://api.grail.test/", "https://api.grail.test"),
        ("https://api.grail.test/v/one", "https://api.grail.test/v/one"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:8080/", "http://localhost:8080"),
    ],
)
def test_the_public_url_loses_its_trailing_slash(value: str, kept: str) -> None:
    """Behaviour 14: an issuer that differs by a slash is another one."""
    assert Settings.from_env({"PUBLIC_URL": value}).public_url == kept


def test_the_chalice_cli_means_local() -> None:
    """`chalice local --stage prod` imports app.py with the variables of prod, and must not reach its data."""
    found = Settings.from_env({**PROD, "AWS_CHALICE_CLI_MODE": "true"})
    assert (found.stage, found.table_name, found.dynamodb_endpoint) == (
        "local",
        "grail-local",
        LOCAL_ENDPOINT,
    )


@pytest.mark.parametrize(
    ("secrets", "kept"),
    [
        ("ssm:/grail/prod/secrets", False),
        ("secretsmanager:grail/prod/secrets", False),
        ("file:secrets.json", True),
    ],
)
def test_the_chalice_cli_leaves_the_keys_of_a_deployed_stage_alone(secrets: str, kept: bool) -> None:
    """`chalice package --stage prod` imports app.py, too, and needs no key for that."""
    found = Settings.from_env({**PROD, "AWS_CHALICE_CLI_MODE": "true", "SECRETS": secrets}).secrets
    assert (found == secrets, str(found).startswith("file:")) == (kept, True)


@pytest.mark.parametrize("value", ["secrets.json", "s3:bucket/key", "ssm:", "file: ", "SSM:/grail", "ssm"])
def test_secrets_are_in_one_of_three_places(value: str) -> None:
    """Whatever else SECRETS names does not start."""
    with pytest.raises(SettingsError, match="file:PATH, ssm:NAME or secretsmanager:NAME"):
        Settings.from_env({**PROD, "SECRETS": value})


@pytest.mark.parametrize("name", ["SECRETS_CACHE_SECONDS", "ACCESS_TOKEN_LIFETIME"])
@pytest.mark.parametrize("value", ["0", "-1", "1.5", "x", "86401", "٣"])
def test_times_are_whole_seconds_within_a_day(name: str, value: str) -> None:
    """A time that makes no sense does not start, and the variable is named."""
    with pytest.raises(SettingsError, match=name):
        Settings.from_env({**PROD, name: value})


def test_lambda_is_never_local_by_that_variable() -> None:
    """In Lambda the stage is what is deployed, whatever else stands in the environment."""
    found = Settings.from_env({**PROD, "AWS_CHALICE_CLI_MODE": "true", "LAMBDA_TASK_ROOT": "/var/task"})
    assert (found.stage, found.is_local, found.dynamodb_endpoint) == ("prod", False, None)


@pytest.mark.parametrize(
    ("stage", "limit"), [("local", 10_000), ("test", 10_000), ("dev", 100), ("prod", 100)]
)
def test_failures_per_address(stage: str, limit: int) -> None:
    """100 per source address, 10,000 on local stages."""
    assert Settings.from_env({**PROD, "STAGE": stage}).failures_per_address == limit


@pytest.mark.parametrize(
    ("environ", "factor"),
    [(PROD, 1), ({}, 100), ({"RATE_LIMIT_FACTOR": "1"}, 1), ({"RATE_LIMIT_FACTOR": "5000"}, 5000)],
)
def test_rate_limits_are_higher_on_local_stages(environ: dict[str, str], factor: int) -> None:
    """Where everybody comes from one address, and load tests do."""
    assert Settings.from_env(environ).rate_limit_factor == factor


@pytest.mark.parametrize(
    "environ",
    [{**PROD, "RATE_LIMIT_FACTOR": "2"}, {"RATE_LIMIT_FACTOR": "0"}, {"RATE_LIMIT_FACTOR": "many"}],
)
def test_no_deployed_stage_lifts_its_rate_limits(environ: dict[str, str]) -> None:
    """What protects a stage is not switched off by a variable, nor by a typing error."""
    with pytest.raises(SettingsError, match="RATE_LIMIT_FACTOR"):
        Settings.from_env(environ)


@pytest.mark.parametrize(("environ", "days"), [(PROD, 90), ({}, 90), ({**PROD, "AUDIT_DAYS": "365"}, 365)])
def test_audit_events_are_kept_for_so_many_days(environ: dict[str, str], days: int) -> None:
    """TTL by settings, the same on all stages."""
    assert Settings.from_env(environ).audit_days == days


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "ever", "3651", "1e3"])
def test_what_is_no_number_of_days_is_refused(value: str) -> None:
    """A trail that expires at once, or never, would be noticed too late."""
    with pytest.raises(SettingsError, match="AUDIT_DAYS"):
        Settings.from_env({**PROD, "AUDIT_DAYS": value})


def test_the_lifetimes_are_those_of_the_design() -> None:
    """3600 s for access tokens, 10 failures per account in 15 minutes."""
    found = Settings.from_env(PROD)
    assert (found.access_token_lifetime, found.failures_per_account, found.failure_window) == (3600, 10, 900)


@pytest.mark.parametrize(
    "value",
    ["https://a.test https://b.test", "https://a.test,https://b.test", " https://a.test , https://b.test "],
)
def test_origins_stand_between_blanks_or_commas(value: str) -> None:
    """Other stages allow what settings list."""
    assert Settings.from_env({**PROD, "CORS_ORIGINS": value}).cors_origins == (
        "https://a.test",
        "https://b.test",
    )


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Settings)])
def test_settings_are_frozen(name: str) -> None:
    """What was read at the start holds to the end."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(Settings(), name, None)


def test_each_stage_has_a_table_of_its_own() -> None:
    """grail-{stage}, unless the environment names one."""
    names = [
        Settings.from_env({**PROD, **more}).table_name
        for more in ({}, {"STAGE": "dev"}, {"TABLE_NAME": "other"})
    ]
    assert names == ["grail-prod", "grail-dev", "other"]


def test_the_stages_of_chalice_hold_no_secrets() -> None:
    """.chalice/config.json names where secrets are, never what they are."""
    text = (Path(__file__).parents[1] / ".chalice" / "config.json").read_text()
    stages: dict[str, Any] = ast.literal_eval(text.replace("true", "True").replace("false", "False"))[
        "stages"
    ]
    names = {name for stage in stages.values() for name in stage.get("environment_variables", {})}
    assert [
        name for name in names if any(word in name for word in ("PASSWORD", "TOKEN", "PEM", "_KEY"))
    ] == []


@pytest.mark.parametrize("value", ["WARNING", "debug", "0", "NOTSET"])
def test_log_levels_are_those_that_keep_the_metrics(value: str) -> None:
    """Alarms depend on the lines of requests."""
    with pytest.raises(SettingsError, match="LOG_LEVEL"):
        Settings.from_env({**PROD, "LOG_LEVEL": value})


def test_deployed_stages_log_json_and_local_ones_when_told() -> None:
    """The terminal of `make run` is for people."""
    assert Settings.from_env({}).log_level is None
    assert Settings.from_env({"LOG_LEVEL": "INFO"}).log_level == "INFO"
    assert Settings.from_env(PROD).log_level == "INFO"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8001/a-key", "http://127.0.0.1:8001/", "http://127.0.0.1:8001"]
)
def test_people_see_the_engine_without_its_key(url: str) -> None:
    """Messages and log lines show where it is; its path is a secret. A region stays as it is."""
    assert (address(url), address("eu-west-1")) == ("http://127.0.0.1:8001", "eu-west-1")
