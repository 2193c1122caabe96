"""What a stage is configured with: the only reader of the process environment."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LOCAL_STAGES = frozenset({"local", "test"})
LOCAL_FOLDER = Path(__file__).resolve().parent.parent / ".local"
RUNNING = LOCAL_FOLDER / "running.json"  # where `make run` serves this folder, while it does
LOCAL_ENDPOINT = "http://127.0.0.1:8001"
LOCAL_RATE_LIMIT_FACTOR = 100  # on local stages everybody comes from one address
LOCAL_MAIL_FROM = "Grail <grail@localhost>"
LOCAL_SECURITY_CONTACT = "mailto:security@localhost"
LOCAL_URL = "http://127.0.0.1:8000"
LOOPBACK = r"127(\.[0-9]{1,3}){3}|localhost|\[::1\]"
# What settings have to look like: a pattern, and the same in words.
URL = (
    re.compile(rf"(https://[\w.-]+|http://({LOOPBACK}))(:[0-9]+)?(/[\w.~-]+)*/?", re.ASCII),
    "an https URL with nothing but host, port and path",
)
SECRETS_FILE, SECRETS_PARAMETER, SECRETS_SECRET = "file", "ssm", "secretsmanager"
SECRETS = (
    re.compile(rf"({SECRETS_FILE}|{SECRETS_PARAMETER}|{SECRETS_SECRET}):\S.*"),
    "file:PATH, ssm:NAME or secretsmanager:NAME",
)
FOLDER, SES = "file", "ses"
MAIL = (
    re.compile(rf"{SES}|smtps?://([\w.-]+|\[[0-9a-f:]+\])(:[0-9]{{1,5}})?|{FOLDER}:\S.*", re.ASCII),
    f"{SES}, smtp(s)://HOST:PORT or {FOLDER}:PATH. Credentials belong in the document of secrets",
)
ON_THIS_MACHINE = re.compile(rf"smtps?://({LOOPBACK})(:[0-9]+)?|{FOLDER}:.*")
MAIL_FROM = (
    re.compile(r"(?P<name>[^<>\"\\,;:@\x00-\x1f\x7f]+ <)?[\w.+-]+@[\w-]+(\.[\w-]+)*(?(name)>)", re.ASCII),
    "an address, or a name and an address: Name <address>",
)
CONTACT = (
    re.compile(r"mailto:[!-~]+@[!-~]+|https://[!-~]+|tel:\+[0-9-]+", re.ASCII),
    "a URI, such as mailto:security@your-company.com or an https URL",
)
SECONDS, DAYS = ("seconds", 86400), ("days", 3650)  # and how many at most
LEADERS, ADMINS = "leaders", "admins"  # who may add members to a team without asking them
OFF, OPTIONAL, REQUIRED = VERIFICATIONS = ("off", "optional", "required")
LOG_LEVELS = ("DEBUG", "INFO")  # what is less would take the metrics away with the lines
TRACE = re.compile(r"Root=(1-[0-9a-f]{8}-[0-9a-f]{24})(?![^;])", re.ASCII)
ANY = re.compile(".*", re.DOTALL)
NUMBER = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
# A whole value: "todo" and "example" are words that real names hold, too.
PLACEHOLDER = re.compile(r"change[-_ ]?me|placeholder|xxx+|<.*>", re.IGNORECASE | re.DOTALL)


class SettingsError(ValueError):
    """Raised at start when a setting is missing, malformed or still a placeholder."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one stage; lifetimes are in seconds.

    :param secrets: where the document of secrets is: file:PATH, ssm:NAME or secretsmanager:NAME.
    :param secrets_cache: seconds for which a copy of that document is good.
    :param mail: how letters are sent: ses, smtp(s)://HOST:PORT or file:PATH; None if they are not.
    :param mail_from: who they are from: an address, or "Name <address>".
    :param email_verification: whether email addresses are confirmed by a link, and sign-ins need that.
    :param security_contact: URI to which vulnerabilities are reported; None if there is no security.txt.
    :param log_level: the least that is logged as JSON; None for a terminal that somebody reads.
    """

    stage: str = "local"
    table_name: str = "grail-local"
    region: str = "us-east-1"
    dynamodb_endpoint: str | None = None
    public_url: str | None = None
    secrets: str | None = None
    secrets_cache: int = 300
    cors_origins: tuple[str, ...] = ()
    recaptcha_site_key: str | None = None
    mail: str | None = None
    mail_from: str | None = None
    security_contact: str | None = None
    build: str = "dev"
    access_token_lifetime: int = 3600
    refresh_token_idle_lifetime: int = 14 * 86400
    refresh_token_absolute_lifetime: int = 90 * 86400
    refresh_token_grace: int = 30
    authorization_code_lifetime: int = 60
    sign_in_page_lifetime: int = 600
    account_session_lifetime: int = 1800
    email_verification: str = OFF
    direct_members: str = LEADERS
    failures_per_account: int = 10
    failures_per_address: int = 100
    failures_per_client: int = 10  # and address
    failure_window: int = 900
    rate_limit_factor: int = 1
    audit_days: int = 90
    log_level: str | None = None
    connection_pool_size: int = 10

    @property
    def is_local(self) -> bool:
        """Whether this stage runs on a developer's machine."""
        return self.stage in LOCAL_STAGES

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the settings of the stage that the environment names.

        :param environ: variables to read, the process environment by default.
        :raises SettingsError: a value is missing or a placeholder.
        """
        env = os.environ if environ is None else environ
        stage = _stage(env)
        known = cls(stage=stage)
        is_local = known.is_local
        mail = _mail(env, is_local)
        return cls(
            stage=stage,
            table_name=_text(env, "TABLE_NAME") or f"grail-{stage}",
            region=_text(env, "AWS_REGION") or _text(env, "AWS_DEFAULT_REGION") or known.region,
            dynamodb_endpoint=_text(env, "DYNAMODB_ENDPOINT") or _local_endpoint(known),
            public_url=(_text(env, "PUBLIC_URL", *URL) or "").rstrip("/") or None,
            secrets=_secrets(env, is_local),
            secrets_cache=_number(env, "SECRETS_CACHE_SECONDS", known.secrets_cache, SECONDS),
            cors_origins=_words(env, "CORS_ORIGINS"),
            recaptcha_site_key=_text(env, "RECAPTCHA_SITE_KEY"),
            mail=mail,
            mail_from=_mail_from(env, is_local, required=mail is not None),
            security_contact=_text(env, "SECURITY_CONTACT", *CONTACT)
            or (LOCAL_SECURITY_CONTACT if is_local else None),
            build=_text(env, "BUILD") or known.build,
            access_token_lifetime=_number(env, "ACCESS_TOKEN_LIFETIME", known.access_token_lifetime, SECONDS),
            email_verification=_email_verification(env, stage, mail),
            direct_members=_choice(env, "DIRECT_MEMBERS", (LEADERS, ADMINS)) or LEADERS,
            failures_per_address=10_000 if is_local else known.failures_per_address,
            failures_per_client=1_000 if is_local else known.failures_per_client,
            audit_days=_number(env, "AUDIT_DAYS", known.audit_days, DAYS),
            log_level=_choice(env, "LOG_LEVEL", LOG_LEVELS) or (None if is_local else "INFO"),
            rate_limit_factor=_rate_limit_factor(env, is_local),
            connection_pool_size=64 if is_local else known.connection_pool_size,
        )


def running() -> dict[str, str]:
    """Return the URLs of the `make run` that serves this folder: `url`, and `endpoint` for its engine."""
    try:
        found: dict[str, str] = json.loads(RUNNING.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def address(url: str) -> str:
    """Return scheme, host and port of a URL, as people may see it: the local engine's path is a secret."""
    return "/".join(url.split("/")[:3])


