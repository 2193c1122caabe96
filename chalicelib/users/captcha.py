"""Captchas: Google's siteverify where it is configured, a development key on local stages."""

import json
from urllib.parse import urlencode

import urllib3

from chalicelib.context import Context
from chalicelib.errors import ServiceUnavailableError
from chalicelib.settings import Settings

SITEVERIFY = "https://www.google.com/recaptcha/api/siteverify"
TIMEOUT = 3.0  # seconds
DEVELOPMENT_KEY = "secret_key"


def verify_by_google(secret: str, key: str) -> bool:
    """Ask Google whether a person solved the captcha.

    :raises ServiceUnavailableError: Google did not answer; no account is created.
    """
    body = urlencode({"secret": secret, "response": key})
    try:
        answer = urllib3.request(
            "POST",
            SITEVERIFY,
            body=body,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            timeout=TIMEOUT,
            retries=False,
        )
        return json.loads(answer.data).get("success") is True
    except (urllib3.exceptions.HTTPError, ValueError, AttributeError) as error:
        raise ServiceUnavailableError("The captcha could not be checked: try again.") from error


def captcha_is_solved(context: Context, key: str) -> bool:
    """Check a captcha by what the stage is configured with; with nothing, refuse."""
    secret = context.keyring.recaptcha_secret
    if secret and context.settings.recaptcha_site_key:
        return context.once(("captcha", key), lambda: verify_by_google(secret, key))
    return context.settings.is_local and key == DEVELOPMENT_KEY


def site_key(settings: Settings) -> str | None:
    """Return the public key that the sign-up form needs; None where nobody can sign up on their own."""
    if settings.recaptcha_site_key:
        return settings.recaptcha_site_key
    return DEVELOPMENT_KEY if settings.is_local else None
