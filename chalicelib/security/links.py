"""What opens a link that is sent by letter: the id of the link, and a MAC of it.

The table holds only the ids, so nobody opens a link by reading it.
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode

from chalicelib.security.keys import Keyring

TOKEN = re.compile(r"(?P<id>([0-7][0-9A-HJKMNP-TV-Z]{25}){1,2})[\w-]{43}", re.ASCII)


def token_of(keyring: Keyring, link_id: str) -> str:
    """Return what opens a link: the id and 43 more characters that are safe in URLs.

    :param link_id: a ULID, or two: whose link it is, and which.
    """
    mac = hmac.digest(keyring.mac_key("link"), link_id.encode(), hashlib.sha256)
    return link_id + urlsafe_b64encode(mac).decode().rstrip("=")


def link_of(keyring: Keyring, token: str) -> str | None:
    """Return the id of the link that a token opens; None if it opens none."""
    match = TOKEN.fullmatch(token)
    if match is None or not hmac.compare_digest(token_of(keyring, match["id"]), token):
        return None
    return match["id"]
