"""Who may do what with OAuth2 clients."""

from collections.abc import Collection

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.errors import ForbiddenError
from chalicelib.oauth.clients.models import PASSWORD, OAuth2Client
from chalicelib.web.access import ADMIN, FIRST_PARTY_ADMIN, Permission
from chalicelib.web.call import Call, Load


def _client_key(call: Call) -> Key | None:
    client_id = call.params["client_id"]
    return keys.client(client_id) if keys.CLIENT_ID.fullmatch(client_id) else None


def _owns_client(call: Call) -> bool:
    client = call.get(CLIENT)
    return client is not None and client.user_id == call.actor.id


CLIENT = Load(OAuth2Client, _client_key)

OWNER = Permission("Owner", _owns_client, (CLIENT,))
OWNER_OR_ADMIN = OWNER | ADMIN
OWNER_OR_FIRST_PARTY_ADMIN = OWNER | FIRST_PARTY_ADMIN


def check_password_grant(call: Call, grant_types: Collection[str]) -> None:
    """Check who decides on clients that people give their passwords to.

    :raises ForbiddenError: the password grant is among them, and the caller is no admin who may give it.
    """
    if PASSWORD in grant_types and not FIRST_PARTY_ADMIN.allows(call):
        raise ForbiddenError(
            "To register a client with the password grant, or to change one that keeps it, you need: "
            f"{FIRST_PARTY_ADMIN.sentence}."
        )
