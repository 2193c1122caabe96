"""Authorization codes: short-lived, for one use, bound to client, redirect URI and PKCE challenge."""

import base64
import hashlib
import hmac
import re
import time
from dataclasses import dataclass, field

from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.db.keys import Key, new_id
from chalicelib.oauth.authorize.models import AuthorizationCode, AuthorizationRequest
from chalicelib.oauth.secrets import hash_secret, new_secret
from chalicelib.users.models import User

SHAPE = re.compile(r"([0-9A-Z]{26})\.[\w-]{43}", re.ASCII)
VERIFIER = re.compile(r"[\w.~-]{43,128}", re.ASCII)  # RFC 7636 §4.1


@dataclass(frozen=True)
class Code:
    """An authorization code as it was presented; its first part only says where to look."""

    text: str = field(repr=False)
    user_id: str

    @property
    def key(self) -> Key:
        """The key of the item that stands for it."""
        return keys.authorization_code(self.user_id, hash_secret(self.text))


def parse_code(text: str) -> Code | None:
    """Read a presented code; None if it can't be one of ours."""
    match = SHAPE.fullmatch(text)
    return Code(text, match[1]) if match else None


def issue_code(context: Context, user: User, consent_id: str, asked: AuthorizationRequest) -> Code:
    """Add a new code to the work, and return it.

    :param consent_id: of the user's consent, which what comes of the code rests on.
    """
    now, settings = int(time.time()), context.settings
    code = Code(f"{user.id}.{new_secret()}", user.id)
    item = AuthorizationCode.at(
        code.key,
        user_id=user.id,
        client_id=asked.client.client_id,
        registration_id=asked.client.registration_id,
        consent_id=consent_id,
        family_id=new_id(),
        redirect_uri=asked.redirect_uri,
        redirect_uri_was_given=asked.redirect_uri_was_given,
        scope=asked.scope,
        code_challenge=asked.code_challenge,
        credentials_version=user.credentials_version,
        valid_until=now + settings.authorization_code_lifetime,
        # Known for as long as what it was exchanged for may live: who shows it again ends that.
        expires_at=now + settings.refresh_token_absolute_lifetime,
    )
    context.work.put(item)
    return code


def is_verified(code: AuthorizationCode, verifier: str) -> bool:
    """Whether a code verifier fits the challenge (RFC 7636 §4.6, S256)."""
    if not VERIFIER.fullmatch(verifier):
        return False
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    made = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return hmac.compare_digest(made, code.code_challenge)
