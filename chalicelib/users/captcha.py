"""Captchas: Google's siteverify where it is configured, a development key on local stages."""

import json
from urllib.parse import urlencode

import urllib3

from chalicelib.errors import ServiceUnavailableError
from chalicelib.web.operation import Call

SITEVERIFY = "https://www.google.com/recaptcha/api/siteverify"
TIMEOUT = 3.0  # seconds
DEVELOPMENT_KEY = "secret_key"


def verify_by_google(secret: str, key: str) -> bool:
    """Ask Google whether a person solved the captcha.

    :raises ServiceUnavailableError: Google did not answer; nobody is signed up unseen.
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


def captcha_is_solved(call: Call, key: str) -> bool:
    """Check the captcha of a call by what the stage is configured with; with nothing, refuse."""
    secret = call.keyring.recaptcha_secret
    if secret and call.settings.recaptcha_site_key:
        return verify_by_google(secret, key)
    return call.settings.is_local and key == DEVELOPMENT_KEY


def site_key(call: Call) -> str | None:
    """Give the public key that the sign-up form needs; None where nobody can sign up alone."""
    if call.settings.recaptcha_site_key:
        return call.settings.recaptcha_site_key
    return DEVELOPMENT_KEY if call.settings.is_local else None