def trace_id(environ: Mapping[str, str] | None = None) -> str | None:
    """Return the id under which AWS X-Ray traces this invocation; Lambda sets another one each time."""
    env = os.environ if environ is None else environ
    found = TRACE.search(env.get("_X_AMZN_TRACE_ID", ""))
    return found[1] if found else None


def is_placeholder(text: str) -> bool:
    """Whether a value is a placeholder that was not filled in, such as ``changeme`` or ``<your-domain>``."""
    return PLACEHOLDER.fullmatch(text.strip()) is not None


def _is_cli(env: Mapping[str, str]) -> bool:
    return bool(env.get("AWS_CHALICE_CLI_MODE")) and not env.get("LAMBDA_TASK_ROOT")


def _stage(env: Mapping[str, str]) -> str:
    # The chalice CLI imports app.py on a developer's machine with the variables of a deployed stage:
    # what runs there (`chalice local`, `chalice package`) must never reach for that stage's data.
    return "local" if _is_cli(env) else _text(env, "STAGE") or "local"


def _text(env: Mapping[str, str], name: str, pattern: re.Pattern[str] = ANY, form: str = "") -> str | None:
    value = env.get(name, "").strip()
    _require_filled_in(name, value)
    if value and not pattern.fullmatch(value):
        raise SettingsError(f"{name} must be {form}.")
    return value or None


