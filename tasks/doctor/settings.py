"""Settings and secrets of a stage."""

import json
import time
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from chalicelib.security.keys import CURRENT, NEXT, read_keyring
from chalicelib.security.keystore import UNUSABLE, source_of
from chalicelib.security.signing import RSA_BITS
from chalicelib.settings import Settings, address, is_placeholder
from tasks.doctor.report import BROKEN, GOOD, LOOK, WRONG, Finding, Subject
from tasks.keys import ABSENT
from tasks.rotation import entry_of, propagation

OLD = 365 * 86400  # seconds for which one key may sign
OVERDUE = 86400  # seconds after which a rotation counts as forgotten


def check_settings(subject: Subject) -> Iterator[Finding]:
    """Report which stage this is; invalid settings are reported before."""
    settings = subject.settings
    where = address(settings.dynamodb_endpoint or settings.region)
    yield Finding(GOOD, f"stage {settings.stage}, table {settings.table_name}, {where}")


def check_keys(subject: Subject) -> Iterator[Finding]:
    """Read the document of secrets, and look at the keys in it."""
    settings = subject.settings
    document = read_document(subject)
    if document is None:
        task = f"invoke keys.generate --stage {settings.stage}"
        advice = "`make run` makes one." if settings.is_local else task
        yield Finding(BROKEN, f"{settings.secrets} can't be read", advice)
        return
    try:
        weak = [entry["kid"] for entry in document["signing_keys"] if _is_weak(entry)]
        keyring = None if weak else read_keyring(json.dumps(document), subject.aws)
    except UNUSABLE as error:
        # Only the kind: a message may quote a part of a key.
        advice = "docs/keys.md shows what belongs in it; functions can't start with this."
        yield Finding(BROKEN, f"{settings.secrets} can't be used: {type(error).__name__}", advice)
        return
    if keyring is None:
        yield Finding(WRONG, f"{', '.join(weak)}: fewer than {RSA_BITS} bits", _rotate(settings))
        return
    yield Finding(GOOD, f"{settings.secrets}: {keyring.current.kid} signs ({keyring.current.algorithm})")
    yield from _ages(document, settings)


def read_document(subject: Subject) -> dict[str, Any] | None:
    """Read the document of secrets; None if it is missing or not JSON."""
    try:
        found = json.loads(source_of(subject.settings, subject.aws).read())
    except (FileNotFoundError, ValueError):
        return None
    except ClientError as error:
        if error.response["Error"]["Code"] in ABSENT:
            return None
        raise
    return found if isinstance(found, dict) else None


def _is_weak(entry: dict[str, Any]) -> bool:
    if "pem" not in entry:
        return False
    key = load_pem_private_key(entry["pem"].encode(), password=None, unsafe_skip_rsa_key_validation=True)
    return isinstance(key, RSAPrivateKey) and key.key_size < RSA_BITS


def _ages(document: dict[str, Any], settings: Settings) -> Iterator[Finding]:
    now = time.time()
    since = (entry_of(document, CURRENT) or {}).get("signs_since")
    if since and now - since > OLD:
        yield Finding(LOOK, f"it has signed for {(now - since) / 86400:.0f} days", _rotate(settings))
    successor = entry_of(document, NEXT)
    if successor and now > successor["published"] + propagation(settings) + OVERDUE:
        advice = f"{_rotate(settings)} goes on from there."
        yield Finding(WRONG, f"{successor['kid']} was published, and does not sign", advice)


def _rotate(settings: Settings) -> str:
    return f"invoke keys.rotate --stage {settings.stage}"


def check_secrets(subject: Subject) -> Iterator[Finding]:
    """Check for placeholders that were not replaced."""
    document = read_document(subject) or {}
    found = sorted(name for name, value in document.items() if is_placeholder(str(value)))
    for name in found:
        advice = "Put its real value into the document, or remove it."
        yield Finding(WRONG, f"{name} is still a placeholder", advice)
    if not found:
        yield Finding(GOOD, "none is a placeholder")


def check_cors(subject: Subject) -> Iterator[Finding]:
    """Check that origins are named one by one, and use TLS."""
    origins = subject.settings.cors_origins
    advice = "List origins such as https://app.your-company.com in CORS_ORIGINS (.chalice/config.json)."
    for origin in origins:
        if "*" in origin:
            yield Finding(WRONG, f"{origin} allows pages of any origin", advice)
        elif not (origin.startswith("https://") or subject.settings.is_local):
            yield Finding(WRONG, f"{origin} is not https", advice)
    yield Finding(GOOD, f"pages of {', '.join(origins)}" if origins else "no page of another origin may call")


def check_captcha(subject: Subject) -> Iterator[Finding]:
    """Check that the captcha is configured completely or not at all."""
    site_key = subject.settings.recaptcha_site_key
    secret = (read_document(subject) or {}).get("recaptcha_secret")
    if site_key and secret:
        yield Finding(GOOD, "Google's")
    elif site_key or secret:
        missing = "recaptcha_secret (in the document of secrets)" if site_key else "RECAPTCHA_SITE_KEY"
        yield Finding(WRONG, f"{missing} is missing: nobody can sign up", "Set both, or neither.")
    elif subject.settings.is_local:
        yield Finding(GOOD, "the development key")
    else:
        advice = "To let people sign up: set RECAPTCHA_SITE_KEY, and recaptcha_secret in the document."
        yield Finding(LOOK, "none, so people cannot sign up; admins create accounts", advice)
