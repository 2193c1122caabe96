"""What a stage is configured with: the only reader of the process environment."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LOCAL_STAGES = frozenset({"local", "test"})
LOCAL_ENDPOINT = "http://127.0.0.1:8001"
LOCAL_URL = "http://127.0.0.1:8000"
URL = re.compile(r"(https://[\w.-]+|http://(127\.0\.0\.1|localhost))(:[0-9]+)?(/[\w.~-]+)*/?", re.ASCII)
PLACEHOLDER = re.compile(r"\b(change-?me|todo|placeholder|example|xxx+)\b|<", re.IGNORECASE)


class SettingsError(ValueError):
    """Raised at start when a setting is missing, malformed or still a placeholder."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one stage; lifetimes are in seconds."""

    stage: str = "local"
    table_name: str = "grail-local"
    region: str = "us-east-1"
    dynamodb_endpoint: str | None = None
    public_url: str | None = None
    secrets_file: Path | None = None
    cors_origins: tuple[str, ...] = ()
    recaptcha_site_key: str | None = None
    build: str = "dev"
    access_token_lifetime: int = 3600
    refresh_token_idle_lifetime: int = 14 * 86400
    refresh_token_absolute_lifetime: int = 90 * 86400
    authorization_code_lifetime: int = 60
    sign_in_page_lifetime: int = 600
    client_secret_overlap: int = 86400
    failures_per_account: int = 10
    failures_per_address: int = 100
    failure_window: int = 900
    connection_pool_size: int = 10

    @property
    def is_local(self) -> bool:
        """Tell whether this stage runs on a developer's machine."""
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
        return cls(
            stage=stage,
            table_name=_text(env, "TABLE_NAME") or f"grail-{stage}",
            region=_text(env, "AWS_REGION") or _text(env, "AWS_DEFAULT_REGION") or known.region,
            dynamodb_endpoint=_text(env, "DYNAMODB_ENDPOINT") or (LOCAL_ENDPOINT if known.is_local else None),
            public_url=_url(env, "PUBLIC_URL"),
            secrets_file=_secrets_file(env, known.is_local),
            cors_origins=_words(env, "CORS_ORIGINS"),
            recaptcha_site_key=_text(env, "RECAPTCHA_SITE_KEY"),
            build=_text(env, "BUILD") or known.build,
            failures_per_address=10_000 if known.is_local else known.failures_per_address,
            connection_pool_size=64 if known.is_local else known.connection_pool_size,
        )


def _stage(env: Mapping[str, str]) -> str:
    # The chalice CLI imports app.py on a developer's machine with the variables of a deployed stage:
    # what runs there (`chalice local`, `chalice package`) must never reach for that stage's data.
    if env.get("AWS_CHALICE_CLI_MODE") and not env.get("LAMBDA_TASK_ROOT"):
        return "local"
    return _text(env, "STAGE") or "local"


def _text(env: Mapping[str, str], name: str) -> str | None:
    value = env.get(name, "").strip()
    if PLACEHOLDER.search(value):
        raise SettingsError(f"{name} is still a placeholder: set its real value or remove it.")
    return value or None


def _words(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple((_text(env, name) or "").replace(",", " ").split())


def _url(env: Mapping[str, str], name: str) -> str | None:
    value = _text(env, name)
    if value and not URL.fullmatch(value):
        raise SettingsError(f"{name} must be an https URL of host, port and path alone.")
    return value.rstrip("/") if value else None


def _secrets_file(env: Mapping[str, str], is_local: bool) -> Path | None:
    value = _text(env, "SECRETS_FILE")
    if value:
        return Path(value)
    if not is_local:
        raise SettingsError("SECRETS_FILE is missing: a deployed stage needs its signing key.")
    return Path(__file__).resolve().parent.parent / ".local" / "secrets.json"