def _local_endpoint(known: Settings) -> str | None:
    if known.stage == "local":
        return running().get("endpoint", LOCAL_ENDPOINT)
    return LOCAL_ENDPOINT if known.is_local else None


def _words(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    words = tuple((_text(env, name) or "").replace(",", " ").split())
    for word in words:
        _require_filled_in(name, word)
    return words


def _require_filled_in(name: str, value: str) -> None:
    if is_placeholder(value):
        raise SettingsError(f"{name} is still a placeholder: set its real value or remove it.")


def _choice(env: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str | None:
    value = _text(env, name)
    if value is not None and value not in choices:
        raise SettingsError(f"{name} is one of {', '.join(choices)}.")
    return value


def _number(env: Mapping[str, str], name: str, default: int, bound: tuple[str, int]) -> int:
    value, (unit, most) = _text(env, name) or str(default), bound
    if not NUMBER.fullmatch(value) or int(value) > most:
        raise SettingsError(f"{name} must be a number of {unit} between 1 and {most}.")
    return int(value)


def _secrets(env: Mapping[str, str], is_local: bool) -> str:
    value = _text(env, "SECRETS", *SECRETS)
    if _is_cli(env) and value and not value.startswith(f"{SECRETS_FILE}:"):
        value = None  # that of the deployed stage, whose keys are none of this machine's business
    if not value and not is_local:
        raise SettingsError("SECRETS is missing: a deployed stage needs its signing keys.")
    return value or f"{SECRETS_FILE}:{LOCAL_FOLDER / 'secrets.json'}"


def _mail(env: Mapping[str, str], is_local: bool) -> str | None:
    value = _text(env, "MAIL", *MAIL)
    if not is_local:
        if value and value.startswith(f"{FOLDER}:"):
            raise SettingsError(f"MAIL={FOLDER}:… is for local stages: a function has no folder that stays.")
        return value
    if value and _is_cli(env) and not ON_THIS_MACHINE.fullmatch(value):
        value = None  # that of the deployed stage
    if value and not ON_THIS_MACHINE.fullmatch(value):
        raise SettingsError(
            f"MAIL of a local stage is {FOLDER}:PATH, or smtp:// to a server on this machine."
        )
    # The stage of the tests keeps no folder; those about letters set one.
    return value or (f"{FOLDER}:{LOCAL_FOLDER / 'letters'}" if _stage(env) == "local" else None)


def _mail_from(env: Mapping[str, str], is_local: bool, *, required: bool) -> str | None:
    value = _text(env, "MAIL_FROM", *MAIL_FROM)
    if not value and required and not is_local:
        raise SettingsError("MAIL_FROM is missing: MAIL needs the address that letters are from.")
    return value or (LOCAL_MAIL_FROM if is_local else None)


def _email_verification(env: Mapping[str, str], stage: str, mail: str | None) -> str:
    # Without letters nobody could confirm anything. Tests turn it on where they are about it.
    default = {"local": OPTIONAL, "test": OFF}.get(stage, REQUIRED if mail else OFF)
    return _choice(env, "EMAIL_VERIFICATION", VERIFICATIONS) or default


def _rate_limit_factor(env: Mapping[str, str], is_local: bool) -> int:
    value = _text(env, "RATE_LIMIT_FACTOR")
    if value is None:
        return LOCAL_RATE_LIMIT_FACTOR if is_local else 1
    if not is_local or not NUMBER.fullmatch(value):
        raise SettingsError("RATE_LIMIT_FACTOR is a whole number, and only for local stages.")
    return int(value)
